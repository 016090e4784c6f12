"""Refuses requests that cannot be read, and unsupported methods, before any view sees them.

Databases refuse U+0000 in text, Django reads forms in any character set that Python knows, and views treat TRACE like
GET. This module handles them once instead of in every field and view.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

import structlog
from django.core.exceptions import BadRequest, RequestDataTooBig, SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParserError
from django.http.request import UnreadablePostError
from django.template.loader import render_to_string

from watchword.control.base.asgi import security_headers
from watchword.control.entrance.responses import Response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from watchword.control.base.asgi import Application, Receive, Send


METHODS: Final = ("GET", "HEAD", "POST")

_UTF_8: Final = frozenset({"utf-8", "utf8"})

_log = structlog.get_logger("watchword.portal")


class ReadableRequests:
    """Responds 405 to methods other than METHODS, and 400 or 413 to requests that are no readable text or form."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method not in METHODS:
            response = _unreadable(405)
            response["Allow"] = ", ".join(METHODS)
            return response
        try:
            sound = all("\0" not in text for text in _texts(request))
        except RequestDataTooBig:
            return _unreadable(413)
        except (BadRequest, MultiPartParserError, SuspiciousOperation, UnreadablePostError):
            sound = False
        return self._get_response(request) if sound else _unreadable(400)


def with_error_pages(application: Application) -> Application:
    """Wrap the application so that every response is a page with all security headers.

    Django sends some responses before its middleware, and reads the character set of a form as it builds the request.
    """

    async def respond(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        begun = False

        async def completed(message: dict[str, Any]) -> None:
            nonlocal begun
            begun = True
            if message["type"] == "http.response.start":
                message = {**message, "headers": complete(message.get("headers", ()))}
            await send(message)

        status = unreadable_by_django(scope)
        if status is not None:
            await _page("400.html", status, completed)
            return
        try:
            await application(scope, receive, completed)
        except Exception as failure:
            # Without the exception's text, which may quote the request.
            _log.error("request_failed", fault=type(failure).__name__)
            if begun:
                raise
            await _page("500.html", 500, completed)

    return respond


def _texts(request: HttpRequest) -> Iterable[str]:
    """Yield all text of the request. Reading the form may raise."""
    yield request.path_info
    yield unquote(request.META.get("QUERY_STRING", ""))
    yield from request.headers.values()
    if request.method == "POST":
        for name, values in request.POST.lists():
            yield name
            yield from values


def _unreadable(status: int) -> HttpResponse:
    return HttpResponse(render_to_string("400.html"), status=status)


def unreadable_by_django(scope: Mapping[str, Any]) -> int | None:
    """Return the status for a request that Django would refuse before its middleware; None if it can read it.

    400 for bytes that are no text; 415 for a character set other than UTF-8, which HTML forms never name.
    """
    try:
        scope["path"].encode()
        scope["query_string"].decode()
    except UnicodeError:
        return 400
    headers = [(name.lower(), value) for name, value in scope["headers"]]
    if any(b"\0" in value for _, value in headers):
        return 400
    types = [value.decode("latin-1").lower() for name, value in headers if name == b"content-type"]
    return None if all(_UTF_8.issuperset(_charsets(text)) for text in types) else 415


def _charsets(content_type: str) -> Iterable[str]:
    for parameter in content_type.split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip() == "charset":
            yield value.strip(' \t"')


async def _page(template: str, status: int, send: Send) -> None:
    await Response(status, "text/html; charset=utf-8", render_to_string(template).encode()).send(send)


def complete(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return the headers with those security headers that are missing."""
    sent = list(headers)
    present = {name.lower() for name, _ in sent}
    missing = [(name.encode(), value.encode()) for name, value in security_headers()]
    return [*sent, *((name, value) for name, value in missing if name.lower() not in present)]
