"""Connections that begin a request and never end it."""

from __future__ import annotations

import selectors
import socket
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from kit.processes import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CONNECTED_WITHIN = 20.0


def one_octet_of_a_body(port: int, path: str = "/sign-in") -> bytes:
    """A complete head of a form, and the form's first octet."""
    return (
        f"POST {path} HTTP/1.1\r\nHost: {LOOPBACK}:{port}\r\nContent-Length: 1000\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n\r\na"
    ).encode()


@contextmanager
def stalled(port: int, count: int, octets: bytes) -> Iterator[list[socket.socket]]:
    """Open `count` connections, send `octets` on each and keep them open."""
    held: list[socket.socket] = []
    try:
        for _ in range(count):
            connection = socket.create_connection((LOOPBACK, port), timeout=CONNECTED_WITHIN)
            held.append(connection)
            connection.sendall(octets)
        yield held
    finally:
        for connection in held:
            connection.close()


@contextmanager
def flooded(port: int, count: int, kinds: Sequence[bytes]) -> Iterator[None]:
    """Hold `count` connections that send octets of `kinds` in turn, and open a new one for each that is closed."""
    over = threading.Event()
    with selectors.DefaultSelector() as held:
        for number in range(count):
            _hold(held, port, kinds[number % len(kinds)])
        thread = threading.Thread(target=_refill, args=(held, port, over))
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
            for key in list(held.get_map().values()):
                key.fileobj.close()  # type: ignore[union-attr]  # All are sockets.


def _hold(held: selectors.BaseSelector, port: int, octets: bytes) -> None:
    connection = socket.create_connection((LOOPBACK, port), timeout=CONNECTED_WITHIN)
    connection.sendall(octets)
    held.register(connection, selectors.EVENT_READ, octets)


def _refill(held: selectors.BaseSelector, port: int, over: threading.Event) -> None:
    while not over.is_set():
        for key, _ in held.select(timeout=0.1):
            # An answer or the end: of neither more is expected.
            held.unregister(key.fileobj)
            key.fileobj.close()  # type: ignore[union-attr]
            with suppress(OSError):
                _hold(held, port, key.data)
