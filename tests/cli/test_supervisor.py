"""The supervisor with real, small processes instead of the product's roles."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from watchword.cli.supervisor import (
    MAX_LINE_BYTES,
    RESTARTS,
    LogStream,
    ManagedProcess,
    Role,
    StartFailed,
    Supervisor,
    Timeouts,
    describe,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

QUICK = Timeouts(start=30.0, stop=3.0, pause=0.05, window=3600.0)
SLEEPS = "import time; print('up', flush=True); time.sleep(60)"
IGNORES_SIGTERM = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + SLEEPS


def python(name: str, code: str, is_ready: Callable[[], bool] = lambda: True) -> Role:
    return Role(name=name, command=(sys.executable, "-c", code), is_ready=is_ready)


def leaving_pid(path: Path, then: str = SLEEPS) -> str:
    return f"import os, pathlib; pathlib.Path({str(path)!r}).write_text(str(os.getpid())); {then}"


def wait_until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.02)


def pid_in(path: Path) -> int:
    wait_until(lambda: path.exists() and path.read_text() != "")
    return int(path.read_text())


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@contextmanager
def running(*roles: Role, timeouts: Timeouts = QUICK) -> Iterator[tuple[Supervisor, io.StringIO]]:
    text = io.StringIO()
    supervisor = Supervisor(roles, LogStream(text), timeouts)
    supervisor.start()
    thread = threading.Thread(target=supervisor.run)
    thread.start()
    try:
        yield supervisor, text
    finally:
        supervisor.request_stop()
        thread.join(timeout=30)
        assert not thread.is_alive()


def test_each_log_line_begins_with_its_role() -> None:
    with running(python("portal", SLEEPS), python("worker", SLEEPS)) as (_, text):
        wait_until(lambda: text.getvalue().count("up") == 2)
    assert "portal   │ up\n" in text.getvalue()
    assert "worker   │ up\n" in text.getvalue()


def test_the_next_role_starts_only_when_the_one_before_is_ready(tmp_path: Path) -> None:
    ready, second = tmp_path / "ready", tmp_path / "second"
    slow = f"import pathlib, time; time.sleep(0.4); pathlib.Path({str(ready)!r}).touch(); time.sleep(60)"
    order = f"import pathlib; pathlib.Path({str(second)!r}).write_text(str(pathlib.Path({str(ready)!r}).exists())); "
    with running(python("portal", slow, ready.exists), python("worker", order + SLEEPS)):
        wait_until(lambda: second.exists() and second.read_text() != "")
    assert second.read_text() == "True"


def test_a_killed_role_is_started_again(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    with running(python("worker", leaving_pid(pid_file))) as (_, text):
        first = pid_in(pid_file)
        pid_file.unlink()
        os.kill(first, signal.SIGKILL)
        second = pid_in(pid_file)
        assert second != first
    assert "worker ended (killed by SIGKILL); starting it again." in text.getvalue()
    assert not is_alive(second)


def test_children_of_a_killed_role_end_before_its_restart(tmp_path: Path) -> None:
    """A server's own worker process survives `kill -9` of its parent and would keep the port."""
    child_file, pid_file = tmp_path / "child", tmp_path / "pid"
    spawn = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {leaving_pid(child_file)!r}]); "
    with running(python("portal", spawn + leaving_pid(pid_file))):
        child, parent = pid_in(child_file), pid_in(pid_file)
        os.kill(parent, signal.SIGKILL)
        wait_until(lambda: not is_alive(child))


def crashing(path: Path) -> Role:
    """A worker that ends with status 7 as soon as `path` exists, so never while the supervisor starts it first."""
    wait = f"import pathlib, time\nwhile not pathlib.Path({str(path)!r}).exists(): time.sleep(0.01)\n"
    return python("worker", f"{wait}raise SystemExit(7)")


def test_role_that_keeps_crashing_waits_while_the_others_keep_running(tmp_path: Path) -> None:
    with running(python("portal", SLEEPS), crashing(tmp_path / "go")) as (supervisor, text):
        (tmp_path / "go").touch()
        wait_until(lambda: "Its last lines above say why" in text.getvalue())
        assert text.getvalue().count("worker ended (exit status 7); starting it again.") == RESTARTS
        assert "worker has ended 5 times within 3600 s" in text.getvalue()
        assert supervisor.pid_of("worker") is None
        assert supervisor.pid_of("portal") is not None
        assert "portal ended" not in text.getvalue()


class Crashing:
    """A process that always ends at once, on a clock of the test."""

    def __init__(self) -> None:
        self.text = io.StringIO()
        role = python("worker", "raise SystemExit(7)")
        self._process = ManagedProcess(role, LogStream(self.text), Timeouts(pause=1.0, window=60.0))
        self._process.start()

    def end(self, now: float) -> None:
        wait_until(lambda: self._process.exit_status() is not None)
        self._process.tick(now)
        assert self._process.pid is None

    def is_started(self, now: float) -> bool:
        self._process.tick(now)
        return self._process.pid is not None


