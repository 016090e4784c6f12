"""The HTTP server. The only file that knows granian; docs/decisions/0003 gives the reasons.

Granian parses HTTP in Rust and calls a `CallbackScheduler` in Python once for each request. Usually that starts a
coroutine on an event loop in another thread. A decision hardly ever waits, so this scheduler answers in the call
itself, which saves two thread switches and a task per request. Another thread answers the few requests that wait for a
key (docs/decisions/0006), so they delay no other request.
"""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from contextlib import nullcontext
from functools import partial
from importlib.util import find_spec
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, Final, Self

from granian import _granian
from granian.constants import HTTPModes
from granian.http import HTTP1Settings

from watchword.runtime.metrics import CertificateExpiry
from watchword.runtime.open_files import connections_allowed
from watchword.settings.base import SettingsProblem
from watchword.verifier import http_contract
from watchword.verifier.assembly import assembled
from watchword.verifier.cpu_scheduling import batch_scheduled
from watchword.verifier.disk.files import locked_state
from watchword.verifier.listeners.gateway_identity import read_secrets, read_tls
from watchword.verifier.listeners.gateway_port import BACKLOG, GatewayPort, HttpListener, Worker
from watchword.verifier.listeners.refused_gateways import RefusedGateways
from watchword.verifier.metrics import DecisionTimes
from watchword.verifier.protected_resource import ProtectedResource
from watchword.verifier.traefik_routing import traefik_routing

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from watchword.settings.verifier import VerifierSettings
    from watchword.verifier.http_contract import RequestHandler, Response
    from watchword.verifier.listeners.envoy_grpc import GrpcListener
    from watchword.verifier.listeners.gateway_identity import GatewaySecrets, Tls
    from watchword.verifier.snapshot import CurrentSnapshot
    from watchword.verifier.traefik_routing import TraefikRouting

MAX_CONNECTIONS: Final = 8192
"""Granian accepts no further connection at this number, so it must be too high for a few stalled clients."""

MAX_HEADER_BYTES: Final = 65_536
"""All headers of a request; more than the largest token that a setting allows. Larger requests get 431."""

HEADER_MILLISECONDS: Final = 30_000
GC_THRESHOLDS: Final = (10_000, 20, 100)
"""Makes Python's cyclic garbage collector run rarely. Decisions create no cycles, and a pass over the trust of all
organizations takes long enough to slow the slowest responses."""


# Parts of granian with incomplete type stubs.
_ASGIWorker: Any = _granian.ASGIWorker
_CallbackScheduler: Any = _granian.CallbackScheduler
_SocketHolder: Any = _granian.SocketHolder


class _Scheduler(_CallbackScheduler):  # type: ignore[misc]
    """Answers a request in the same call in which granian passes it to Python."""

    def __new__(cls, handle: Callable[[Any], None], loop: asyncio.AbstractEventLoop) -> Self:
        scheduler: Self = super().__new__(cls, loop, None, None, None, None)
        scheduler._schedule_fn = handle
        return scheduler

    def __init__(self, *_: object) -> None:
        super().__init__()


def _handler(
    respond: RequestHandler, times: DecisionTimes, traefik: TraefikRouting | None = None
) -> Callable[[Any], None]:
    is_timed = times.is_timed

    def handle(request: Any) -> None:
        began = perf_counter_ns() if is_timed() else 0
        try:
            scope = request.scope
            authorization = []
            # Up to Python 3.11 a comprehension costs a call per request.
            for name, value in scope["headers"]:
                if name == b"authorization":
                    authorization.append(value.decode("latin-1"))
            path: str | Response = scope["path"]
            if traefik is not None and path in traefik.paths:
                path = traefik.path_of(scope["path"], _values(request, traefik.header))
            response = respond(path, authorization, partial(_send, request)) if isinstance(path, str) else path
        except BaseException:
            # Without this the gateway would wait forever. Granian answers a request without a response with 500.
            request.done()
            raise
        if response is not None:
            _send(request, response)
        if began:
            times.add(perf_counter_ns() - began)

    return handle


def _values(request: Any, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in request.scope["headers"] if key == name]


def _require_secret(handle: Callable[[Any], None], secrets: GatewaySecrets) -> Callable[[Any], None]:
    """A handler for verifiers that demand a secret; the others do not read the header."""

    def handle_if_known(request: Any) -> None:
        if secrets.accepts(_values(request, http_contract.SECRET_HEADER)):
            handle(request)
        else:
            _send(request, http_contract.GATEWAY_UNKNOWN)

    return handle_if_known


def _send(request: Any, response: Response) -> None:
    """Send the response. Any thread may call it, once for each request."""
    send = request.proto.send
    try:
        start, body = response.messages
        send(start)
        send(body)
    except BaseException:
        request.done()
        raise


