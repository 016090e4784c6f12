"""The HTTP server. The only file that knows granian; why it is used in this way: docs/decisions/0003.

Granian parses HTTP in Rust and calls Python once for each request. `CallbackScheduler` is what it calls; usually that
starts a coroutine on an event loop in another thread. Deciding hardly ever waits for anything, so here the answer is
made in the call itself. That spares two changes of thread and a task for every request. The few requests that wait for
a key (docs/decisions/0006) are answered later by another thread, and hold up nobody.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol, Self

from granian import _granian
from granian.constants import HTTPModes
from granian.http import HTTP1Settings

from watchword.verifier.app import assembled
from watchword.verifier.config import SettingsRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from watchword.verifier.config import VerifierSettings
    from watchword.verifier.snapshot import CurrentSnapshot
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


class Answering(Protocol):
    """The signature of `app.Verifier.answer`."""

    def __call__(
        self, path: str, authorization: Sequence[str], later: Callable[[Answer], None], /
    ) -> Answer | None: ...


class _Scheduler(_CallbackScheduler):  # type: ignore[misc]
    """Answers in the call in which granian hands a request over."""

    def __new__(cls, answer: Answering, loop: asyncio.AbstractEventLoop) -> Self:
        scheduler: Self = super().__new__(cls, loop, None, None, None, None)
        scheduler._schedule_fn = _answering(answer)
        return scheduler

    def __init__(self, *_: object) -> None:
        super().__init__()


def _answering(answer: Answering) -> Callable[[Any], None]:
    def handle(request: Any) -> None:
        scope = request.scope
        try:
            answered = answer(scope.path, scope.headers.get_all("authorization"), partial(_respond, request))
        except BaseException:
            # Without this the gateway would wait for ever. What has no answer becomes a 500.
            request.done()
            raise
        if answered is not None:
            _respond(request, answered)

    return handle


def _respond(request: Any, answer: Answer) -> None:
    """Send the answer; in any thread, once for each request."""
    status, headers, body = answer
    try:
        if body:
            request.proto.response_bytes(status, headers, body)
        else:
            request.proto.response_empty(status, headers)
    finally:
        request.done()


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; connections wait in its backlog until `listen` answers them.

    Raises:
        OSError: the address cannot be listened on.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=BACKLOG)


def listen(answer: Answering, bound: socket.socket, stop: threading.Event) -> None:
    """Answer requests until `stop` is set, then finish what was begun.

    Args:
        answer: called with the percent-decoded path, the values of all Authorization headers, and what takes an
            answer that comes later; in one thread of its own. A value that is not printable ASCII is not among the
            values: granian leaves it out.
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


def _turned_away(current: CurrentSnapshot, stop: threading.Event, delay: float) -> threading.Event:
    """An event that is set `delay` seconds after `stop`; in between /readyz says that this verifier is leaving."""
    turned_away = threading.Event()

    def leave() -> None:
        stop.wait()
        current.leaving = True
        # Nothing sets it but this thread: it is a sleep that ends with the process.
        turned_away.wait(delay)
        turned_away.set()

    threading.Thread(target=leave, name="leaving", daemon=True).start()
    return turned_away


def serve(settings: VerifierSettings, stop: threading.Event) -> None:
    """Run a verifier until `stop` is set.

    Raises:
        SettingsRefused: there is no usable credential or authority file, or a port is taken.
    """
    try:
        # Bound before the admin listener says "ready": no gateway may be sent to a port that refuses connections.
        with bind(settings.host, settings.port) as bound, assembled(settings) as verifier:
            listen(verifier.answer, bound, _turned_away(verifier.current, stop, settings.stop_delay))
    except OSError as failure:
        raise SettingsRefused((f"host, port, admin_host or admin_port: {failure}.",)) from failure
