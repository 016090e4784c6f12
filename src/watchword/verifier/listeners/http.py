"""The HTTP server. The only file that knows granian; why it is used in this way: docs/decisions/0003.

Granian parses HTTP in Rust and calls Python once for each request. `CallbackScheduler` is what it calls; usually that
starts a coroutine on an event loop in another thread. Deciding hardly ever waits for anything, so here the answer is
made in the call itself. That spares two changes of thread and a task for every request. The few requests that wait for
a key (docs/decisions/0006) are answered later by another thread, and hold up nobody.
"""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from contextlib import nullcontext
from functools import partial
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, Final, Self

from granian import _granian
from granian.constants import HTTPModes
from granian.http import HTTP1Settings

from watchword.runtime.certificate_expiry import CertificateExpiry
from watchword.runtime.open_files import connections_allowed
from watchword.settings.base import SettingsProblem
from watchword.verifier import http_contract as wire
from watchword.verifier.app import assembled
from watchword.verifier.cpu_scheduling import waiting_for_their_turn
from watchword.verifier.decision_times import DecisionTimes
from watchword.verifier.disk.state_lock import locked_state
from watchword.verifier.listeners.gateway_identity import read_secrets, read_tls
from watchword.verifier.listeners.gateway_port import BACKLOG, GatewayPort, HttpListener, Worker
from watchword.verifier.listeners.refused_gateways import RefusedGateways
from watchword.verifier.protected_resource import ProtectedResource
from watchword.verifier.traefik_routing import traefik_routing

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from watchword.settings.verifier import VerifierSettings
    from watchword.verifier.http_contract import Answer, Answering
    from watchword.verifier.listeners.envoy_grpc import GrpcListener
    from watchword.verifier.listeners.gateway_identity import GatewaySecrets, Tls
    from watchword.verifier.snapshot import CurrentSnapshot
    from watchword.verifier.traefik_routing import TraefikRouting

MAX_CONNECTIONS: Final = 8192
"""Granian accepts no further connection while it holds that many, so stalled clients must not reach it with a few."""

MAX_HEADER_BYTES: Final = 65_536
"""All headers of a request; more than the largest token that a setting allows. What is larger gets 431 from the
server."""

HEADER_MILLISECONDS: Final = 30_000
COLLECT_AFTER: Final = (10_000, 20, 100)
"""Python's cyclic garbage collector runs this seldom. Deciding makes no cycles, so what it finds is little, and to look
through the trust of all organizations takes long enough to be felt in the slowest answers."""


# Parts of granian that its type stubs do not know in full.
_ASGIWorker: Any = _granian.ASGIWorker
_CallbackScheduler: Any = _granian.CallbackScheduler
_SocketHolder: Any = _granian.SocketHolder


class _Scheduler(_CallbackScheduler):  # type: ignore[misc]
    """Answers in the call in which granian hands a request over."""

    def __new__(cls, handle: Callable[[Any], None], loop: asyncio.AbstractEventLoop) -> Self:
        scheduler: Self = super().__new__(cls, loop, None, None, None, None)
        scheduler._schedule_fn = handle
        return scheduler

    def __init__(self, *_: object) -> None:
        super().__init__()


def _answering(answer: Answering, times: DecisionTimes, traefik: TraefikRouting | None = None) -> Callable[[Any], None]:
    is_timed = times.is_timed

    def handle(request: Any) -> None:
        began = perf_counter_ns() if is_timed() else 0
        try:
            scope = request.scope
            authorization = []
            # Up to Python 3.11 a comprehension would be one more call, in every request.
            for name, value in scope["headers"]:
                if name == b"authorization":
                    authorization.append(value.decode("latin-1"))
            path: str | Answer = scope["path"]
            if traefik is not None and path in traefik.paths:
                path = traefik.path_of(scope["path"], _values(request, traefik.header))
            answered = answer(path, authorization, partial(_respond, request)) if isinstance(path, str) else path
        except BaseException:
            # Without this the gateway would wait for ever. What has no answer becomes a 500.
            request.done()
            raise
        if answered is not None:
            _respond(request, answered)
        if began:
            times.add(perf_counter_ns() - began)

    return handle


def _values(request: Any, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in request.scope["headers"] if key == name]


def _answering_the_known(handle: Callable[[Any], None], secrets: GatewaySecrets) -> Callable[[Any], None]:
    """Only for a verifier that demands a secret; for the others there is nothing to look at."""

    def handle_if_known(request: Any) -> None:
        if secrets.includes(_values(request, wire.SECRET_HEADER)):
            handle(request)
        else:
            _respond(request, wire.GATEWAY_UNKNOWN)

    return handle_if_known


def _respond(request: Any, answer: Answer) -> None:
    """Send the answer; in any thread, once for each request."""
    send = request.proto.send
    try:
        start, body = answer.messages
        send(start)
        send(body)
    except BaseException:
        request.done()
        raise


