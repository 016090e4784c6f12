"""HTTP to one portal's management API. The only module that sends the credential.

httpcore2 is what the verifiers use for the feed: it follows no redirect, reads no proxy and no credential from the
environment, and keeps no cookies.
"""

from __future__ import annotations

import importlib.metadata
import itertools
import json
import math
import secrets
import ssl
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar

import httpcore2
import truststore

from watchword.client.login import API_PATH
from watchword.client.problems import ApiFailed, refused
from watchword.core.strict_json import JsonRefused, parse_object

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from watchword.client.login import Login

CONNECT_SECONDS: Final = 10.0
RESPONSE_SECONDS: Final = 60.0
"""Registering a server fetches its keys first, which takes up to ten seconds."""

BODY_SECONDS: Final = 120.0
"""For a whole response: the limit for one that arrives byte by byte."""

MAX_BODY_BYTES: Final = 16 * 1024 * 1024
MAX_LINE_BYTES: Final = 1024 * 1024
ATTEMPTS: Final = 4
MAX_WAIT_SECONDS: Final = 60
"""A longer wait that the portal asks for is reported instead of waited for."""

_TOO_MANY: Final = 429
_UNAVAILABLE: Final = frozenset({502, 503, 504})
_REDIRECTS: Final = range(300, 400)
_ERRORS: Final = 400
_TIMEOUTS: Final = {
    "connect": CONNECT_SECONDS, "read": RESPONSE_SECONDS, "write": RESPONSE_SECONDS, "pool": CONNECT_SECONDS,
}  # fmt: skip
# Not OSError, which httpcore2 turns into these: one may also come from the file into which lines are copied.
_NETWORK_FAILURES: Final = (httpcore2.TimeoutException, httpcore2.NetworkError, httpcore2.ProtocolError)

T = TypeVar("T")
E = TypeVar("E", bound=BaseException)


class Connection:
    """Sends requests one after another.

    Args:
        login: where to, and with which credential.
        waiting: called with the seconds before each wait, so that the person at the terminal knows why nothing happens.
        sleep: waits.
    """

    def __init__(
        self, login: Login, *, waiting: Callable[[int], None], sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._login = login
        self._headers = [
            ("Authorization", f"Bearer {login.credential}"),
            ("Accept", "application/json"),
            # No compression, so that the limits count the bytes on the wire.
            ("Accept-Encoding", "identity"),
            ("User-Agent", f"watchword/{importlib.metadata.version('watchword')}"),
        ]
        self._waiting = waiting
        self._sleep = sleep
        # To this machine without TLS, no authorities need be read.
        tls = _tls_context() if login.origin.startswith("https://") else None
        self._pool = httpcore2.ConnectionPool(ssl_context=tls, max_connections=1)

    def close(self) -> None:
        self._pool.close()

    def send(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, if_match: str | None = None
    ) -> dict[str, Any] | None:
        """Send one request, and again after a wait where that is safe; returns the response's document, if it has one.

        Args:
            method: the HTTP method.
            path: below /api/v1, with its query.
            body: sent as JSON.
            if_match: the ETag of the version that may be changed.

        Raises:
            ApiRefused: the portal answered with an error.
            ApiFailed: it did not answer, or not as the management API does.
        """
        return self._attempted(_Request(method, path, body, if_match), _document)

    def copy_lines(self, path: str, sink: Callable[[bytes], None]) -> None:
        """Give each line of a long response to `sink` as soon as it has arrived.

        Raises:
            ApiRefused, ApiFailed: as in `send`; also after some lines.
        """
        self._attempted(_Request("GET", path), lambda response: _lines(response, sink))

    def _attempted(self, request: _Request, consume: Callable[[httpcore2.Response], T]) -> T:
        for attempt in itertools.count(1):
            try:
                return self._once(request, consume)
            except _Retry as retry:
                seconds = 2 ** (attempt - 1) if retry.seconds is None else retry.seconds
                if attempt == ATTEMPTS or seconds > MAX_WAIT_SECONDS:
                    raise retry.failure from None
            self._waiting(seconds)
            self._sleep(seconds)
        raise AssertionError  # pragma: no cover - the loop has no end of its own.

    def _once(self, request: _Request, consume: Callable[[httpcore2.Response], T]) -> T:
        request_id = secrets.token_hex(8)
        url = f"{self._login.origin}{API_PATH}{request.path}"
        headers = [*self._headers, ("X-Request-ID", request_id), *request.headers]
        is_answered = False
        try:
            with self._pool.stream(
                request.method, url, headers=headers, content=request.content, extensions={"timeout": _TIMEOUTS}
            ) as response:
                is_answered = True
                _check(response, request, request_id)
                return consume(response)
        except _NETWORK_FAILURES as failure:
            # `from None`: the exception may contain the request, and so the credential.
            failed = ApiFailed(_explained(failure, self._login.origin))
            if request.is_idempotent and not is_answered and _may_pass(failure):
                raise _Retry(failed, None) from None
            raise failed from None


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    path: str
    body: Mapping[str, Any] | None = None
    if_match: str | None = None

    @property
    def is_idempotent(self) -> bool:
        """Whether a second request does no more than the first, of which it is unknown whether it arrived."""
        return self.method in {"GET", "PUT"}

    @property
    def content(self) -> bytes | None:
        return None if self.body is None else json.dumps(self.body).encode()

    @property
    def headers(self) -> list[tuple[str, str]]:
        headers = [] if self.body is None else [("Content-Type", "application/json")]
        return headers if self.if_match is None else [*headers, ("If-Match", self.if_match)]


class _Retry(Exception):
    """Try again after `seconds`, or after a short time; `failure` if this was the last attempt."""

    def __init__(self, failure: ApiFailed, seconds: int | None) -> None:
        super().__init__()
        self.failure = failure
        self.seconds = seconds


def _check(response: httpcore2.Response, request: _Request, request_id: str) -> None:
    """Let a success pass.

    Raises:
        ApiFailed: it is a redirect or an error.
        _Retry: it may succeed later.
    """
    if response.status in _REDIRECTS:
        raise ApiFailed(
            f"The portal answered with a redirect ({response.status}), which is never followed with an API key. "
            "Check the portal's URL."
        )
    if response.status < _ERRORS:
        return
    failure = refused(response.status, _header(response, b"content-type"), _read(response), request_id)
    # With 429, nothing was done.
    if response.status == _TOO_MANY or (request.is_idempotent and response.status in _UNAVAILABLE):
        raise _Retry(failure, _retry_after(_header(response, b"retry-after")))
    raise failure


def _header(response: httpcore2.Response, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in response.headers if key.lower() == name), "")


