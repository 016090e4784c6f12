"""What may stand at a verifier's address without being one: a broken program, or another one."""

from __future__ import annotations

import contextlib
import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kit.processes import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Iterator

GARBAGE = {
    "closes at once": b"",
    "not HTTP": b"hello\r\n\r\n",
    "500": b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n",
    "302 to somewhere": b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n",
    "404": b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
    "half a header": b"HTTP/1.1 200 OK\r\nX-Auth-Organization: acme\r\nX-Auth-Subject: al",
    "100 and nothing more": b"HTTP/1.1 100 Continue\r\n\r\n",
}

ANOTHERS_WORD = {
    "another organization's": b"HTTP/1.1 200 OK\r\nX-Auth-Organization: globex\r\nContent-Length: 0\r\n\r\n",
    "one spelled alike": b"HTTP/1.1 200 OK\r\nX-Auth-Organization: ACME\r\nContent-Length: 0\r\n\r\n",
    "nobody's": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
}
"""A 200 that speaks of another organization, as when a port was given away."""


@contextmanager
def answering(port: int, answer: bytes) -> Iterator[None]:
    """Answer every connection to this port with these octets, then close it."""
    with socket.create_server((LOOPBACK, port)) as listener:
        listener.settimeout(0.1)
        over = threading.Event()

        def run() -> None:
            while not over.is_set():
                try:
                    connection, _ = listener.accept()
                except TimeoutError:
                    continue
                # A gateway that has given up resets its connection.
                with connection, contextlib.suppress(OSError):
                    connection.settimeout(2)
                    connection.recv(65_536)
                    connection.sendall(answer)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