def listen(
    answer: Answering,
    listening: socket.socket,
    *,
    secrets: GatewaySecrets | None = None,
    tls: Tls | None = None,
    times: DecisionTimes | None = None,
    traefik: TraefikRouting | None = None,
) -> Worker:
    """Answer requests in threads of granian until the worker is stopped.

    Args:
        answer: called with the percent-decoded path, the values of all Authorization headers as Latin-1, and what
            takes an answer that comes later; in one thread of its own.
        listening: closed as soon as the worker is stopped.
        secrets: of which a gateway must show one, None if anybody may ask.
        tls: None for plain HTTP.
        times: counts how long answers take.
        traefik: finds the organization in a header of Traefik's; None where no header is read for that.
    """
    handle = _answering(answer, DecisionTimes() if times is None else times, traefik)
    if secrets is not None:
        handle = _answering_the_known(handle, secrets)
    # Granian's reactor needs it so; a blocking accept would hold up every connection behind it.
    listening.settimeout(0)
    unix_socket = False
    holder = (None, _SocketHolder(listening.detach(), unix_socket, BACKLOG))
    over = _granian.WorkerSignal()
    limits = HTTP1Settings(header_read_timeout=HEADER_MILLISECONDS, max_buffer_size=MAX_HEADER_BYTES)
    threads = (1, 1, 1, 30)
    no_websockets = False
    most = connections_allowed(MAX_CONNECTIONS)
    worker = _ASGIWorker(
        1, holder, None, *threads, most, HTTPModes.http1, limits, None, no_websockets, None,
        *_tls_arguments(tls), (None, None),
    )  # fmt: skip
    # Never run: granian keeps it for handlers that wait, and there are none.
    loop = asyncio.new_event_loop()
    drained = threading.Event()

    def end() -> None:
        loop.close()
        drained.set()

    over.add_cb(end)
    with waiting_for_their_turn():
        worker.serve_str(_Scheduler(handle, loop), loop, over)
    return Worker(over.set, drained)


def _tls_arguments(tls: Tls | None) -> tuple[object, ...]:
    oldest, no_password, no_revocation_lists = "tls1.3", None, list[str]()
    if tls is None:
        return (False, None, None, no_password, oldest, None, no_revocation_lists, False)
    authority = tls.client_authority
    return (
        True, str(tls.certificate.resolve()), str(tls.key.resolve()), no_password, oldest,
        None if authority is None else str(authority.resolve()), no_revocation_lists, authority is not None,
    )  # fmt: skip


def _leave_after(stop: threading.Event, delay: float, current: CurrentSnapshot, gateway_port: GatewayPort) -> None:
    """Close the port `delay` seconds after `stop`; in between /readyz says that this verifier is leaving."""

    def leave() -> None:
        stop.wait()
        current.leaving = True
        time.sleep(delay)
        gateway_port.leave()

    threading.Thread(target=leave, name="leaving", daemon=True).start()


def serve(settings: VerifierSettings, stop: threading.Event) -> None:
    """Run a verifier until `stop` is set.

    Raises:
        SettingsProblem: there is no usable credential, secret, certificate or authority file, a port is taken, or
            another verifier uses the folder of the state file.
    """
    secrets, tls = read_secrets(settings), read_tls(settings)
    gc.set_threshold(*COLLECT_AFTER)
    times, refused, gateway_port = DecisionTimes(), RefusedGateways(secrets), GatewayPort()
    if tls is not None:
        refused.watch()
    try:
        with (
            locked_state(settings.state_file),
            HttpListener(settings.host, settings.port) as http,
            _grpc(settings, secrets, tls) as grpc,
            assembled(settings, gateway_port, times, refused, _expiry(settings)) as verifier,
        ):
            answer: Answering = verifier.answer
            if settings.api_url is not None:
                resource = ProtectedResource(url=settings.api_url, name=settings.api_name, current=verifier.current)
                answer = resource.telling(answer)
            if grpc is not None:
                answer = grpc.answer = _in_turn(answer)
            traefik = traefik_routing(settings)
            http.start = partial(listen, answer, secrets=secrets, tls=tls, times=times, traefik=traefik)
            _leave_after(stop, settings.stop_delay, verifier.current, gateway_port)
            # Inside `assembled`, whose threads answer the requests that wait for a key.
            gateway_port.keep([http] if grpc is None else [http, grpc], verifier.current)
    except OSError as failure:
        raise SettingsProblem(f"host, port, admin_host or admin_port: {failure}.") from failure


def _expiry(settings: VerifierSettings) -> CertificateExpiry:
    files = ("tls_certificate_file", "gateway_ca_file", "feed_ca_file")
    return CertificateExpiry("verifier", {name: getattr(settings, name) for name in files})


def _grpc(
    settings: VerifierSettings, secrets: GatewaySecrets | None, tls: Tls | None
) -> AbstractContextManager[GrpcListener | None]:
    """Where Envoy asks over gRPC, if the settings say so.

    Raises:
        SettingsProblem: the extra `grpc` is not installed; or, on entering, the port is in use.
    """
    if settings.grpc_port is None:
        return nullcontext()
    try:
        from watchword.verifier.listeners.envoy_grpc import grpc_listener  # noqa: PLC0415 - it needs an extra.
    except ImportError:
        raise SettingsProblem("grpc_port: needs the extra `grpc`: pip install 'watchword[grpc]'.") from None
    return grpc_listener(host=settings.host, port=settings.grpc_port, secrets=secrets, tls=tls)


def _in_turn(answer: Answering) -> Answering:
    """For two listeners: what is counted and remembered on the way to an answer is made for one thread at a time."""
    turn = threading.Lock()

    def answer_in_turn(path: str, authorization: Sequence[str], later: Callable[[Answer], None], /) -> Answer | None:
        with turn:
            return answer(path, authorization, later)

    return answer_in_turn
