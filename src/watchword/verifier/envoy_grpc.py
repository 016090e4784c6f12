"""Envoy's external authorization over gRPC. The only file that knows grpcio.

Envoy asks `envoy.service.auth.v3.Authorization/Check`. What it tells of a request becomes a path and the values of the
Authorization headers, and is answered by what answers every other gateway: the same decisions with the same headers.
No client can set what names the organization: `organization` among the context extensions of the route, or in the
dynamic metadata `watchword`, which a filter of Envoy writes from host or path. The context extension `routing: token`
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
from watchword.verifier import wire
from watchword.verifier.envoy_messages import CHECK_SERVICE, OVERWRITE, CheckRequest, CheckResponse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watchword.verifier.gateway_identity import GatewaySecrets, Tls
    from watchword.verifier.wire import Answer, Answering

MAX_QUESTION_BYTES: Final = 262_144
"""Four times what the other listener takes for all headers: Envoy tells more of a request than its headers."""

MAX_QUESTIONS: Final = 1024
DRAIN_SECONDS: Final = 5.0

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
    def __init__(self, secrets: GatewaySecrets | None) -> None:
        self.answer: Answering | None = None
        self._secrets = secrets

    async def check(self, question: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
        if self._secrets is not None and not self._secrets.includes(_metadata(context, wire.SECRET_HEADER)):
            # Envoy takes it for a failure of its own and refuses the request.
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, "gateway_unknown")
        loop = asyncio.get_running_loop()
        decided: asyncio.Future[Answer] = loop.create_future()

        def later(answer: Answer) -> None:
            loop.call_soon_threadsafe(_deliver, decided, answer)

        assert self.answer is not None  # noqa: S101 - nothing is asked before `GrpcListener.start`.
        answer = self.answer(path_of(question), authorization_of(question), later)
        # Others are answered while this one waits for its key.
        return response_to(await decided if answer is None else answer)


def _metadata(context: grpc.aio.ServicerContext[Any, Any], name: str) -> list[str]:
    return [str(value) for key, value in context.invocation_metadata() or () if key == name]


def _deliver(decided: asyncio.Future[Answer], answer: Answer) -> None:
    # Envoy may have given up meanwhile.
    if not decided.done():
        decided.set_result(answer)


def path_of(question: Any) -> str:
    """The path of `wire.route`, without an organization where none or several are named."""
    attributes = question.attributes
    named = [pair.value for pair in attributes.context_extensions if pair.key == "organization"]
    for space in attributes.metadata_context.filter_metadata:
        if space.key == "watchword":
            named += [member.value.string_value for member in space.value.fields if member.key == "organization"]
    if not named and ("routing", "token") in [(pair.key, pair.value) for pair in attributes.context_extensions]:
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
        response.headers.add(header={"key": name, "value": value}, append_action=OVERWRITE)


class GrpcListener:
    """Listens from the start, so that a probe may send Envoy here; answers what has come once it is told how."""

    def __init__(self, loop: asyncio.AbstractEventLoop, secrets: GatewaySecrets | None) -> None:
        self._loop = loop
        self._authorization = _Authorization(secrets)
        self._server: grpc.aio.Server | None = None

    async def bind(self, address: str, tls: Tls | None) -> None:
        """Raises RuntimeError when the port is in use."""
        self._server = grpc.aio.server(options=_OPTIONS, maximum_concurrent_rpcs=MAX_QUESTIONS)
        check = grpc.unary_unary_rpc_method_handler(
            self._authorization.check,
            request_deserializer=CheckRequest.FromString,
            response_serializer=CheckResponse.SerializeToString,
        )
        handler = grpc.method_handlers_generic_handler(CHECK_SERVICE, {"Check": check})
        self._server.add_generic_rpc_handlers((handler,))
        if tls is None:
            self._server.add_insecure_port(address)
        else:
            self._server.add_secure_port(address, _credentials(tls))

    def start(self, answer: Answering) -> None:
        """Answer with `answer`, in a thread of its own, until the block of `grpc_listener` ends."""
        assert self._server is not None  # noqa: S101 - `grpc_listener` has bound it.
        self._authorization.answer = answer
        asyncio.run_coroutine_threadsafe(self._server.start(), self._loop).result()

    def finish(self) -> None:
        """Take no more questions, and answer those that came before."""
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result()

    async def _stop(self) -> None:
        if self._server is not None:
            await self._server.stop(DRAIN_SECONDS)


@contextmanager
def grpc_listener(*, host: str, port: int, secrets: GatewaySecrets | None, tls: Tls | None) -> Iterator[GrpcListener]:
    """Listen while the block runs.

    Raises:
        SettingsProblem: the port is in use.
    """
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="grpc", daemon=True)
    thread.start()
    listener = GrpcListener(loop, secrets)
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        try:
            asyncio.run_coroutine_threadsafe(listener.bind(address, tls), loop).result()
        except RuntimeError:
            raise SettingsProblem(f"host, grpc_port: {address} cannot be listened on; is it in use?") from None
        yield listener
    finally:
        listener.finish()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def _credentials(tls: Tls) -> grpc.ServerCredentials:
    authority = tls.client_authority
    return grpc.ssl_server_credentials(
        [(tls.key.read_bytes(), tls.certificate.read_bytes())],
        root_certificates=None if authority is None else authority.read_bytes(),
        require_client_auth=authority is not None,
    )