def _retry_after(header: str) -> int | None:
    """Seconds, from one of the two forms of RFC 9110 section 10.2.3; None without a readable one."""
    if header.isascii() and header.isdigit():
        return int(header[:9])
    try:
        until = parsedate_to_datetime(header)
    except ValueError:
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max(0, math.ceil((until - datetime.now(UTC)).total_seconds()))


def _document(response: httpcore2.Response) -> dict[str, Any] | None:
    octets = _read(response)
    if not octets:
        return None
    try:
        return dict(parse_object(octets))
    except JsonRefused:
        raise ApiFailed("The portal's response is not a JSON object. Is its URL right?") from None


def _read(response: httpcore2.Response) -> bytes:
    deadline = time.monotonic() + BODY_SECONDS
    body = bytearray()
    for part in response.iter_stream():
        body += part
        if len(body) > MAX_BODY_BYTES or time.monotonic() > deadline:
            raise ApiFailed("The portal's response is too long, or took too long to arrive.")
    return bytes(body)


def _lines(response: httpcore2.Response, sink: Callable[[bytes], None]) -> None:
    rest = b""
    for part in response.iter_stream():
        *whole, rest = (rest + part).split(b"\n")
        for line in whole:
            sink(line)
        if len(rest) > MAX_LINE_BYTES:
            raise ApiFailed("A line of the portal's response is too long.")
    if rest:
        raise ApiFailed("The portal's response ended in the middle of a line.")


def _explained(failure: Exception, origin: str) -> str:
    if isinstance(failure, httpcore2.TimeoutException):
        return f"{origin} did not answer in time."
    certificate = _of_kind(failure, ssl.SSLCertVerificationError)
    if certificate is not None:
        return (
            f"The certificate of {origin} is not trusted: {certificate.verify_message or 'unknown reason'}. If an "
            "authority of your own issued it, add that one to the operating system's store, or name its file in "
            "SSL_CERT_FILE."
        )
    if _of_kind(failure, ssl.SSLError) is not None:
        return f"TLS with {origin} failed. Does the portal listen with https at this address?"
    if isinstance(failure, httpcore2.ConnectError):
        return f"{origin} cannot be reached ({_reason(failure)}). Is its URL right, and does the portal run?"
    return f"The connection to {origin} broke off."


def _may_pass(failure: Exception) -> bool:
    """Whether the failure is one of a portal that is just being restarted. A wrong name or certificate stays wrong.

    A refused connection is reported at once: a wrong port is likelier than a restart.
    """
    return isinstance(failure, (httpcore2.ReadError, httpcore2.WriteError, httpcore2.RemoteProtocolError))


def _of_kind(failure: BaseException | None, kind: type[E]) -> E | None:
    """The failure or what caused it, if one is of this kind."""
    while failure is not None:
        if isinstance(failure, kind):
            return failure
        failure = failure.__cause__ or failure.__context__
    return None


def _reason(failure: Exception) -> str:
    cause = _of_kind(failure, OSError)
    return "no connection" if cause is None or cause.strerror is None else cause.strerror


def _tls_context() -> ssl.SSLContext:
    context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = True
    context.verify_mode = ssl.CERT_REQUIRED
    return context
