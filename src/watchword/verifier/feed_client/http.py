"""The three requests that a verifier sends to the control plane. The only outgoing connections of the data plane."""

from __future__ import annotations

import ssl
import time
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import urlencode

import httpcore2
import truststore

from watchword.feed import NOT_UNDERSTOOD_HEADER, encode_not_understood
from watchword.verifier.clock_skew import ClockSkew
from watchword.verifier.feed_client.failures import (
    CredentialRefused,
    FeedUnavailable,
    connection_failure,
    timed_out,
    unexpected_status,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pydantic import SecretStr

CONNECT_SECONDS: Final = 5.0
ANSWER_SECONDS: Final = 10.0
"""Beyond the time that the feed was asked to wait; also for each further piece of the answer."""

USAGE_SECONDS: Final = 5.0
"""For the answer to a batch of usage: while it is waited for, what is counted counts for a later minute."""

PAGE_SECONDS: Final = 120.0
"""For a whole page, so that an answer that drips in byte by byte ends too."""

MAX_PAGE_BYTES: Final = 96 * 1024 * 1024
"""A page has at most 16 Mi characters of documents, of up to 4 octets each, or one document; this is above that."""

_OK: Final = 200
_NO_CONTENT: Final = 204
_UNAUTHORIZED: Final = 401


class Feed(Protocol):
    @property
    def origin(self) -> str: ...

    def changes(self, *, epoch: str, after: int, wait: int, not_understood: Sequence[str] = ()) -> bytes: ...

    def report_unknown_keys(self, report: bytes) -> None: ...


class FeedOverHttp:
    """Talks to one portal. Used by three threads at once; the pool underneath allows that.

    Attributes:
        origin: of the portal; without user or password, so that it may be logged.
        clock_skew: as its answers say.
    """

    def __init__(
        self, *, origin: str, credential: SecretStr, node: str, version: str, authority_file: Path | None
    ) -> None:
        self.origin = origin
        self.clock_skew = ClockSkew()
        self._headers = [
            ("Authorization", f"Bearer {credential.get_secret_value()}"),
            ("Watchword-Node", node),
            ("Watchword-Version", version),
            ("Accept", "application/json"),
            # No decompression: what is counted below is what came over the wire.
            ("Accept-Encoding", "identity"),
        ]
        # No proxy and no netrc from the environment, and no redirect is ever followed: the credential goes to the
        # configured origin and nowhere else.
        self._pool = httpcore2.ConnectionPool(
            ssl_context=tls_context(authority_file), max_connections=3, keepalive_expiry=30.0
        )

    def changes(self, *, epoch: str, after: int, wait: int, not_understood: Sequence[str] = ()) -> bytes:
        """Ask for what changed; the answer's body.

        `epoch` and `after` say what is known already; `wait` is the seconds that the control plane may hold the
        question while nothing changes; `not_understood` names the organizations whose trust this version cannot read.

        Raises:
            FeedUnavailable: no answer with status 200 in time and size.
        """
        query = urlencode({"epoch": epoch, "after": after, "wait": wait})
        report = (NOT_UNDERSTOOD_HEADER, encode_not_understood(not_understood))
        return self._send(
            "GET", f"/feed/v1/changes?{query}", None, report, expected=_OK, patience=wait + ANSWER_SECONDS
        )

    def report_unknown_keys(self, report: bytes) -> None:
        """Send the body made by `unknown_keys.report_of`.

        Raises:
            FeedUnavailable: it was not accepted.
        """
        self._send("POST", "/feed/v1/unknown-keys", report, expected=_NO_CONTENT, patience=ANSWER_SECONDS)

    def report_usage(self, batch: bytes) -> None:
        """Send a batch made by `usage_backlog.Backlog`.

        Raises:
            FeedUnavailable: it was not accepted, or it is not known whether it was.
        """
        self._send("POST", "/feed/v1/usage", batch, expected=_NO_CONTENT, patience=USAGE_SECONDS)

    def close(self) -> None:
        self._pool.close()

    def _send(
        self,
        method: str,
        target: str,
        content: bytes | None,
        *more_headers: tuple[str, str],
        expected: int,
        patience: float,
    ) -> bytes:
        timeouts = {"connect": CONNECT_SECONDS, "read": patience, "write": ANSWER_SECONDS, "pool": CONNECT_SECONDS}
        headers = [*self._headers, *more_headers]
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
            # `from None`: such an exception may carry the request, and the request carries the credential.
            raise connection_failure(failure) from None


def _date_of(response: httpcore2.Response) -> str | None:
    return next((value.decode("latin-1") for name, value in response.headers if name.lower() == b"date"), None)


def _read(response: httpcore2.Response) -> bytes:
    deadline = time.monotonic() + PAGE_SECONDS
    body = bytearray()
    for part in response.iter_stream():
        body += part
        if len(body) > MAX_PAGE_BYTES:
            raise FeedUnavailable("answer_too_large", "the answer is larger than any page of the feed")
        if time.monotonic() > deadline:
            raise FeedUnavailable("timed_out", "the answer took too long to arrive")
    return bytes(body)


def tls_context(authority_file: Path | None) -> ssl.SSLContext:
    """Verify the portal by the operating system's authorities and, if given, by those of a PEM file."""
    context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = True
    context.verify_mode = ssl.CERT_REQUIRED
    if authority_file is not None:
        context.load_verify_locations(cafile=authority_file)
    return context
