"""How the demo's two small servers answer HTTP: the standard library's threading server, with time limits.

It runs inside the process of `watchword demo`, so that the demo needs no further processes to start, watch and stop,
and a walk-through's handful of requests needs no speed.
"""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Iterator, Mapping

IDLE_SECONDS = 10.0
MAX_BODY_BYTES = 65_536


class DemoHandler(BaseHTTPRequestHandler):
    """Answers in JSON, keeps connections alive, and writes no access log."""

    protocol_version = "HTTP/1.1"
    timeout = IDLE_SECONDS

    def read_body(self) -> bytes | None:
        """The request's body; None when its length is missing, not a number, or above 64 KiB."""
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()) or int(length) > MAX_BODY_BYTES:
            # What was not read would be taken for the next request on this connection.
            self.close_connection = True
            return None
        return self.rfile.read(int(length))

    def answer(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def answer_json(self, status: int, document: object, headers: Mapping[str, str] | None = None) -> None:
        body = json.dumps(document, indent=2).encode() + b"\n"
        self.answer(status, body, {"Content-Type": "application/json", **(headers or {})})

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so.
        """Say nothing: request lines of clients may hold what belongs in no log."""


class DemoServer(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], handler: type[DemoHandler], tls: ssl.SSLContext | None) -> None:
        self._tls = tls
        super().__init__(address, handler)

    def finish_request(self, request: Any, client_address: Any) -> None:
        # The handshake belongs here, in the connection's own thread: in `get_request` a silent client would stop all.
        request.settimeout(IDLE_SECONDS)
        if self._tls is not None:
            request = self._tls.wrap_socket(request, server_side=True)
        try:
            super().finish_request(request, client_address)
        finally:
            if self._tls is not None:
                self._close(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away or does not trust the demo CA is no event worth a traceback on the terminal."""

    @staticmethod
    def _close(connection: socket.socket) -> None:
        # Wrapping detached the plain socket that the base class would close.
        connection.close()


@contextmanager
def serving(
    host: str, port: int, handler: type[DemoHandler], tls: ssl.SSLContext | None = None
) -> Iterator[tuple[str, int]]:
    """Serve in a thread while the block runs; yields the address actually bound.

    Raises:
        OSError: the port is in use.
    """
    server = DemoServer((host, port), handler, tls)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
    thread.start()
    try:
        yield host, server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
