"""Responses to requests that reach neither Django nor the feed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from django.template.loader import render_to_string

from watchword.control.base.asgi import security_headers

if TYPE_CHECKING:
    from watchword.control.base.asgi import Send


@dataclass(frozen=True, slots=True)
class Response:
    """A complete response."""

    status: int
    content_type: str
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()

    async def send(self, send: Send, *, close: bool = False) -> None:
        """Send the response.

        Args:
            send: the ASGI callable.
            close: whether to close the connection, because the request was not read to its end.
        """
        headers = (
            ("content-type", self.content_type),
            ("content-length", str(len(self.body))),
            ("cache-control", "no-store"),
            *security_headers(),
            *self.headers,
            *((("connection", "close"),) if close else ()),
        )
        encoded = [(name.lower().encode(), value.encode()) for name, value in headers]
        await send({"type": "http.response.start", "status": self.status, "headers": encoded})
        await send({"type": "http.response.body", "body": self.body})


@cache
def page(status: int, sentence: str, headers: tuple[tuple[str, str], ...] = ()) -> Response:
    """Return an HTML page. Rendered once, so that it costs nothing under load."""
    text = render_to_string("shell/not_admitted.html", {"sentence": sentence})
    return Response(status, "text/html; charset=utf-8", text.encode(), headers)


@cache
def problem(status: int, code: str, sentence: str, headers: tuple[tuple[str, str], ...] = ()) -> Response:
    """Return an RFC 9457 problem document."""
    document = {"type": "about:blank", "status": status, "code": code, "title": sentence}
    return Response(status, "application/problem+json", json.dumps(document, separators=(",", ":")).encode(), headers)
