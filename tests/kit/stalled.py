"""Connections that begin a request and never end it."""

from __future__ import annotations

import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kit.processes import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Iterator

CONNECTED_WITHIN = 20.0


def one_octet_of_a_body(port: int, path: str = "/sign-in") -> bytes:
    """A complete head that announces a form, and the form's first octet."""
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
