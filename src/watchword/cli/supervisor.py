"""Keeps the processes of `watchword serve` running: ordered start, restart with back-off, clean stop, one log stream.

No role outlives the supervisor: each reads from a pipe whose other end only the supervisor holds, so it notices even a
`kill -9` of the supervisor; and each has a process group of its own, which ends as a whole.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from watchword.settings.variables import STOP_ON_EOF_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from watchword.cli.log_stream import LogStream


TICK_SECONDS = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """One process. `is_ready` is asked until it says yes; only then is the next role started."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    is_ready: Callable[[], bool] = lambda: True


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """All times in seconds."""

    start: float = 60.0
    stop: float = 8.0
    first_delay: float = 0.5
    longest_delay: float = 30.0
    # A role that ran this long was well; its next crash is the first one again.
    settled_after: float = 60.0
    crashes_reported: int = 5


class StartFailed(Exception):
    """A role did not become ready; everything was stopped again."""

    def __init__(self, role: str, sentence: str) -> None:
        super().__init__(sentence)
        self.role = role


class Supervised:
    """One role and the process that plays it now."""

    def __init__(self, role: Role, log: LogStream, patience: Patience) -> None:
        self.role = role
        self._log = log
        self._patience = patience
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None
        self._started_at = 0.0
        self._crashes = 0
        self._due_at: float | None = None

    def start(self) -> None:
        self._due_at = None
        self._started_at = time.monotonic()
        self._process = subprocess.Popen(  # noqa: S603 - the commands are written in roles.py, none comes from outside.
            self.role.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, **self.role.environment, STOP_ON_EOF_VARIABLE: "1"},
            # Ctrl-C reaches the supervisor alone, which then stops the roles in order.
            start_new_session=True,
        )
        assert self._process.stdout is not None  # noqa: S101 - it was asked for two lines above; this tells the type.
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
        """Forget an ended process and end what it left behind: after `kill -9` its own children hold the port."""
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
        """Restart the role when it has ended and its delay is over."""
        if self._due_at is not None:
            if now >= self._due_at:
                self.start()
            return
        status = self.exit_status()
        if status is None:
            return
        self.clean_up()
        well = now - self._started_at >= self._patience.settled_after
        self._crashes = 1 if well else self._crashes + 1
        delay = min(self._patience.first_delay * 2 ** (self._crashes - 1), self._patience.longest_delay)
        self._due_at = now + delay
        self._log.say(f"{self.role.name} ended ({describe(status)}); starting it again in {delay:.1f} s.")
        if self._crashes == self._patience.crashes_reported:
            self._log.say(
                f"{self.role.name} has ended {self._crashes} times in a row. Its last lines above say why; "
                "the other roles go on, and it is tried again every "
                f"{self._patience.longest_delay:.0f} s at the latest."
            )

    def ask_to_stop(self) -> None:
        self._due_at = None
        if self._process is not None and self._process.poll() is None:
            with suppress(ProcessLookupError):
                self._process.terminate()

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None


class Supervisor:
    def __init__(self, roles: Sequence[Role], log: LogStream, patience: Patience | None = None) -> None:
        self._patience = patience or Patience()
        self._log = log
        self._all = [Supervised(role, log, self._patience) for role in roles]
        self._stopping = False

    def request_stop(self, *_: object) -> None:
        """Stop soon. Safe to use as a signal handler and from any thread."""
        # A plain flag, looked at every tick: `Event.set` in a handler can wait for a lock that its own thread holds.
        self._stopping = True

    def pid_of(self, role: str) -> int | None:
        """The id of the role's process; None while there is none."""
        return next(supervised.pid for supervised in self._all if supervised.role.name == role)

    def start(self) -> None:
        """Start the roles in order, each when the one before is ready.

        Raises:
            StartFailed: one ended or was not ready in time; all are stopped again.
        """
        for supervised in self._all:
            if self._stopping:
                return
            supervised.start()
            try:
                self._wait_until_ready(supervised)
            except StartFailed:
                self.stop()
                raise

    def run(self) -> None:
        """Watch over the started roles until a stop is requested, then stop them all."""
        try:
            while not self._stopping:
                time.sleep(TICK_SECONDS)
                now = time.monotonic()
                for supervised in self._all:
                    supervised.tick(now)
        finally:
            self.stop()

    def stop(self) -> None:
        """Ask all roles to stop, and end by force after `Patience.stop` seconds those that did not."""
        for supervised in reversed(self._all):
            supervised.ask_to_stop()
        deadline = time.monotonic() + self._patience.stop
        while any(supervised.is_running() for supervised in self._all) and time.monotonic() < deadline:
            time.sleep(TICK_SECONDS / 2)
        for supervised in reversed(self._all):
            if supervised.is_running():
                self._log.say(f"{supervised.role.name} did not stop within {self._patience.stop:.0f} s; ending it.")
            supervised.clean_up()

    def _wait_until_ready(self, supervised: Supervised) -> None:
        name = supervised.role.name
        deadline = time.monotonic() + self._patience.start
        while not self._stopping:
            status = supervised.exit_status()
            if status is not None:
                # Its last line is why; let the reader finish before the verdict is printed.
                supervised.clean_up()
                raise StartFailed(name, f"{name} ended while starting ({describe(status)}).")
            if supervised.role.is_ready():
                return
            if time.monotonic() >= deadline:
                raise StartFailed(name, f"{name} was not ready within {self._patience.start:.0f} s.")
            time.sleep(TICK_SECONDS)


def describe(status: int) -> str:
    """A process's end in words, from its exit status as `subprocess` gives it."""
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
