"""Envoy's external authorization over gRPC. The only file that knows grpcio.

Envoy asks `envoy.service.auth.v3.Authorization/Check`. What it tells of a request becomes a path and the values of the
Authorization headers, and is answered by what answers every other gateway: the same decisions with the same headers.
No client can set what names the organization: `organization` among the context extensions of the route, or in the
dynamic metadata `watchword`, which a filter of Envoy writes from host or path. `routing: token` in the same place
leaves it to the token.
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
from watchword.verifier import http_contract as wire
from watchword.verifier.listeners.envoy_messages import CHECK_SERVICE, OVERWRITE, CheckRequest, CheckResponse
from watchword.verifier.listeners.gateway_port import DRAIN_SECONDS, reserve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future

    from watchword.verifier.http_contract import Answer, Answering
    from watchword.verifier.listeners.gateway_identity import GatewaySecrets, Tls

MAX_QUESTION_BYTES: Final = 262_144
"""Four times what the other listener takes for all headers: Envoy tells more of a request than its headers."""

MAX_QUESTIONS: Final = 1024
UNDECIDED_HEADER: Final = "x-watchword-status"
HEALTH_SERVICE: Final = "grpc.health.v1.Health"
_SERVING: Final = b"\x08\x01"
"""A `HealthCheckResponse` whose field 1, `status`, is 1, SERVING."""


_OPTIONS: Final = (
    # Otherwise a second verifier on the same port would be given half of the questions instead of an error.
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", MAX_QUESTION_BYTES),
)
_CODES: Final = {
    HTTPStatus.OK: grpc.StatusCode.OK,
    HTTPStatus.UNAUTHORIZED: grpc.StatusCode.UNAUTHENTICATED,
    HTTPStatus.SERVICE_UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
}


class _Authorization:
    def __init__(self, answer: Answering, secrets: GatewaySecrets | None) -> None:
        self._answer = answer
        self._secrets = secrets

    async def check(self, question: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
        if self._secrets is not None and not self._secrets.includes(_metadata(context, wire.SECRET_HEADER)):
            # Envoy takes it for a failure of its own and refuses the request.
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, "gateway_unknown")
        loop = asyncio.get_running_loop()
        decided: asyncio.Future[Answer] = loop.create_future()

        def later(answer: Answer) -> None:
            loop.call_soon_threadsafe(_deliver, decided, answer)

        answer = self._answer(path_of(question), authorization_of(question), later)
        if answer is None:
            # Others are answered while this one waits for its key.
            answer = await decided
        if answer.status == HTTPStatus.SERVICE_UNAVAILABLE:
            # For gRPC the call has succeeded; by this header Envoy knows to ask another verifier.
            await context.send_initial_metadata(((UNDECIDED_HEADER, str(answer.status)),))
        return response_to(answer)


def _metadata(context: grpc.aio.ServicerContext[Any, Any], name: bytes) -> list[str]:
    return [str(value) for key, value in context.invocation_metadata() or () if key == name.decode("ascii")]


def _deliver(decided: asyncio.Future[Answer], answer: Answer) -> None:
    # Envoy may have given up meanwhile.
    if not decided.done():
        decided.set_result(answer)


def path_of(question: Any) -> str:
    """The path of `wire.route`, without an organization where none or several are named."""
    attributes = question.attributes
    said = [(pair.key, pair.value) for pair in attributes.context_extensions]
    for space in attributes.metadata_context.filter_metadata:
        if space.key == "watchword":
            said += [(member.key, member.value.string_value) for member in space.value.fields]
    named = [value for key, value in said if key == "organization"]
    if not named and ("routing", "token") in said:
        return "/verify-by-token/envoy"
    return f"/verify/envoy/{named[0] if len(named) == 1 else ''}"


def authorization_of(question: Any) -> list[str]:
    """The values of all Authorization headers.

    Envoy joins two of them by a comma before it asks. No token has one, so the question is refused as malformed. Under
    `encode_raw_headers` it tells the headers by their octets, and in another place.
    """
    http = question.attributes.request.http
    if http.HasField("header_map"):
        return [
            header.raw_value.decode("latin-1") or header.value
            for header in http.header_map.headers
            if header.key.lower() == "authorization"
        ]
    return [pair.value for pair in http.headers if pair.key.lower() == "authorization"]


def response_to(answer: Answer) -> Any:
    """The answer in Envoy's words. Only a 200 is a status of OK."""
    code = _CODES.get(HTTPStatus(answer.status), grpc.StatusCode.PERMISSION_DENIED)
    response = CheckResponse(status={"code": code.value[0]})
    if code is grpc.StatusCode.OK:
        _add(response.ok_response, [header for header in answer.headers if header[0].startswith(wire.IDENTITY_PREFIX)])
    else:
        response.denied_response.status.code = answer.status
        response.denied_response.body = answer.body.decode()
        _add(response.denied_response, answer.headers)
    return response


def _add(response: Any, headers: wire.Headers) -> None:
    for name, value in headers:
        header = {"key": name.decode("ascii"), "value": value.decode("ascii")}
        response.headers.add(header=header, append_action=OVERWRITE)


async def _serving(_request: bytes, _context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
    """Health checks need no secret: the port is open only while the verifier can decide."""
    return _SERVING


class GrpcListener:
    """Has a server of its own each time it is opened, since grpcio's listen as soon as they have a port.

    Attributes:
        answer: set before it is opened first.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, address: str, *, secrets: GatewaySecrets | None, tls: Tls | None
    ) -> None:
        self.answer: Answering | None = None
        self._loop = loop
        self._address = address
        self._secrets = secrets
        self._tls = tls
        self._server: grpc.aio.Server | None = None
        self._stopped: Future[None] | None = None

    def open(self) -> None:
        """Answer in the loop's thread.

        Raises:
            SettingsProblem: the port is in use.
        """
        # The last server still holds the port until it has finished.
        self.finish()
        try:
            self._server = asyncio.run_coroutine_threadsafe(self._start(), self._loop).result()
        except RuntimeError:
            raise _in_use(self._address) from None

    async def _start(self) -> grpc.aio.Server:
        assert self.answer is not None  # noqa: S101 - `serve` has set it.
        server = grpc.aio.server(options=_OPTIONS, maximum_concurrent_rpcs=MAX_QUESTIONS)
        check = grpc.unary_unary_rpc_method_handler(
            _Authorization(self.answer, self._secrets).check,
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

    def finish(self) -> None:
        if self._stopped is not None:
            self._stopped.result()


@contextmanager
def grpc_listener(*, host: str, port: int, secrets: GatewaySecrets | None, tls: Tls | None) -> Iterator[GrpcListener]:
    """Hold the port while the block runs; it is closed until `GrpcListener.open`.

    Raises:
        SettingsProblem: the port is in use.
    """
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        reserved = reserve(host, port)
    except OSError:
        raise _in_use(address) from None
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="grpc", daemon=True)
    thread.start()
    listener = GrpcListener(loop, address, secrets=secrets, tls=tls)
    try:
        with reserved:
            yield listener
    finally:
        listener.close()
        listener.finish()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def _in_use(address: str) -> SettingsProblem:
    return SettingsProblem(f"host, grpc_port: {address} cannot be listened on; is it in use?")


def _credentials(tls: Tls) -> grpc.ServerCredentials:
    authority = tls.client_authority
    return grpc.ssl_server_credentials(
        [(tls.key.read_bytes(), tls.certificate.read_bytes())],
        root_certificates=None if authority is None else authority.read_bytes(),
        require_client_auth=authority is not None,
    )
