"""An access log of the portal, for operators who want one: a line for each request, without anything personal."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Any, Final

import structlog

from watchword.control.entrance.routes import NO_ROUTE, route_of
from watchword.control.fleet.feed import PATHS, PREFIX

if TYPE_CHECKING:
    from watchword.control.base.asgi import Application, Receive, Send


METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"})

_log = structlog.get_logger("watchword.access")


def logging_access(application: Application) -> Application:
    """The same application with a log line for each answer and the request's id in the answer.

    Each field comes from a closed table or is a number of ours: no path, query, header or address of a client. The id
    is made here, as a client's could be anything; a proxy in front can log it from the answer.
    """

    async def logged(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await application(scope, receive, send)
            return
        request_id = secrets.token_hex(8)
        # An application that raises has answered nothing; the server makes a 500 of it.
        status, began = 500, time.monotonic()

        async def noting(message: dict[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message = {**message, "headers": [*message.get("headers", ()), (b"x-request-id", request_id.encode())]}
            await send(message)

        try:
            with structlog.contextvars.bound_contextvars(request_id=request_id):
                await application(scope, receive, noting)
        finally:
            _log.info(
                "request",
                method=scope["method"] if scope["method"] in METHODS else "other",
                route=_route(scope["path"]),
                status=status,
                milliseconds=round((time.monotonic() - began) * 1000),
                request_id=request_id,
            )

    return logged


def _route(path: str) -> str:
    if path.startswith(PREFIX):
        name = path.removeprefix(PREFIX)
        return f"feed:{name if name in PATHS else NO_ROUTE}"
    return route_of(path)
