"""FN-03: commands whose output has no reader, and arguments that are no text."""

from __future__ import annotations

import io
import logging
import os
import subprocess
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from kit.processes import free_port
from watchword.cli.demo import listening
from watchword.cli.output import CommandFailed
from watchword.cli.root import ALL_COMMANDS, is_text
from watchword.cli.supervisor import LogStream
from watchword.demo.sample_api import sample_api
from watchword.runtime.logging import configure_logging

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from kit.command_line import CommandLine

SECONDS = 60


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "watchword.toml").touch()
    return {
        **os.environ,
        "WATCHWORD_CONFIG": str(tmp_path / "watchword.toml"),
        "WATCHWORD_DATA_DIR": str(tmp_path / "data"),
        "PYTHON": sys.executable,
    }


def shell(script: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """`$PYTHON -m watchword.cli` as a person starts it, with what the shell does to its streams."""
    return subprocess.run(
        ("/bin/sh", "-c", script.replace("watchword", "$PYTHON -m watchword.cli")),
        env=environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def test_fn_03_pipe_without_a_reader_ends_a_command_quietly(environment: dict[str, str]) -> None:
    # `true` reads nothing, so every write meets a closed pipe.
    outcome = shell("watchword config check --offline | head -1; watchword config check --offline | true", environment)
    assert outcome.stdout.startswith("data_dir = ")
    assert outcome.stderr == ""


def test_fn_03_closed_streams_break_no_command(environment: dict[str, str], tmp_path: Path) -> None:
    outcome = shell(
        "watchword migrate >&- 2>&- <&- && watchword organization create acme >&- 2>&- && watchword organization list",
        environment,
    )
    assert (outcome.returncode, outcome.stderr) == (0, "")
    assert "acme" in outcome.stdout
    # Without the repair, the database would get the number of standard output.
    assert (tmp_path / "data" / "watchword.sqlite3").read_bytes().startswith(b"SQLite format 3\0")


def test_fn_03_full_disk_gets_one_sentence(environment: dict[str, str]) -> None:
    outcome = shell("watchword config check --offline >/dev/full", environment)
    assert outcome.returncode == 1
    assert outcome.stderr == "Error: The operating system refused what this command needs: No space left on device.\n"


def test_fn_03_unencodable_characters_are_shown_as_numbers(environment: dict[str, str]) -> None:
    outcome = shell(
        "watchword config check --offline",
        {**environment, "PYTHONIOENCODING": "ascii", "WATCHWORD_DATA_DIR": "réserve"},
    )
    assert outcome.returncode == 0
    assert outcome.stdout.startswith("data_dir = r\\xe9serve\n")


@pytest.mark.parametrize("argument", ["a\0b", "\udcff"])
def test_fn_03_invalid_text_in_arguments_is_wrong_usage(bare_command_line: CommandLine, argument: str) -> None:
    for name in ALL_COMMANDS:
        outcome = bare_command_line.run(name, argument)
        assert outcome.exit_code == 2
        assert "NUL or octets that are not UTF-8" in outcome.stderr
    assert not is_text(argument)


def test_fn_03_invalid_text_in_the_password_is_wrong_usage(command_line: CommandLine) -> None:
    outcome = command_line.run("operator", "create", "alice@x.example", "--password-stdin", stdin=b"\xff\xfe\n")
    assert outcome.exit_code == 2
    assert "Standard input is not UTF-8." in outcome.stderr


# ---------------------------------------------------------------- roles


class Gone(io.StringIO):
    """A stream whose reader is gone."""

    def write(self, _text: str, /) -> int:
        raise BrokenPipeError(32, "Broken pipe")


def test_fn_03_roles_continue_without_a_reader_of_their_log() -> None:
    source = io.BytesIO(b"one\ntwo\n")
    LogStream(Gone()).copy("portal", source)
    assert source.closed, "read to the end, so that the role's pipe never fills up"


@pytest.fixture
def unchanged_logging() -> Iterator[None]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = before


@pytest.mark.usefixtures("unchanged_logging")
def test_fn_03_log_without_a_reader_writes_no_tracebacks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdout", Gone())
    configure_logging("worker")
    logging.getLogger("watchword").warning("something")
    assert capsys.readouterr().err == ""


@pytest.mark.enable_socket
def test_fn_03_second_demo_gets_one_sentence() -> None:
    port = free_port()

    def api() -> AbstractContextManager[int]:
        return sample_api(host="127.0.0.1", port=port, verifiers=[("127.0.0.1", 1)])

    with ExitStack() as first, ExitStack() as second:
        listening(first, "--api-port", port, api())
        with pytest.raises(CommandFailed) as failed:
            listening(second, "--api-port", port, api())
    assert failed.value.message == (
        f"127.0.0.1:{port} cannot be used (Address already in use). Stop what listens there, or choose another port "
        "with --api-port."
    )
