"""A plain HTTP client for tests: no proxies, no redirects followed, no status that raises."""

from __future__ import annotations

import http.client
import json
from base64 import b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping


@dataclass(frozen=True)
class Answer:
    """A whole HTTP response. `headers` keeps the order and repetitions of the wire."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        """The only value of `name`, None where it is absent."""
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        assert len(values) <= 1, f"{name} is repeated: {values}"
        return values[0] if values else None

    def json(self) -> Any:
        return json.loads(self.body)


def request(
    url: str,
    *,
    method: str | None = None,
    headers: Mapping[str, str] | None = None,
    form: Mapping[str, str] | None = None,
    basic: tuple[str, str] | None = None,
    bearer: str | None = None,
    context: ssl.SSLContext | None = None,
    timeout: float = 10.0,
) -> Answer:
    """One request on a new connection.

    Args:
        url: http or https; its host is connected to directly.
        method: GET by default, POST with a form.
        headers: sent as they are.
        form: sent as application/x-www-form-urlencoded.
        basic: user and password for HTTP Basic (RFC 7617).
        bearer: access token (RFC 6750).
        context: for https.
        timeout: seconds, for each step on the socket.
    """
    parts = urlsplit(url)
    assert parts.hostname is not None
    connection = (
        http.client.HTTPSConnection(parts.hostname, parts.port, context=context, timeout=timeout)
        if parts.scheme == "https"
        else http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)
    )
    sent = dict(headers or {})
    body = None
    if form is not None:
        body = urlencode(form).encode()
        sent["Content-Type"] = "application/x-www-form-urlencoded"
    if basic is not None:
        sent["Authorization"] = "Basic " + b64encode(":".join(basic).encode()).decode()
    if bearer is not None:
        sent["Authorization"] = f"Bearer {bearer}"
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request(method or ("GET" if form is None else "POST"), target, body=body, headers=sent)
        response = connection.getresponse()
        return Answer(response.status, tuple(response.getheaders()), response.read())
    finally:
        connection.close()
