"""The three requests that a verifier sends to the control plane, and the secret that they carry.

The data plane opens no other connections.
"""

from __future__ import annotations

import ssl
import time
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import urlencode

import httpcore2
import structlog
import truststore

from watchword.feed import NOT_UNDERSTOOD_HEADER, encode_not_understood
from watchword.runtime.outages import Outage
from watchword.settings.base import SettingsProblem
from watchword.verifier.clock_skew import ClockSkew
from watchword.verifier.feed_client.failures import (
    CredentialRefused,
    FeedUnavailable,
    connection_failure,
    timed_out,
    unexpected_status,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from pydantic import SecretStr

_log = structlog.get_logger("watchword.verifier.feed")

CONNECT_SECONDS: Final = 5.0
RESPONSE_SECONDS: Final = 10.0
"""In addition to the time that the control plane may hold the request; also for each further part of the response."""

USAGE_SECONDS: Final = 5.0
"""For the response to a batch of usage. Calls made while the verifier waits count for a later minute."""

PAGE_SECONDS: Final = 120.0
"""For a whole page: the limit for a response that arrives byte by byte."""

MAX_PAGE_BYTES: Final = 96 * 1024 * 1024
"""A page has at most 16 Mi characters of documents, of up to 4 bytes each, or one document; this is above that."""

_OK: Final = 200
_NO_CONTENT: Final = 204
_UNAUTHORIZED: Final = 401


class Feed(Protocol):
    @property
    def origin(self) -> str: ...

    def changes(self, *, epoch: str, after: int, wait: int, not_understood: Sequence[str] = ()) -> bytes: ...

    def report_unknown_keys(self, report: bytes) -> None: ...


class FeedOverHttp:
    """The HTTP client for one portal. Three threads may use it at once.

    Attributes:
        origin: of the portal; without user or password, so it may be logged.
        clock_skew: the difference to the portal's clock.
    """

    def __init__(self, *, origin: str, credential: Credential, node: str, version: str, ca_file: Path | None) -> None:
        self.origin = origin
        self._credential = credential
        self.clock_skew = ClockSkew()
        self._headers = [
            ("Watchword-Node", node),
            ("Watchword-Version", version),
            ("Accept", "application/json"),
            # No compression, so that the size limit counts the bytes on the wire.
            ("Accept-Encoding", "identity"),
        ]
        # The credential must only go to the configured origin: no proxy or netrc from the environment, no redirects.
        self._pool = httpcore2.ConnectionPool(
            ssl_context=tls_context(ca_file), max_connections=3, keepalive_expiry=30.0
        )

    def changes(self, *, epoch: str, after: int, wait: int, not_understood: Sequence[str] = ()) -> bytes:
        """Request the next page of changes; returns the body of the response.

        Args:
            epoch: of the snapshot that this verifier has.
            after: its revision.
            wait: seconds for which the control plane may hold the request while nothing changes.
            not_understood: the organizations whose trust this version cannot read.

        Raises:
            FeedUnavailable: no response with status 200 within the limits of time and size.
        """
        query = urlencode({"epoch": epoch, "after": after, "wait": wait})
        report = (NOT_UNDERSTOOD_HEADER, encode_not_understood(not_understood))
        return self._send(
            "GET", f"/feed/v1/changes?{query}", None, report, expected=_OK, read_seconds=wait + RESPONSE_SECONDS
        )

    def report_unknown_keys(self, report: bytes) -> None:
        """Send the body made by `unknown_keys.report_of`.

        Raises:
            FeedUnavailable: the control plane did not accept it.
        """
        self._send("POST", "/feed/v1/unknown-keys", report, expected=_NO_CONTENT, read_seconds=RESPONSE_SECONDS)

    def report_usage(self, batch: bytes) -> None:
        """Send a batch made by `usage.backlog.Backlog`.

        Raises:
            FeedUnavailable: the control plane did not accept it, or it is unknown whether it did.
        """
        self._send("POST", "/feed/v1/usage", batch, expected=_NO_CONTENT, read_seconds=USAGE_SECONDS)

    def close(self) -> None:
        self._pool.close()

    def _send(
        self,
        method: str,
        target: str,
        content: bytes | None,
        *more_headers: tuple[str, str],
        expected: int,
        read_seconds: float,
    ) -> bytes:
        timeouts = {
            "connect": CONNECT_SECONDS, "read": read_seconds, "write": RESPONSE_SECONDS, "pool": CONNECT_SECONDS,
        }  # fmt: skip
        secret = self._credential.current().get_secret_value()
        headers = [("Authorization", f"Bearer {secret}"), *self._headers, *more_headers]
        if content is not None:
            headers.append(("Content-Type", "application/json"))
        try:
            with self._pool.stream(
                method, self.origin + target, headers=headers, content=content, extensions={"timeout": timeouts}
            ) as response:
                self.clock_skew.note(_date_of(response), time.time())
                if response.status == _UNAUTHORIZED:
                    raise CredentialRefused
                if response.status != expected:
                    raise unexpected_status(response.status)
                return _read(response)
        except httpcore2.TimeoutException as failure:
            raise timed_out(failure) from None
        except (httpcore2.NetworkError, httpcore2.ProtocolError, OSError) as failure:
            # `from None`: the exception may contain the request, and so the credential.
            raise connection_failure(failure) from None


def _date_of(response: httpcore2.Response) -> str | None:
    return next((value.decode("latin-1") for name, value in response.headers if name.lower() == b"date"), None)


def _read(response: httpcore2.Response) -> bytes:
    deadline = time.monotonic() + PAGE_SECONDS
    body = bytearray()
    for part in response.iter_stream():
        body += part
        if len(body) > MAX_PAGE_BYTES:
            raise FeedUnavailable("answer_too_large", "the response is larger than any page of the feed")
        if time.monotonic() > deadline:
            raise FeedUnavailable("timed_out", "the response took too long to arrive")
    return bytes(body)


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """A context that trusts the operating system's CAs and, if given, those of a PEM file.

    Raises:
        SettingsProblem: the file cannot be used.
    """
    context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = True
    context.verify_mode = ssl.CERT_REQUIRED
    if ca_file is not None:
        try:
            context.load_verify_locations(cafile=ca_file)
        except OSError as failure:
            raise SettingsProblem(f"feed_ca_file: cannot be read as PEM ({type(failure).__name__}).") from None
    return context


class Credential:
    """The secret with which a verifier reads the feed, as its file has it now.

    Read for each request, so that an operator can replace the file while the verifier runs. Several threads use it.

    A file that cannot be read, as while it is being replaced, leaves the last secret in use.
    """

    def __init__(self, read: Callable[[], SecretStr]) -> None:
        """Read the secret for the first time.

        Raises:
            SettingsProblem: there is none.
        """
        self._read = read
        self._last = read()
        self._outage = Outage(_log, "credential_unreadable", over="credential_readable_again", level="warning")

    def current(self) -> SecretStr:
        try:
            secret = self._read()
        except SettingsProblem as problem:
            # The sentence has the name of the file and nothing of its content.
            self._outage.failed(problem=str(problem))
            return self._last
        self._outage.succeeded()
        if secret != self._last:
            self._last = secret
            _log.info("credential_replaced")
        return secret
