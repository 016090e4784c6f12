"""Envoy's external authorization over gRPC. The only file that knows grpcio.

Envoy calls `envoy.service.auth.v3.Authorization/Check`. The call is translated into a path and the values of the
Authorization headers, and gets the same decision with the same headers as a request of any other gateway.
The organization comes from a place that no client can set: `organization` in the context extensions of the route, or in
the dynamic metadata `watchword`, which an Envoy filter writes from host or path. `routing: token` in the same place
means that the token names the organization.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import grpc
import grpc.aio

from watchword.settings.base import SettingsProblem
from watchword.verifier import http_contract
from watchword.verifier.listeners.envoy_messages import CHECK_SERVICE, OVERWRITE, CheckRequest, CheckResponse
from watchword.verifier.listeners.gateway_port import DRAIN_SECONDS, reserve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future

    from watchword.verifier.http_contract import RequestHandler, Response
    from watchword.verifier.listeners.gateway_identity import GatewaySecrets, Tls

MAX_CHECK_BYTES: Final = 262_144
"""Four times the HTTP listener's limit for all headers: Envoy sends more about a request than its headers."""

MAX_CHECKS: Final = 1024
UNDECIDED_HEADER: Final = "x-watchword-status"
HEALTH_SERVICE: Final = "grpc.health.v1.Health"
_SERVING: Final = b"\x08\x01"
"""A `HealthCheckResponse` whose field 1, `status`, is 1, SERVING."""


_OPTIONS: Final = (
    # Otherwise a second verifier on the same port would get half of the requests instead of an error.
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", MAX_CHECK_BYTES),
)
_CODES: Final = {
    HTTPStatus.OK: grpc.StatusCode.OK,
    HTTPStatus.UNAUTHORIZED: grpc.StatusCode.UNAUTHENTICATED,
    HTTPStatus.SERVICE_UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
}


class _Authorization:
    def __init__(self, respond: RequestHandler, secrets: GatewaySecrets | None) -> None:
        self._respond = respond
        self._secrets = secrets

    async def check(self, request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
        if self._secrets is not None and not self._secrets.accepts(_metadata(context, http_contract.SECRET_HEADER)):
            # Envoy treats this as a failure of the service and refuses the request.
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, "gateway_unknown")
        loop = asyncio.get_running_loop()
        later: asyncio.Future[Response] = loop.create_future()

        def respond_later(response: Response) -> None:
            loop.call_soon_threadsafe(_deliver, later, response)

        response = self._respond(path_of(request), authorization_of(request), respond_later)
        if response is None:
            # Other requests continue while this one waits for its key.
            response = await later
        if response.status == HTTPStatus.SERVICE_UNAVAILABLE:
            # For gRPC the call succeeded; this header makes Envoy try another verifier.
            await context.send_initial_metadata(((UNDECIDED_HEADER, str(response.status)),))
        return check_response(response)


def _metadata(context: grpc.aio.ServicerContext[Any, Any], name: bytes) -> list[str]:
    return [str(value) for key, value in context.invocation_metadata() or () if key == name.decode("ascii")]


def _deliver(later: asyncio.Future[Response], response: Response) -> None:
    # Envoy may have cancelled the call.
    if not later.done():
        later.set_result(response)


def path_of(request: Any) -> str:
    """The path for `http_contract.route`; without an organization if Envoy names none, or several."""
    attributes = request.attributes
    pairs = [(pair.key, pair.value) for pair in attributes.context_extensions]
    for namespace in attributes.metadata_context.filter_metadata:
        if namespace.key == "watchword":
            pairs += [(member.key, member.value.string_value) for member in namespace.value.fields]
    organizations = [value for key, value in pairs if key == "organization"]
    if not organizations and ("routing", "token") in pairs:
        return "/verify-by-token/envoy"
    return f"/verify/envoy/{organizations[0] if len(organizations) == 1 else ''}"


def authorization_of(request: Any) -> list[str]:
    """The values of all Authorization headers.

    Envoy joins two of them with a comma. No token contains one, so the verifier refuses the request as malformed. With
    `encode_raw_headers` Envoy sends the headers as bytes, in another field.
    """
    http = request.attributes.request.http
    if http.HasField("header_map"):
        return [
            header.raw_value.decode("latin-1") or header.value
            for header in http.header_map.headers
            if header.key.lower() == "authorization"
        ]
    return [pair.value for pair in http.headers if pair.key.lower() == "authorization"]


