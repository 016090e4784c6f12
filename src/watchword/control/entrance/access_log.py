"""The portal's optional access log: a line for each request, without personal data."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Any, Final

import structlog
from django.conf import settings
from django.urls import Resolver404, resolve

from watchword.control.entrance.api_requests import IN_SCOPE
from watchword.control.fleet.feed import PATHS, PREFIX

if TYPE_CHECKING:
    from watchword.control.base.asgi import Application, Receive, Send


NO_ROUTE: Final = "none"
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"})

_log = structlog.get_logger("watchword.access")


def logging_access(application: Application) -> Application:
    """Wrap the application: log a line for each response, and add the request's id to the response.

    Each field comes from a closed table or is a number: no path, query, header or address of a client. The id is
    created here, because a client's could be anything; that of a request to the management API may be the client's,
    in a narrow form. A proxy in front can log it from the response.
    """

    async def logged(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await application(scope, receive, send)
            return
        given = scope.get(IN_SCOPE)
        request_id = secrets.token_hex(8) if given is None else given
        # An application that raises sends no response; the server then sends a 500.
        status, began = 500, time.monotonic()

        async def noting(message: dict[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            if message["type"] == "http.response.start" and given is None:
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


def route_of(path: str) -> str:
    """Return the name of the page's route instead of its path, which contains ids and one-time links."""
    if path.startswith(settings.STATIC_URL):
        return "static"
    try:
        return resolve(path).view_name
    except Resolver404:
        return NO_ROUTE
