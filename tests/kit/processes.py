"""Child processes for tests: started on a free port, waited for, bounded in time and always ended by their own pid."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

LOOPBACK = "127.0.0.1"


class NotReady(AssertionError):
    """Something did not happen in the allowed time; the message has the output of the process so far."""


_handed_out: set[int] = set()
# The kernel uses this range for outgoing connections and for servers that bind port 0.
_PORTS_OF_THE_KERNEL = Path("/proc/sys/net/ipv4/ip_local_port_range")
_LOWEST_PORT = 10_000
"""Above the ports in the texts for gateways, such as 8081, in whose place tests put these."""

_MOST_WORKERS = 16


def free_port() -> int:
    """Return an unused loopback TCP port, another one each time.

    It lies below the range of ports that the kernel hands out, and each pytest worker has ports of its own: no other
    test's connection can take it before the process it is for has bound it. If the kernel's range leaves no room
    below it, any free port is used.
    """
    end = int(_PORTS_OF_THE_KERNEL.read_text().split()[0])
    if end < 2 * _LOWEST_PORT:
        end = 2**16
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw15").removeprefix("gw")) % _MOST_WORKERS
    while True:
        port = _LOWEST_PORT + secrets.randbelow((end - _LOWEST_PORT) // _MOST_WORKERS) * _MOST_WORKERS + worker
        if port not in _handed_out and _can_be_bound(port):
            _handed_out.add(port)
            return port


def _can_be_bound(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def is_listening(port: int) -> bool:
    with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((LOOPBACK, port)) == 0


def wait_until(condition: Callable[[], object], *, what: str, timeout: float = 15.0, interval: float = 0.02) -> None:
    """Poll `condition` until it holds; raise NotReady("... `what` ...") after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise NotReady(f"not within {timeout:g} s: {what}")
        time.sleep(interval)


class ChildProcess:
    """One started command. It leads its own process group, so that its workers end with it."""

    def __init__(self, command: Sequence[str], *, log: Path, environment: Mapping[str, str] | None = None) -> None:
        self.command = tuple(command)
        self._log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative when a signal ended it, as in `subprocess`."""
        return self._process.poll()

    def output(self) -> str:
        return self._log.read_text(errors="replace")

    def wait_until(self, condition: Callable[[], bool], *, what: str, timeout: float = 15.0) -> None:
        """As the function of this name, but also fails at once when the process has ended."""

        def held_or_ended() -> bool:
            return self.exit_code is not None or condition()

        try:
            wait_until(held_or_ended, what=what, timeout=timeout)
        except NotReady as late:
            raise NotReady(f"{late}\n{self.output()}") from None
        if self.exit_code is not None:
            raise NotReady(f"{self.command[0]} ended with {self.exit_code} before: {what}\n{self.output()}")

    def wait_until_listening(self, port: int, *, timeout: float = 15.0) -> None:
        self.wait_until(lambda: is_listening(port), what=f"listening on port {port}", timeout=timeout)

    def pause(self) -> None:
        """Freeze it (SIGSTOP): connections are still accepted by the kernel, nothing answers."""
        os.killpg(self.pid, signal.SIGSTOP)
        # Until all its threads have stopped, one of them may still answer.
        os.waitid(os.P_PID, self.pid, os.WSTOPPED)

    def resume(self) -> None:
        os.killpg(self.pid, signal.SIGCONT)

    def kill(self) -> None:
        """Kill it (SIGKILL) with all its children."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait(timeout=10)

    def terminate(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Send SIGTERM and return at once; see `stop` and `wait`."""
        self._process.send_signal(number)

    def wait(self, *, timeout: float = 10.0) -> int:
        """Return the exit code; raise `subprocess.TimeoutExpired` when it still runs after `timeout` seconds."""
        return self._process.wait(timeout=timeout)

    def stop(self, *, timeout: float = 10.0) -> None:
        """Ask it to end (SIGTERM), and end its whole group when it has not within `timeout` seconds."""
        if self.exit_code is None:
            self.resume()
            self.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.wait(timeout=timeout)
        self.kill()


@contextlib.contextmanager
def running(
    command: Sequence[str],
    *,
    log: Path,
    port: int | None = None,
    environment: Mapping[str, str] | None = None,
    timeout: float = 15.0,
) -> Iterator[ChildProcess]:
    """Run `command` for the length of a `with` block.

    Args:
        command: program and arguments.
        log: file that stdout and stderr are appended to; shown if the process does not start.
        port: if given, the block starts only after something listens there on loopback.
        environment: added to the environment of the test.
        timeout: seconds to wait for the port.
    """
    child = ChildProcess(command, log=log, environment=environment)
    try:
        if port is not None:
            child.wait_until_listening(port, timeout=timeout)
        yield child
    finally:
        child.stop()
