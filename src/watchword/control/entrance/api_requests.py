"""What surrounds Django for the management API: the request id, and a problem document for every error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import structlog

from watchword.control.api import problems
from watchword.control.api.addresses import is_of_api
from watchword.control.api.problems import Fault, fault
from watchword.control.api.request_ids import HEADER, request_id
from watchword.control.entrance.readable_requests import complete, unreadable_by_django
from watchword.control.entrance.responses import Response

if TYPE_CHECKING:
    from collections.abc import Iterable

    from watchword.control.base.asgi import Application, Receive, Send
    from watchword.control.entrance.bodies import BodyFault

IN_SCOPE: Final = "watchword.request_id"
_NAME: Final = HEADER.lower().encode()
_ERRORS: Final = 400
_BY_STATUS: Final = {
    each.status: each
    for each in (
        Fault.UNREADABLE, Fault.TOO_SLOW, Fault.TOO_LARGE, Fault.TYPE_UNSUPPORTED, Fault.FAILED, Fault.UNAVAILABLE,
    )
}  # fmt: skip
_OWN_HEADERS: Final = frozenset({b"content-type", b"content-length", b"cache-control"})

_log = structlog.get_logger("watchword.portal")


def is_api(scope: dict[str, Any]) -> bool:
    """Whether the request is one of the API."""
    return scope["type"] == "http" and is_of_api(scope["path"])


def identified(application: Application) -> Application:
    """Wrap the application: give each request of the API its id, in its headers and in those of the response."""

    async def identify(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if not is_api(scope):
            await application(scope, receive, send)
            return
        sent = [value.decode("latin-1") for name, value in scope["headers"] if name.lower() == _NAME]
        chosen = request_id(sent[0] if len(sent) == 1 else None)
        headers = [(name, value) for name, value in scope["headers"] if name.lower() != _NAME]
        # A copy: the server's own scope stays as it is.
        scope = {**scope, IN_SCOPE: chosen, "headers": [*headers, (_NAME, chosen.encode())]}

        async def echo(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                others = [pair for pair in message.get("headers", ()) if pair[0].lower() != _NAME]
                message = {**message, "headers": [*others, (_NAME, chosen.encode())]}
            await send(message)

        await application(scope, receive, echo)

    return identify


def refused_body(refused: BodyFault) -> Response:
    """Return the response to a body that is too large or too slow; `with_problems` writes its document."""
    return Response(refused.status, "text/plain", b"")


def with_problems(application: Application) -> Application:
    """Wrap the application so that every error is a problem document with all security headers.

    Django sends some responses before its middleware, and the limits of bodies come before Django.
    """

    async def respond(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        answer = _Converted(scope[IN_SCOPE], send)
        status = unreadable_by_django(scope)
        if status is not None:
            await answer.problem(status)
            return
        try:
            await application(scope, receive, answer.send)
        except Exception as failure:
            # Without the exception's text, which may quote the request.
            _log.error("request_failed", fault=type(failure).__name__)
            if answer.begun:
                raise
            await answer.problem(Fault.FAILED.status)

    return respond


class _Converted:
    """Sends a response; an error that is no problem document is replaced by one."""

    def __init__(self, request_id: str, send: Send) -> None:
        self._request_id = request_id
        self._send = send
        self._replaced = False
        self.begun = False

    async def send(self, message: dict[str, Any]) -> None:
        if message["type"] != "http.response.start":
            if not self._replaced:
                await self._send(message)
            return
        headers = list(message.get("headers", ()))
        types = [value for name, value in headers if name.lower() == b"content-type"]
        if message["status"] >= _ERRORS and types != [problems.CONTENT_TYPE.encode()]:
            self._replaced = True
            await self.problem(message["status"], [pair for pair in headers if pair[0].lower() not in _OWN_HEADERS])
            return
        self.begun = True
        await self._send({**message, "headers": complete(headers)})

    async def problem(self, status: int, headers: Iterable[tuple[bytes, bytes]] = ()) -> None:
        self.begun = True
        problem = fault(_BY_STATUS.get(status, Fault.UNREADABLE if status < Fault.FAILED.status else Fault.FAILED))
        body = problems.document(problem, self._request_id)
        own = [(b"content-type", problems.CONTENT_TYPE.encode()), (b"content-length", str(len(body)).encode())]
        sent = complete([*headers, *own, (b"cache-control", b"no-store")])
        await self._send({"type": "http.response.start", "status": problem.status, "headers": sent})
        await self._send({"type": "http.response.body", "body": body})
