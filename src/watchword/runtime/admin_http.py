"""/livez, /readyz and /metrics of a process of any role, on a listener of their own that no client ever reaches."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import InfoMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from prometheus_client.core import Metric

IDLE_SECONDS = 5.0
_TEXT = "text/plain; charset=utf-8"


class _Handler(BaseHTTPRequestHandler):
    registry: CollectorRegistry
    why_not_ready: Callable[[], str | None]
    warning: Callable[[], str | None]
    timeout = IDLE_SECONDS
    server_version = "watchword"
    sys_version = ""

    def do_GET(self) -> None:
        if self.path == "/livez":
            self._answer(HTTPStatus.OK, "alive\n")
        elif self.path == "/readyz":
            why_not = type(self).why_not_ready()
            ready = why_not is None
            said = why_not or ". ".join(filter(None, ("ready", type(self).warning())))
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
def listening(
    host: str,
    port: int,
    *,
    registry: CollectorRegistry,
    why_not_ready: Callable[[], str | None],
    warning: Callable[[], str | None] = lambda: None,
) -> Iterator[None]:
    """Answer while the block runs.

    Args:
        host: the address to listen on.
        port: a port of its own.
        registry: the figures of /metrics.
        why_not_ready: a sentence for the operator while nobody should be sent here, None when all is well.
        warning: a sentence for the operator about what will end that, None if nothing threatens it.

    Raises:
        OSError: the port is in use.
    """
    told = {"why_not_ready": staticmethod(why_not_ready), "warning": staticmethod(warning)}
    handler = type("Handler", (_Handler,), {"registry": registry, **told})
    with _Server((host, port), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, name="admin", daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


def new_registry(role: str) -> CollectorRegistry:
    """A registry with what is told of every role: its version, and the memory and time that its process uses."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    registry.register(_Build(role))
    return registry


class _Build(Collector):
    def __init__(self, role: str) -> None:
        self._labels = {"role": role, "version": version("watchword")}

    def collect(self) -> Iterator[Metric]:
        yield InfoMetricFamily("watchword_build", "What runs here.", value=self._labels)