def listen(
    respond: RequestHandler,
    listening: socket.socket,
    *,
    secrets: GatewaySecrets | None = None,
    tls: Tls | None = None,
    times: DecisionTimes | None = None,
    traefik: TraefikRouting | None = None,
) -> Worker:
    """Response requests in threads of granian until the worker is stopped.

    Args:
        respond: called in one thread of its own, with the percent-decoded path, the values of all Authorization headers
            as Latin-1, and a function that takes a later response.
        listening: closed when the worker stops.
        secrets: the secrets of which a gateway must present one; None if the verifier demands none.
        tls: None for plain HTTP.
        times: measures how long responses take.
        traefik: finds the organization in a header from Traefik; None to ignore these headers.
    """
    handle = _handler(respond, DecisionTimes() if times is None else times, traefik)
    if secrets is not None:
        handle = _require_secret(handle, secrets)
    # Granian's reactor must not block in accept, which would delay every other connection.
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
    # Never run: granian keeps the loop for handlers that wait, and there are none.
    loop = asyncio.new_event_loop()
    drained = threading.Event()

    def end() -> None:
        loop.close()
        drained.set()

    over.add_cb(end)
    with batch_scheduled():
        worker.serve_str(_Scheduler(handle, loop), loop, over)
    return Worker(over.set, drained)


def _tls_arguments(tls: Tls | None) -> tuple[object, ...]:
    oldest, no_password, no_revocation_lists = "tls1.3", None, list[str]()
    if tls is None:
        return (False, None, None, no_password, oldest, None, no_revocation_lists, False)
    return (
        True, str(tls.certificate.resolve()), str(tls.key.resolve()), no_password, oldest,
        None if tls.client_ca is None else str(tls.client_ca.resolve()), no_revocation_lists, tls.client_ca is not None,
    )  # fmt: skip


def _close_after(stop: threading.Event, delay: float, current: CurrentSnapshot, gateway_port: GatewayPort) -> None:
    """Close the port `delay` seconds after `stop`; in between, /readyz reports that this verifier is stopping."""

    def close() -> None:
        stop.wait()
        current.stopping = True
        time.sleep(delay)
        gateway_port.shut_down()

    threading.Thread(target=close, name="stopping", daemon=True).start()


def serve(settings: VerifierSettings, stop: threading.Event) -> None:
    """Run a verifier until `stop` is set.

    Raises:
        SettingsProblem: there is no usable credential, secret, certificate or CA file, a port is in use, or another
            verifier uses the folder of the state file.
    """
    secrets, tls = read_secrets(settings), read_tls(settings)
    gc.set_threshold(*GC_THRESHOLDS)
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
            respond: RequestHandler = verifier.respond
            if settings.api_url is not None:
                resource = ProtectedResource(
                    url=settings.api_url,
                    name=settings.api_name,
                    current=verifier.current,
                    cloud_name=settings.cloud_name or "",
                )
                respond = resource.wrap(respond)
            if grpc is not None:
                respond = grpc.respond = _one_at_a_time(respond)
            traefik = traefik_routing(settings)
            http.start = partial(listen, respond, secrets=secrets, tls=tls, times=times, traefik=traefik)
            _close_after(stop, settings.stop_delay, verifier.current, gateway_port)
            # Inside `assembled`, because its threads answer the requests that wait for a key.
            gateway_port.run([http] if grpc is None else [http, grpc], verifier.current)
    except OSError as failure:
        raise SettingsProblem(f"host, port, admin_host or admin_port: {failure}.") from failure


def _expiry(settings: VerifierSettings) -> CertificateExpiry:
    files = ("tls_certificate_file", "gateway_ca_file", "feed_ca_file")
    return CertificateExpiry("verifier", {name: getattr(settings, name) for name in files})


def _grpc(
    settings: VerifierSettings, secrets: GatewaySecrets | None, tls: Tls | None
) -> AbstractContextManager[GrpcListener | None]:
    """The listener for Envoy over gRPC; None if the settings name no port for it.

    Raises:
        SettingsProblem: the extra `grpc` is not installed; or, on entering, the port is in use.
    """
    if settings.grpc_port is None:
        return nullcontext()
    require_grpc(settings)
    from watchword.verifier.listeners.envoy_grpc import grpc_listener  # noqa: PLC0415 - it needs an extra.

    return grpc_listener(host=settings.host, port=settings.grpc_port, secrets=secrets, tls=tls)


def require_grpc(settings: VerifierSettings) -> None:
    """Raises SettingsProblem if the settings need the extra `grpc`, which is not installed."""
    if settings.grpc_port is not None and find_spec("grpc") is None:
        raise SettingsProblem("grpc_port: needs the extra `grpc`: pip install 'watchword[grpc]'.")


def _one_at_a_time(respond: RequestHandler) -> RequestHandler:
    """A lock for two listeners, because only one thread at a time may use the counters and the token cache."""
    lock = threading.Lock()

    def respond_locked(
        path: str, authorization: Sequence[str], respond_later: Callable[[Response], None], /
    ) -> Response | None:
        with lock:
            return respond(path, authorization, respond_later)

    return respond_locked
