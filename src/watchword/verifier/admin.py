"""/livez, /readyz and /metrics, on a listener of their own that clients of the API never reach."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from watchword.verifier.snapshot import CurrentSnapshot

IDLE_SECONDS = 5.0
_TEXT = "text/plain; charset=utf-8"


class _Handler(BaseHTTPRequestHandler):
    registry: CollectorRegistry
    current: CurrentSnapshot
    clock: Callable[[], float]
    timeout = IDLE_SECONDS
    server_version = "watchword"
    sys_version = ""

    def do_GET(self) -> None:
        if self.path == "/livez":
            self._answer(HTTPStatus.OK, "alive\n")
        elif self.path == "/readyz":
            why_not = self.current.why_not_ready(type(self).clock())
            ready = why_not is None
            said = why_not or ". ".join(filter(None, ("ready", self.current.warning(type(self).clock()))))
            self._answer(HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE, f"{said}\n")
        elif self.path == "/metrics":
            text = generate_latest(self.registry).decode()
            self._answer(HTTPStatus.OK, text, CONTENT_TYPE_PLAIN_0_0_4)
        else:
            self._answer(HTTPStatus.NOT_FOUND, "Only /livez, /readyz and /metrics are here.\n")

    def _answer(self, status: HTTPStatus, text: str, content_type: str = _TEXT) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so.
        """Probes come every few seconds; a line for each would bury the lines that matter."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False


@contextmanager
def admin_listener(
    host: str,
    port: int,
    *,
    registry: CollectorRegistry,
    current: CurrentSnapshot,
    clock: Callable[[], float] = time.time,
) -> Iterator[None]:
    """Answer while the block runs.

    Raises:
        OSError: the port is in use.
    """
    handler = type("Handler", (_Handler,), {"registry": registry, "current": current, "clock": staticmethod(clock)})
    with _Server((host, port), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, name="admin", daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()
