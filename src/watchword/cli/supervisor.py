"""Keeps the processes of `watchword serve` running: ordered start, restarts, clean stop, one log stream.

No role outlives the supervisor: each reads from a pipe whose other end only the supervisor holds, so it notices even a
`kill -9` of the supervisor; and each has a process group of its own, which ends as a whole.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Final

from watchword.settings.variables import STOP_ON_EOF_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

TICK_SECONDS: Final = 0.1

RESTARTS: Final = 5
"""Starts of a role within `Timeouts.window` after it ended. After that it waits until the first of them is older."""


RESET: Final = "\x1b[0m"
MAX_LINE_BYTES: Final = 16_384


class LogStream:
    """Thread-safe. `colours` maps a role's name to the escape sequence of its prefix; empty means no colour."""

    def __init__(self, target: IO[str], *, width: int = 8, colours: Mapping[str, str] | None = None) -> None:
        self._target = target
        self._width = width
        self._colours = colours or {}
        self._lock = threading.Lock()

    def say(self, sentence: str) -> None:
        """A line of the supervisor itself."""
        self.write("serve", sentence)

    def write(self, role: str, line: str) -> None:
        prefix = f"{role:<{self._width}} │"
        colour = self._colours.get(role, "")
        # Without a reader of the log the roles run on. A thread that ended here would leave its role's pipe to fill up,
        # and the role would wait for it.
        with self._lock, suppress(OSError):
            self._target.write(f"{colour}{prefix}{RESET if colour else ''} {line}\n")
            self._target.flush()

    def copy(self, role: str, source: IO[bytes]) -> None:
        """Copy lines until the end of `source`; a line without end is cut at 16 KiB, so that memory stays bounded."""
        with source:
            while line := source.readline(MAX_LINE_BYTES):
                self.write(role, line.decode("utf-8", "replace").rstrip("\r\n"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """One process. The supervisor calls `is_ready` until it returns True, and then starts the next role."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    is_ready: Callable[[], bool] = lambda: True


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """All times in seconds.

    Attributes:
        start: until a role must be ready.
        stop: between SIGTERM and SIGKILL.
        pause: between the end of a role and its next start.
        window: in which a role is started again at most RESTARTS times.
    """

    start: float = 60.0
    stop: float = 8.0
    pause: float = 1.0
    window: float = 60.0


class StartFailed(Exception):
    """A role did not become ready; everything was stopped again."""

    def __init__(self, role: str, sentence: str) -> None:
        super().__init__(sentence)
        self.role = role


class ManagedProcess:
    """One role and its current process."""

    def __init__(self, role: Role, log: LogStream, timeouts: Timeouts) -> None:
        self.role = role
        self._log = log
        self._timeouts = timeouts
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None
        self._ended_at: deque[float] = deque(maxlen=RESTARTS)
        self._due_at: float | None = None

    def start(self) -> None:
        self._due_at = None
        self._process = subprocess.Popen(  # noqa: S603 - the commands are written in roles.py, none comes from outside.
            self.role.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, **self.role.environment, STOP_ON_EOF_VARIABLE: "1"},
            # Ctrl-C reaches the supervisor alone, which then stops the roles in order.
            start_new_session=True,
        )
        assert self._process.stdout is not None  # noqa: S101 - a pipe, as above; for the type checker.
        self._reader = threading.Thread(
            target=self._log.copy,
            args=(self.role.name, self._process.stdout),
            name=f"log-{self.role.name}",
            daemon=True,
        )
        self._reader.start()

    @property
    def pid(self) -> int | None:
        """The id of the process; None while there is none."""
        return None if self._process is None else self._process.pid

    def exit_status(self) -> int | None:
        """The status of a process that ended by itself, negative for a signal; None while it runs or is not started."""
        return None if self._process is None else self._process.poll()

    def clean_up(self) -> None:
        """Kill what an ended process left behind: after `kill -9` its own children hold the port."""
        if self._process is None:
            return
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
        if self._reader is not None:
            self._reader.join(timeout=1.0)
        self._process = None

    def tick(self, now: float) -> None:
        """Restart the role when it has ended and its pause is over."""
        if self._due_at is not None:
            if now >= self._due_at:
                self.start()
            return
        status = self.exit_status()
        if status is None:
            return
        self.clean_up()
        self._ended_at.append(now)
        self._due_at = now + self._timeouts.pause
        self._log.say(f"{self.role.name} ended ({describe(status)}); starting it again.")
        again_at = self._ended_at[0] + self._timeouts.window
        if len(self._ended_at) == RESTARTS and again_at > self._due_at:
            self._due_at = again_at
            self._log.say(
                f"{self.role.name} has ended {RESTARTS} times within {self._timeouts.window:.0f} s. Its last lines "
                f"above say why. The other roles keep running; next start in {again_at - now:.0f} s."
            )

    def ask_to_stop(self) -> None:
        self._due_at = None
        if self._process is not None and self._process.poll() is None:
            with suppress(ProcessLookupError):
                self._process.terminate()

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None


class Supervisor:
    def __init__(self, roles: Sequence[Role], log: LogStream, timeouts: Timeouts | None = None) -> None:
        self._timeouts = timeouts or Timeouts()
        self._log = log
        self._processes = [ManagedProcess(role, log, self._timeouts) for role in roles]
        self._stopping = False

    def request_stop(self, *_: object) -> None:
        """Stop soon. Safe to use as a signal handler and from any thread."""
        # A plain flag, read every tick: `Event.set` in a handler can wait for a lock that its own thread holds.
        self._stopping = True

    def pid_of(self, role: str) -> int | None:
        """The id of the role's process; None while there is none."""
        return next(process.pid for process in self._processes if process.role.name == role)

    def start(self) -> None:
        """Start the roles in order, each when the one before is ready.

        Raises:
            StartFailed: one ended or was not ready in time; all are stopped again.
        """
        for process in self._processes:
            if self._stopping:
                return
            process.start()
            try:
                self._wait_until_ready(process)
            except StartFailed:
                self.stop()
                raise

    def run(self) -> None:
        """Restart roles that end until a stop is requested, then stop them all."""
        try:
            while not self._stopping:
                time.sleep(TICK_SECONDS)
                now = time.monotonic()
                for process in self._processes:
                    process.tick(now)
        finally:
            self.stop()

    def stop(self) -> None:
        """Send SIGTERM to all roles, and SIGKILL to those that still run after `Timeouts.stop` seconds."""
        for process in reversed(self._processes):
            process.ask_to_stop()
        deadline = time.monotonic() + self._timeouts.stop
        while any(process.is_running() for process in self._processes) and time.monotonic() < deadline:
            time.sleep(TICK_SECONDS / 2)
        for process in reversed(self._processes):
            if process.is_running():
                self._log.say(f"{process.role.name} did not stop within {self._timeouts.stop:.0f} s; ending it.")
            process.clean_up()

    def _wait_until_ready(self, process: ManagedProcess) -> None:
        name = process.role.name
        deadline = time.monotonic() + self._timeouts.start
        while not self._stopping:
            status = process.exit_status()
            if status is not None:
                # Its last line says why; let the reader finish before the failure is printed.
                process.clean_up()
                raise StartFailed(name, f"{name} ended while starting ({describe(status)}).")
            if process.role.is_ready():
                return
            if time.monotonic() >= deadline:
                raise StartFailed(name, f"{name} was not ready within {self._timeouts.start:.0f} s.")
            time.sleep(TICK_SECONDS)


def describe(status: int) -> str:
    """How a process ended, in words, from its exit status as `subprocess` returns it."""
    if status < 0:
        with suppress(ValueError):
            return f"killed by {signal.Signals(-status).name}"
    return f"exit status {status}"


def stop_when_abandoned() -> None:
    """In a role's process: stop as by SIGTERM when the supervisor is gone. Does nothing when run by hand."""
    if os.environ.pop(STOP_ON_EOF_VARIABLE, None) is None:
        return

    def wait_for_eof() -> None:
        with suppress(OSError):
            while os.read(0, 1024):
                pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait_for_eof, name="supervisor-watch", daemon=True).start()
