"""The gateway ports: open while the verifier can decide, closed otherwise (FI-03).

A gateway that finds the port closed tries another verifier at once; on an open port it would get a 503 for each
request. The ports stay bound while they are closed, so a port that another process uses is reported at the start.
"""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, Self

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from watchword.verifier.snapshot import CurrentSnapshot

BACKLOG: Final = 1024
DRAIN_SECONDS: Final = 5.0
CLOSING_SECONDS: Final = 0.005
"""Between two checks whether a worker has closed its socket."""

POLL_SECONDS: Final = 1.0
"""The longest time between two readings of the clock, which an administrator may set while the process waits."""

_log = structlog.get_logger("watchword.verifier.listeners.gateway_port")


class Listener(Protocol):
    """Answers gateways on one port."""

    def open(self) -> None:
        """Accept connections from now on.

        Raises:
            OSError: another process listens on this port.
        """

    def close(self) -> None:
        """Refuse connections from now on, but answer requests under way. Does nothing if it is closed."""

    def drain(self) -> None:
        """Wait up to `DRAIN_SECONDS` until requests under way are answered."""


def reserve(host: str, port: int) -> socket.socket:
    """A bound socket that does not listen yet, so that connections to its port are refused.

    Raises:
        OSError: the address cannot be listened on.
    """
    reserved = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        # Old connections of a previous process must not block the port.
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reserved.bind((host, port))
    except OSError as failure:
        reserved.close()
        raise _with_address(failure, host, port) from None
    return reserved


def _with_address(failure: OSError, host: str, port: int) -> OSError:
    return OSError(failure.errno, f"{failure.strerror}: {host}:{port}")


class GatewayPort:
    """Opens and closes all listeners together.

    Attributes:
        is_open: whether all of them accept connections.
    """

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self.is_open = False
        self._clock = clock
        self._is_shut_down = False
        self._changed = threading.Event()

    def wake(self) -> None:
        """Check again whether to open or close, because the snapshot was replaced."""
        self._changed.set()

    def shut_down(self) -> None:
        """Close all listeners and let `run` return."""
        self._is_shut_down = True
        self._changed.set()

    def run(self, listeners: Sequence[Listener], current: CurrentSnapshot) -> None:
        """Open and close the listeners until `shut_down`, then wait for requests under way.

        Raises:
            OSError: another process has taken one of the ports.
        """
        try:
            while not self._is_shut_down:
                now = self._clock()
                why_not = current.why_undecidable(now)
                if why_not is not None and self.is_open:
                    _log.warning("gateway_port_closed", reason=why_not)
                    self._close(listeners)
                elif why_not is None and not self.is_open:
                    self._open(listeners)
                    _log.info("gateway_port_open")
                self._changed.wait(_seconds_to_wait(current, now))
                self._changed.clear()
        finally:
            self._close(listeners)
            for listener in listeners:
                listener.drain()

    def _open(self, listeners: Sequence[Listener]) -> None:
        for listener in listeners:
            listener.open()
        self.is_open = True

    def _close(self, listeners: Sequence[Listener]) -> None:
        self.is_open = False
        for listener in listeners:
            listener.close()


def _seconds_to_wait(current: CurrentSnapshot, now: float) -> float:
    """The time until the snapshot becomes too old, at most `POLL_SECONDS`."""
    view = current.view
    if view is None or not now < view.good_until:
        return POLL_SECONDS
    return min(POLL_SECONDS, view.good_until - now)


class Worker(NamedTuple):
    """Serves the connections of one listening socket.

    Attributes:
        stop: makes it accept no more connections, and finish those it has.
        drained: set when all of them are finished.
    """

    stop: Callable[[], None]
    drained: threading.Event


class HttpListener:
    """Starts a new worker each time it opens. Holds its port from its creation to the end of a `with` block.

    Attributes:
        start: starts a worker for a listening socket, which then belongs to the worker; set before `open`.
    """

    start: Callable[[socket.socket], Worker]

    def __init__(self, host: str, port: int) -> None:
        """Bind the port, but stay closed.

        Raises:
            OSError: the address cannot be listened on.
        """
        self._address = host, port
        self._worker: Worker | None = None
        self._is_open = False
        self._reserved: socket.socket | None = reserve(host, port)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._reserved is not None:
            self._reserved.close()

    def open(self) -> None:
        # Two workers at the same time would decide in two threads.
        self.drain()
        reserved = reserve(*self._address) if self._reserved is None else self._reserved
        try:
            reserved.listen(BACKLOG)
        except OSError as failure:
            # Another process bound the port too, before either of them listened.
            reserved.close()
            raise _with_address(failure, *self._address) from None
        self._worker, self._reserved, self._is_open = self.start(reserved), None, True

    def close(self) -> None:
        if self._worker is not None and self._is_open:
            self._worker.stop()
            self._is_open = False
            self._reserved = _reserve_again(*self._address)

    def drain(self) -> None:
        if self._worker is not None:
            self._worker.drained.wait(DRAIN_SECONDS)


def _reserve_again(host: str, port: int) -> socket.socket | None:
    """Bind the port again as soon as the stopped worker has closed its socket; None if that takes too long."""
    deadline = time.monotonic() + DRAIN_SECONDS
    while time.monotonic() < deadline:
        try:
            return reserve(host, port)
        except OSError:
            time.sleep(CLOSING_SECONDS)
    return None
