"""The small installation of docs/operations.md: its file and its commands fit together."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from watchword.cli.local_verifier import load_local_verifier
from watchword.cli.root import watchword
from watchword.cli.serve import serve
from watchword.settings.load import load_control_settings, load_verifier_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

    from kit.command_line import CommandLine

OPERATIONS = Path(__file__).parents[2] / "docs" / "operations.md"
HEADING = "## A small installation: make serve, a second verifier, a gateway\n"
PROGRAM = ".venv/bin/watchword"


def section() -> str:
    return OPERATIONS.read_text(encoding="utf-8").partition(HEADING)[2].partition("\n## ")[0]


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", section(), re.DOTALL)


def commands() -> Iterator[tuple[dict[str, str], list[str]]]:
    """The environment and the arguments of each command of Watchword."""
    for line in "".join(blocks("sh")).replace("\\\n", "").splitlines():
        words = shlex.split(line)
        if PROGRAM in words:
            at = words.index(PROGRAM)
            arguments = words[at + 1 :]
            end = arguments.index(">") if ">" in arguments else len(arguments)
            yield dict(word.split("=", 1) for word in words[:at]), arguments[:end]


def test_small_installation_is_complete(command_line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WATCHWORD_CONFIG", raising=False)
    (document,) = blocks("toml")
    Path("watchword.toml").write_text(document)
    operator, credential, (environment, second_verifier), (_, gateway) = commands()
    control = load_control_settings()
    first = load_local_verifier(control)

    assert command_line.ok("config", "check", "--offline").stderr == ""
    assert "/sign-in/" in command_line.ok(*operator[1]).stdout
    command_line.ok(*credential[1])
    text = command_line.ok(*gateway).stdout
    assert all(address in text for address in (*control.gateway_verifiers, control.api_upstream or "missing"))

    assert second_verifier[:2] == ["serve", "verifier"]
    os.environ.update(environment)
    # Its flags become the environment of the process, as when it starts. A command keeps the names of the help option
    # from its first context, so that must be below the program's.
    program = click.Context(watchword, **watchword.context_settings)
    serve.make_context("serve", second_verifier[1:], parent=program)
    second = load_verifier_settings()
    assert second.read_credential().get_secret_value().startswith("wwv_")
    assert control.gateway_verifiers == (f"127.0.0.1:{first.port}", f"127.0.0.1:{second.port}")
    assert first.admin_port != second.admin_port
    assert first.state_file.parent != second.state_file.parent.absolute()
    assert (first.api_url, first.cloud_name, first.feed_url) == (second.api_url, second.cloud_name, second.feed_url)
