"""An API behind a gateway, without any check of tokens: it answers every request with the headers it got."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from kit.processes import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Iterator


WEBSOCKET = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


@dataclass
class OrdersApi:
    """Where it listens, and what reached it.

    Attributes:
        port: on loopback.
        requests: the paths of requests, preflights aside.
        preflights: the names of the headers of each preflight.
    """

    port: int
    requests: list[str] = field(default_factory=list)
    preflights: list[list[str]] = field(default_factory=list)


class _Handler(BaseHTTPRequestHandler):
    api: OrdersApi
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        if self.headers.get("Upgrade", "").lower() == "websocket":
            self._echo()
        else:
            self._show([])

    def do_OPTIONS(self) -> None:
        """A browser's preflight: pages of every origin may call with a token."""
        self.api.preflights.append([name.lower() for name in self.headers])
        if self.headers.get("Upgrade", "").lower() == "websocket":
            self._echo()
            return
        self.send_response(204)
        self.send_header("Access-Control-Allow-Origin", "*")
        self.send_header("Access-Control-Allow-Headers", "Authorization")
        self.end_headers()

    def do_CONNECT(self) -> None:
        """Like APIs that answer every method alike: there is no tunnel, and the next request is an ordinary one."""
        self._show([])

    def do_POST(self) -> None:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            self.rfile.read(int(self.headers.get("Content-Length", "0")))
            self._show([])
            return
        while size := int(self.rfile.readline().split(b";")[0], 16):
            self.rfile.read(size + len(b"\r\n"))
        trailers = []
        while line := self.rfile.readline().strip():
            trailers.append([part.strip().decode() for part in line.lower().split(b":", 1)])
        self._show(trailers)

    def _show(self, trailers: list[list[str]]) -> None:
        # As received: `self.path` has one slash where two lead.
        self.api.requests.append(self.requestline.split()[1])
        # Every header as received, repetitions included: a gateway that passes two has a hole.
        headers = [[name.lower(), value] for name, value in self.headers.items()]
        body = json.dumps({"headers": headers, "trailers": trailers}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Access-Control-Allow-Origin", "*")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _echo(self) -> None:
        """A websocket (RFC 6455 section 4.2.2); afterwards every octet comes back."""
        accept = hashlib.sha1((self.headers["Sec-WebSocket-Key"] + WEBSOCKET).encode()).digest()  # noqa: S324
        self.api.requests.append(self.requestline.split()[1])
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(accept).decode())
        self.send_header("Seen-Subject", self.headers.get("X-Auth-Subject", ""))
        self.end_headers()
        while octets := self.connection.recv(4096):
            self.connection.sendall(octets)

    def handle(self) -> None:
        # Some gateways end their idle connections by a reset.
        with contextlib.suppress(ConnectionError):
            super().handle()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so.
        """Stay silent."""


@contextmanager
def orders_api() -> Iterator[OrdersApi]:
    """Run it in threads of this process while the block runs."""

    class Handler(_Handler):
        """With an API of its own."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128
        block_on_close = False

    with Server((LOOPBACK, 0), Handler) as server:
        api = Handler.api = OrdersApi(server.server_address[1])
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1})
        thread.start()
        try:
            yield api
        finally:
            server.shutdown()
            thread.join()
