"""`watchword demo` with all its real parts, as one process on free ports."""

from __future__ import annotations

import re
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kit.processes import ChildProcess, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.enable_socket, pytest.mark.timeout(420)]

FLAGS = (
    "--portal-port",
    "--verifier-port",
    "--verifier-admin-port",
    "--second-verifier-port",
    "--second-verifier-admin-port",
    "--authorization-server-port",
    "--api-port",
)
RESULTS = (
    "200", "401", "401", "200", "200", "200", "200", "200", "401", "200",
    "200", "403", "2", "0", "0", "403", "200", "0",
)  # fmt: skip
VISITS = (
    "✓ an expired organization: its page says that tokens are refused",
    "✓ the operator signs in with a code of the authenticator app",
    "✓ Alice signs in at Acme's identity provider",
    "✓ after 15 minutes: proof again before the server is disabled",
)


def start(directory: Path, *arguments: str, **environment: str) -> ChildProcess:
    ports = [part for flag in FLAGS for part in (flag, str(free_port()))]
    command = [sys.executable, "-m", "watchword.cli", "demo", *ports, *arguments]
    return ChildProcess(command, log=directory / "demo.log", environment={"TMPDIR": str(directory), **environment})


def processes_with(variable: str) -> list[str]:
    """Processes in whose environment the variable stands."""
    found = []
    for environment in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if variable.encode() in environment.read_bytes().split(b"\0"):
                found.append(environment.parent.name)
    return found


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ChildProcess, Path]]:
    directory = tmp_path_factory.mktemp("demo")
    # A demo must not touch what the environment of the same shell is set up for.
    process = start(directory, "--check", WATCHWORD_DATABASE_URL="postgresql://127.0.0.1:1/production")
    try:
        process.wait(timeout=360)
        yield process, directory
    finally:
        process.stop()


def test_each_step_of_the_walk_through_passes(checked: tuple[ChildProcess, Path]) -> None:
    process, _ = checked
    assert process.exit_code == 0, process.output()
    lines = [line for line in process.output().splitlines() if line.startswith(("✓", "✗"))]
    commands, visits = lines[: len(RESULTS)], lines[len(RESULTS) :]
    assert tuple(line.split()[1] for line in commands) == RESULTS
    assert "20 calls after one verifier was killed, none refused" in process.output()
    # It was killed while the API had to answer, and not by the end of the demo.
    assert "verifier ended (killed by SIGKILL); starting it again" in process.output()
    assert tuple(visits) == VISITS
    assert all(line.startswith("✓") for line in lines)


def test_demo_leaves_no_processes_and_files(checked: tuple[ChildProcess, Path]) -> None:
    _, directory = checked
    assert [path.name for path in directory.iterdir()] == ["demo.log"]
    assert processes_with(f"TMPDIR={directory}") == []


def test_the_walk_through_is_printed_and_sigterm_ends_the_demo(tmp_path: Path) -> None:
    process = start(tmp_path, "--keep", str(tmp_path / "kept"))
    try:
        process.wait_until(
            lambda: "has expired, and its page" in process.output(), what="the walk-through is printed", timeout=120
        )
        text = process.output()
        pids = re.findall(r"http://127\.0\.0\.1:\d+   process (\d+)", text)
        # The verifiers, and no process that stands between them and the demo.
        assert len(pids) == 2
        for pid in pids:
            assert Path(f"/proc/{pid}/cmdline").read_bytes().endswith(b"serve\0verifier\0")
            assert pid in processes_with(f"TMPDIR={tmp_path}")
        process.terminate()
        assert process.wait(timeout=30) == 0
    finally:
        process.stop()
    assert re.search(r"alice@acme\.example +password +\S{12,}", text)
    assert "TOKEN=$(curl -s --cacert " in text
    assert "--cacert " + str(tmp_path / "kept" / "demo-ca.pem") in text
    assert (tmp_path / "kept" / "data" / "watchword.sqlite3").exists()


def test_check_fails_if_a_signal_stops_it_at_the_start(tmp_path: Path) -> None:
    process = start(tmp_path, "--check")
    try:
        process.wait_until(lambda: "portal_starting" in process.output(), what="the roles are starting", timeout=120)
        process.terminate()
        assert process.wait(timeout=60) == 1, process.output()
    finally:
        process.stop()
    assert processes_with(f"TMPDIR={tmp_path}") == []


def test_directory_that_is_not_empty_is_refused(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "thesis.txt").touch()
    process = start(tmp_path, "--keep", str(tmp_path / "kept"))
    assert process.wait(timeout=30) == 1
    assert "is not empty" in process.output()