def test_role_that_keeps_crashing_is_started_again_after_the_window() -> None:
    worker = Crashing()
    for now in (0.0, 1.0, 2.0, 3.0):
        worker.end(now)
        assert not worker.is_started(now + 0.9)
        assert worker.is_started(now + 1.0)
    assert "Its last lines" not in worker.text.getvalue()
    worker.end(4.0)
    assert "worker has ended 5 times within 60 s" in worker.text.getvalue()
    assert worker.text.getvalue().endswith("next start in 56 s.\n")
    assert not worker.is_started(59.9)
    assert worker.is_started(60.0)
    # One second of the window is free again for each earlier end.
    worker.end(60.0)
    assert not worker.is_started(60.9)
    assert worker.is_started(61.0)
    worker.end(61.0)


def test_role_that_crashes_seldom_is_started_again_without_waiting() -> None:
    worker = Crashing()
    for now in range(0, 150, 15):
        worker.end(now)
        assert worker.is_started(now + 1.0)
    worker.end(200.0)
    assert "Its last lines" not in worker.text.getvalue()


def test_a_role_that_ends_while_starting_stops_the_start(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    text = io.StringIO()
    roles = (
        python("portal", leaving_pid(pid_file), pid_file.exists),
        python("worker", "print('no such table'); raise SystemExit(3)", lambda: False),
    )
    supervisor = Supervisor(roles, LogStream(text), QUICK)
    with pytest.raises(StartFailed, match=r"worker ended while starting \(exit status 3\)"):
        supervisor.start()
    assert "no such table" in text.getvalue()
    assert not is_alive(pid_in(pid_file))


def test_a_role_that_is_never_ready_stops_the_start() -> None:
    supervisor = Supervisor([python("portal", SLEEPS, lambda: False)], LogStream(io.StringIO()), Timeouts(start=0.3))
    with pytest.raises(StartFailed, match="was not ready within"):
        supervisor.start()


def test_a_stop_requested_while_starting_starts_nothing_more(tmp_path: Path) -> None:
    late = tmp_path / "late"

    def never_ready() -> bool:
        supervisor.request_stop()
        return False

    roles = [python("portal", SLEEPS, never_ready), python("worker", leaving_pid(late))]
    supervisor = Supervisor(roles, LogStream(io.StringIO()), QUICK)
    supervisor.start()
    supervisor.run()
    assert not late.exists()


def test_a_role_that_ignores_the_request_is_ended_by_force(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    timeouts = Timeouts(stop=0.5)
    with running(python("portal", IGNORES_SIGTERM.replace("time.sleep", leaving_pid(pid_file, "time.sleep"))),
                 timeouts=timeouts) as (_, text):  # fmt: skip
        pid = pid_in(pid_file)
    assert "portal did not stop within" in text.getvalue()
    assert not is_alive(pid)


def test_roles_end_with_a_supervisor_that_was_killed(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    role = f"from watchword.cli.supervisor import stop_when_abandoned; stop_when_abandoned(); {leaving_pid(pid_file)}"
    supervise = (
        "import sys\n"
        "from watchword.cli.supervisor import LogStream\n"
        "from watchword.cli.supervisor import Role, Supervisor\n"
        f"role = Role(name='worker', command=(sys.executable, '-c', {role!r}))\n"
        "supervisor = Supervisor([role], LogStream(sys.stdout))\n"
        "supervisor.start(); supervisor.run()\n"
    )
    with subprocess.Popen([sys.executable, "-c", supervise], stdout=subprocess.DEVNULL) as supervisor:
        pid = pid_in(pid_file)
        supervisor.kill()
        supervisor.wait()
    wait_until(lambda: not is_alive(pid))


def test_log_line_is_cut_at_its_limit() -> None:
    text = io.StringIO()
    LogStream(text).copy("portal", io.BytesIO(b"x" * (MAX_LINE_BYTES + 10) + b"\nnext\n"))
    lines = text.getvalue().splitlines()
    assert [len(line.partition("│ ")[2]) for line in lines] == [MAX_LINE_BYTES, 10, 4]


def test_colours_are_put_around_the_prefix_only() -> None:
    text = io.StringIO()
    LogStream(text, colours={"portal": "\x1b[36m"}).write("portal", "ready")
    assert text.getvalue() == "\x1b[36mportal   │\x1b[0m ready\n"


@pytest.mark.parametrize(
    ("status", "words"), [(0, "exit status 0"), (-15, "killed by SIGTERM"), (-99, "exit status -99")]
)
def test_exit_status_is_described(status: int, words: str) -> None:
    assert describe(status) == words
