"""Servers at a verifier's address that are none: broken or other programs."""

from __future__ import annotations

import contextlib
import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from kit.processes import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Iterator

GARBAGE = {
    "closes at once": b"",
    "not HTTP": b"hello\r\n\r\n",
    "500": b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n",
    "502 with an identity": b"HTTP/1.1 502 Bad Gateway\r\nX-Auth-Organization: acme\r\nContent-Length: 0\r\n\r\n",
    "302 to somewhere": b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n",
    "404": b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
    "half a header": b"HTTP/1.1 200 OK\r\nX-Auth-Organization: acme\r\nX-Auth-Subject: al",
    "100 and nothing more": b"HTTP/1.1 100 Continue\r\n\r\n",
}
HALF_AN_ANSWER = GARBAGE["half a header"]

ANOTHERS_WORD = {
    "another organization's": b"HTTP/1.1 200 OK\r\nX-Auth-Organization: globex\r\nContent-Length: 0\r\n\r\n",
    "one spelled alike": b"HTTP/1.1 200 OK\r\nX-Auth-Organization: ACME\r\nContent-Length: 0\r\n\r\n",
    "nobody's": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
}
"""A 200 about another organization, as when another process took the port."""


@contextmanager
def answering(
    *ports: int, answer: bytes, then: Literal["close", "half-close", "say nothing"] = "close"
) -> Iterator[None]:
    """Answer every connection to these ports with these octets.

    Args:
        ports: on loopback.
        answer: possibly incomplete.
        then: what happens to the connection. Unless it is closed, it stays open to the end of the block.
    """
    over = threading.Event()

    def run(listener: socket.socket) -> None:
        kept = []
        while not over.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            # A gateway that stops waiting resets its connection.
            with contextlib.suppress(OSError):
                connection.settimeout(2)
                connection.recv(65_536)
                connection.sendall(answer)
                if then == "half-close":
                    connection.shutdown(socket.SHUT_WR)
            if then == "close":
                connection.close()
            else:
                kept.append(connection)
        for connection in kept:
            connection.close()

    with contextlib.ExitStack() as listeners:
        threads = []
        for port in ports:
            listener = listeners.enter_context(socket.create_server((LOOPBACK, port)))
            listener.settimeout(0.1)
            threads.append(threading.Thread(target=run, args=(listener,)))
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            over.set()
            for thread in threads:
                thread.join()
