"""/livez, /readyz and /metrics of a process of any role, on a listener of its own that clients cannot reach."""

from __future__ import annotations

import socket
import sys
import threading
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

from prometheus_client.exposition import ThreadingWSGIServer, make_wsgi_app

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from prometheus_client import CollectorRegistry

IDLE_SECONDS = 5.0


class _Handler(WSGIRequestHandler):
    # A client that sends nothing must not hold a thread for ever.
    timeout = IDLE_SECONDS

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so.
        """Probes come every few seconds; a line for each would bury the lines that matter."""


class _Server(ThreadingWSGIServer):
    block_on_close = False
    # Of connections that wait to be accepted; with the default of 5 a few silent clients delay a probe by seconds.
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        # Probes that hang or break off are not worth a traceback.
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


def _application(
    registry: CollectorRegistry, why_not_ready: Callable[[], str | None], warning: Callable[[], str | None]
) -> WSGIApplication:
    metrics = make_wsgi_app(registry)

    def respond(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path, status = environ["PATH_INFO"], HTTPStatus.OK
        if path == "/metrics":
            response: Iterable[bytes] = metrics(environ, start_response)
            return response
        if path == "/livez":
            text = "alive"
        elif path == "/readyz":
            reason = why_not_ready()
            text = reason or ". ".join(filter(None, ("ready", warning())))
            status = HTTPStatus.OK if reason is None else HTTPStatus.SERVICE_UNAVAILABLE
        else:
            text, status = "Only /livez, /readyz and /metrics are here.", HTTPStatus.NOT_FOUND
        headers = [("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store")]
        start_response(f"{status.value} {status.phrase}", headers)
        return [f"{text}\n".encode()]

    return respond


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
        registry: the metrics of /metrics.
        why_not_ready: a sentence for the operator while no traffic should come here, None when all is well.
        warning: a sentence for the operator about what will end that, None if nothing threatens it.

    Raises:
        OSError: the port is in use.
    """

    class Server(_Server):
        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET

    with make_server(host, port, _application(registry, why_not_ready, warning), Server, _Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, name="admin", daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()
