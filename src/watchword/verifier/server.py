"""The HTTP server. The only file that knows granian; why it is used in this way: docs/decisions/0003.

Granian parses HTTP in Rust and calls Python once for each request. `CallbackScheduler` is what it calls; usually that
starts a coroutine on an event loop in another thread. Deciding never waits for anything, so here the answer is made in
the call itself. That spares two changes of thread and a task for every request.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import TYPE_CHECKING, Any, Final, Self

from granian import _granian
from granian.constants import HTTPModes
from granian.http import HTTP1Settings

from watchword.verifier.app import assembled
from watchword.verifier.config import SettingsRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from watchword.verifier.config import VerifierSettings
    from watchword.verifier.wire import Answer

BACKLOG: Final = 1024
MAX_CONNECTIONS: Final = 1024
MAX_HEADER_BYTES: Final = 65_536
"""All headers of a request; four times the largest token. What is larger is answered 431 by the server."""

HEADER_MILLISECONDS: Final = 30_000
DRAIN_SECONDS: Final = 5.0

# Parts of granian that its type stubs do not know in full.
_RSGIWorker: Any = _granian.RSGIWorker
_CallbackScheduler: Any = _granian.CallbackScheduler
_SocketHolder: Any = _granian.SocketHolder


class _Scheduler(_CallbackScheduler):  # type: ignore[misc]
    """Answers in the call in which granian hands a request over."""

    def __new__(cls, answer: Callable[[str, Sequence[str]], Answer], loop: asyncio.AbstractEventLoop) -> Self:
        scheduler: Self = super().__new__(cls, loop, None, None, None, None)
        scheduler._schedule_fn = _answering(answer)
        return scheduler

    def __init__(self, *_: object) -> None:
        super().__init__()


def _answering(answer: Callable[[str, Sequence[str]], Answer]) -> Callable[[Any], None]:
    def handle(request: Any) -> None:
        scope, response = request.scope, request.proto
        try:
            status, headers, body = answer(scope.path, scope.headers.get_all("authorization"))
            if body:
                response.response_bytes(status, headers, body)
            else:
                response.response_empty(status, headers)
        finally:
            # Whatever happened: without this the gateway would wait for ever. What has no answer yet becomes a 500.
            request.done()

    return handle


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; connections wait in its backlog until `listen` answers them.

    Raises:
        OSError: the address cannot be listened on.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=BACKLOG)


def listen(answer: Callable[[str, Sequence[str]], Answer], bound: socket.socket, stop: threading.Event) -> None:
    """Answer requests until `stop` is set, then finish what was begun.

    Args:
        answer: called with the percent-decoded path and the values of all Authorization headers, in one thread of
            its own. A value that is not printable ASCII is not among them: granian leaves it out.
        bound: from `bind`; closed at the end.
        stop: set from another thread.
    """
    # Granian's reactor needs it so; a blocking accept would hold up every connection behind it.
    bound.settimeout(0)
    unix_socket = False
    holder = (None, _SocketHolder(bound.detach(), unix_socket, BACKLOG))
    over = _granian.WorkerSignal()
    no_tls: tuple[object, ...] = (False, None, None, None, "tls1.3", None, [], False)
    limits = HTTP1Settings(header_read_timeout=HEADER_MILLISECONDS, max_buffer_size=MAX_HEADER_BYTES)
    threads = (1, 1, 1, 30)
    no_websockets = False
    worker = _RSGIWorker(
        1, holder, None, *threads, MAX_CONNECTIONS, HTTPModes.http1, limits, None, no_websockets, None,
        *no_tls, (None, None),
    )  # fmt: skip
    # Never run: granian keeps it for handlers that wait, and there are none.
    loop = asyncio.new_event_loop()
    drained = threading.Event()
    over.add_cb(drained.set)
    worker.serve_str(_Scheduler(answer, loop), loop, over)
    stop.wait()
    over.set()
    drained.wait(DRAIN_SECONDS)
    loop.close()


def serve(settings: VerifierSettings, stop: threading.Event) -> None:
    """Run a verifier until `stop` is set.

    Raises:
        SettingsRefused: there is no usable credential or authority file, or a port is taken.
    """
    try:
        # Bound before the admin listener says "ready": no gateway may be sent to a port that refuses connections.
        with bind(settings.host, settings.port) as bound, assembled(settings) as answer:
            listen(answer, bound, stop)
    except OSError as failure:
        raise SettingsRefused((f"host, port, admin_host or admin_port: {failure}.",)) from failure