def check_response(response: Response) -> Any:
    """The response as Envoy's message. Only a 200 has the status OK."""
    code = _CODES.get(HTTPStatus(response.status), grpc.StatusCode.PERMISSION_DENIED)
    message = CheckResponse(status={"code": code.value[0]})
    if code is grpc.StatusCode.OK:
        identity = [header for header in response.headers if header[0].startswith(http_contract.IDENTITY_PREFIX)]
        _add(message.ok_response, identity)
    else:
        message.denied_response.status.code = response.status
        message.denied_response.body = response.body.decode()
        _add(message.denied_response, response.headers)
    return message


def _add(message: Any, headers: http_contract.Headers) -> None:
    for name, value in headers:
        header = {"key": name.decode("ascii"), "value": value.decode("ascii")}
        message.headers.add(header=header, append_action=OVERWRITE)


async def _serving(_request: bytes, _context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
    """A health check needs no secret: the port is open only while the verifier can decide."""
    return _SERVING


class GrpcListener:
    """Starts a new server each time it opens, because a grpcio server listens as soon as it has a port.

    Attributes:
        respond: set before `open`.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, address: str, *, secrets: GatewaySecrets | None, tls: Tls | None
    ) -> None:
        self.respond: RequestHandler | None = None
        self._loop = loop
        self._address = address
        self._secrets = secrets
        self._tls = tls
        self._server: grpc.aio.Server | None = None
        self._stopped: Future[None] | None = None

    def open(self) -> None:
        """Response in the loop's thread.

        Raises:
            SettingsProblem: the port is in use.
        """
        # The previous server holds the port until its requests are finished.
        self.drain()
        try:
            self._server = asyncio.run_coroutine_threadsafe(self._start(), self._loop).result()
        except RuntimeError:
            raise _in_use(self._address) from None

    async def _start(self) -> grpc.aio.Server:
        assert self.respond is not None  # noqa: S101 - `serve` has set it.
        server = grpc.aio.server(options=_OPTIONS, maximum_concurrent_rpcs=MAX_CHECKS)
        check = grpc.unary_unary_rpc_method_handler(
            _Authorization(self.respond, self._secrets).check,
            request_deserializer=CheckRequest.FromString,
            response_serializer=CheckResponse.SerializeToString,
        )
        health: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(_serving)
        server.add_generic_rpc_handlers(
            (
                grpc.method_handlers_generic_handler(CHECK_SERVICE, {"Check": check}),
                grpc.method_handlers_generic_handler(HEALTH_SERVICE, {"Check": health}),
            )
        )
        if self._tls is None:
            server.add_insecure_port(self._address)
        else:
            server.add_secure_port(self._address, _credentials(self._tls))
        await server.start()
        return server

    def close(self) -> None:
        if self._server is not None:
            self._stopped = asyncio.run_coroutine_threadsafe(self._server.stop(DRAIN_SECONDS), self._loop)
            self._server = None

    def drain(self) -> None:
        if self._stopped is not None:
            self._stopped.result()


@contextmanager
def grpc_listener(*, host: str, port: int, secrets: GatewaySecrets | None, tls: Tls | None) -> Iterator[GrpcListener]:
    """Bind the port while the block runs; it refuses connections until `GrpcListener.open`.

    Raises:
        SettingsProblem: the port is in use.
    """
    host_and_port = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        reserved = reserve(host, port)
    except OSError:
        raise _in_use(host_and_port) from None
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="grpc", daemon=True)
    thread.start()
    listener = GrpcListener(loop, host_and_port, secrets=secrets, tls=tls)
    try:
        with reserved:
            yield listener
    finally:
        listener.close()
        listener.drain()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def _in_use(host_and_port: str) -> SettingsProblem:
    return SettingsProblem(f"host, grpc_port: cannot listen on {host_and_port}; is it in use?")


def _credentials(tls: Tls) -> grpc.ServerCredentials:
    return grpc.ssl_server_credentials(
        [(tls.key.read_bytes(), tls.certificate.read_bytes())],
        root_certificates=None if tls.client_ca is None else tls.client_ca.read_bytes(),
        require_client_auth=tls.client_ca is not None,
    )
