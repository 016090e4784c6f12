"""A proxy between verifiers and the feed that delays, repeats, reorders and breaks responses."""

from __future__ import annotations

import http.client
import threading
import time
from collections import deque
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final

from kit.processes import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LATE_SECONDS: Final = 1.0
FORWARD_SECONDS: Final = 60.0
REMEMBERED: Final = 8


class FeedProxy:
    """The faults of the next responses; tests change them from their own thread.

    Attributes:
        port: where it listens.
        script: the faults of the next responses, one word each: `late`, `twice` (the previous one instead), `older`
            (one from long before), `torn` (half of it), `500`, `gone` (none). After the last one, responses pass.
        cut: no connection is accepted.
    """

    def __init__(self, upstream_port: int) -> None:
        self.port = 0
        self.upstream_port = upstream_port
        self.script: deque[str] = deque()
        self.cut = False
        self._lock = threading.Lock()
        self._earlier: deque[bytes] = deque(maxlen=REMEMBERED)

    def plays(self, *words: str) -> None:
        self.script = deque(words)

    def forward(self, method: str, path: str, headers: Iterable[tuple[str, str]], body: bytes) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(LOOPBACK, self.upstream_port, timeout=FORWARD_SECONDS)
        try:
            passed_on = {name: value for name, value in headers if name.lower() not in {"host", "connection"}}
            connection.request(method, path, body=body or None, headers=passed_on)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def spoil(self, body: bytes) -> tuple[str, bytes]:
        """The fault of this response, and the response."""
        with self._lock:
            word = self.script.popleft() if self.script else ""
            earlier = list(self._earlier)
            self._earlier.append(body)
        if word == "late":
            time.sleep(LATE_SECONDS)
        if earlier and word in {"twice", "older"}:
            return word, earlier[-1 if word == "twice" else 0]
        return word, body


class _Handler(BaseHTTPRequestHandler):
    proxy: FeedProxy
    protocol_version = "HTTP/1.1"
    timeout = 30

    def do_GET(self) -> None:
        self._pass_on(b"")

    def do_POST(self) -> None:
        self._pass_on(self.rfile.read(int(self.headers["Content-Length"])))

    def _pass_on(self, sent: bytes) -> None:
        status, body = 0, b""
        if not self.proxy.cut:
            status, body = self.proxy.forward(self.command, self.path, self.headers.items(), sent)
        word = ""
        if self.command == "GET" and not self.proxy.cut:
            word, body = self.proxy.spoil(body)
        if self.proxy.cut or word == "gone":
            self.close_connection = True
            return
        self.send_response(500 if word == "500" else status)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.close_connection = word == "torn"
        self.wfile.write(body[: len(body) // 2] if word == "torn" else body)

    def handle(self) -> None:
        # Tests kill and stop both sides.
        try:
            super().handle()
        except (OSError, http.client.HTTPException):
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so.
        """Stay silent."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False


@contextmanager
def feed_proxy(upstream_port: int) -> Iterator[FeedProxy]:
    """Run it in threads of this process while the block runs."""
    proxy = FeedProxy(upstream_port)
    handler = type("Handler", (_Handler,), {"proxy": proxy})
    with _Server((LOOPBACK, 0), handler) as server:
        proxy.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield proxy
        finally:
            proxy.cut = True
            server.shutdown()
            thread.join()
