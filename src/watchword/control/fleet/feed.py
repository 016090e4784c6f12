"""The feed over HTTP: an ASGI application of its own, next to Django.

Verifiers wait here most of the time. In Django each waiting request would hold a thread and a database connection;
here it is one entry in a dictionary.
"""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs
from weakref import WeakKeyDictionary

import structlog
from django.db import DatabaseError
from django.utils import timezone

from watchword.control.activity import batches
from watchword.control.activity.plausibility import Implausible
from watchword.control.activity.refused_batches import BatchImplausible
from watchword.control.base.asgi import security_headers
from watchword.control.fleet.long_poll import Database, HeadWatcher, SingleFlight
from watchword.control.fleet.pg_notify import Listener
from watchword.control.fleet.queries import (
    Caller,
    Head,
    note_seen,
    nothing_new,
    read_page,
    secrets_in_force,
    verifier_of_secret,
)
from watchword.control.fleet.verifier_reports import (
    MAX_BYTES,
    ReportRefused,
    apply_usage,
    decode_report,
    force_refreshes,
)
from watchword.core.trust import ORGANIZATION_ID
from watchword.feed import NOT_UNDERSTOOD_HEADER, NOT_UNDERSTOOD_NAMED
from watchword.runtime.outages import Outage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from watchword.control.base.asgi import Receive, Send
    from watchword.control.fleet.models import VerifierCredential


PREFIX: Final = "/feed/v1/"
MAX_WAIT_SECONDS: Final = 25.0
"""Below the 30 s after which many proxies give up on an idle connection."""

PATHS: Final = ("changes", "unknown-keys", "usage")
_LABEL_MAX: Final = 64
_NOT_IN_LABEL: Final = re.compile(r"[^ -~]")
_BEARER: Final = re.compile(r"Bearer ([!-~]+)", re.IGNORECASE)
_NUMBER: Final = re.compile(r"[0-9]{1,15}")
_NOT_UNDERSTOOD: Final = re.compile(f"[0-9]{{1,9}}( {ORGANIZATION_ID})*")

_log = structlog.get_logger("watchword.feed")


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP response. `document` becomes JSON; bytes are sent unchanged, None is an empty body."""

    status: int
    document: Mapping[str, object] | bytes | None = None
    headers: tuple[tuple[bytes, bytes], ...] = ()


def problem(status: int, code: str, sentence: str, headers: tuple[tuple[bytes, bytes], ...] = ()) -> Response:
    """Return an RFC 9457 problem document."""
    return Response(status, {"type": "about:blank", "status": status, "code": code, "title": sentence}, headers)


_UNAUTHORIZED: Final = problem(
    401,
    "credential_unknown",
    "The verifier's credential is unknown or revoked.",
    # Close the connection: a client without a credential could send requests for ever and read no response.
    ((b"www-authenticate", b"Bearer"), (b"connection", b"close")),
)
_UNAVAILABLE: Final = problem(
    503, "database_unavailable", "The control plane cannot reach its database.", ((b"retry-after", b"1"),)
)

_IMPLAUSIBLE: Final = {
    Implausible.TOO_MANY_CALLS: problem(
        422, "batch_implausible", "The batch holds more calls than its verifier can have decided."
    ),
    # A different status, because the verifier may send the same counts under its own stream.
    Implausible.FOREIGN_STREAM: problem(
        409, "stream_of_another_verifier", "The batch continues the reports of another credential."
    ),
}


class Feed:
    """The ASGI application for the paths below PREFIX."""

    def __init__(self) -> None:
        self._database = Database()
        self._watchers: WeakKeyDictionary[asyncio.AbstractEventLoop, tuple[HeadWatcher, SingleFlight]] = (
            WeakKeyDictionary()
        )
        self._listener = Listener(moved=self._moved, lost=self._lost)
        # One per path: with a full disk the database still reads and refuses to write counts.
        self._outages = {path: Outage(_log, "feed_unavailable", over="feed_available_again") for path in PATHS}
        self._noting = Outage(_log, "verifier_not_noted", over="verifier_noted_again", level="warning")

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        path = scope["path"].removeprefix(PREFIX)
        outage = self._outages.get(path, self._outages[PATHS[0]])
        try:
            response = await self._respond(scope, receive)
        except DatabaseError as failure:
            outage.failed(path=path if path in PATHS else None, fault=type(failure).__name__)
            response = _UNAVAILABLE
        else:
            if response.status in {HTTPStatus.OK, HTTPStatus.NO_CONTENT}:
                outage.succeeded()
        await _send(response, send)

    async def has_valid_credential(self, scope: dict[str, Any]) -> bool:
        """Whether the request has a valid credential; False while the database is unavailable."""
        try:
            return await self._credential(_headers(scope)) is not None
        except DatabaseError:
            return False

    def release(self) -> None:
        """End all waiting requests with an empty page, and let no further one wait. Safe to call from any thread."""
        self._call_watchers(HeadWatcher.release)

    def close(self) -> None:
        self._listener.close()
        self._database.close()

    async def _respond(self, scope: dict[str, Any], receive: Receive) -> Response:
        headers = _headers(scope)
        credential = await self._credential(headers)
        if credential is None:
            return _UNAUTHORIZED
        match (scope["method"], scope["path"].removeprefix(PREFIX)):
            case ("GET", "changes"):
                return await self._changes(credential, headers, scope["query_string"])
            case ("POST", "unknown-keys"):
                return await self._unknown_keys(receive)
            case ("POST", "usage"):
                return await self._usage(credential, receive)
            case (_, path) if path in PATHS:
                return problem(405, "method_not_allowed", "This path does not support the method.")
        return problem(404, "not_found", "Not found.")

    async def _credential(self, headers: Mapping[str, str]) -> VerifierCredential | None:
        secret = _BEARER.fullmatch(headers.get("authorization", ""))
        return None if secret is None else await self._database.run(verifier_of_secret, secret[1])

    async def _changes(self, credential: VerifierCredential, headers: Mapping[str, str], query: bytes) -> Response:
        parameters = parse_qs(query.decode("latin-1"))
        epoch, after, wait = (parameters.get(name, [""])[-1] for name in ("epoch", "after", "wait"))
        if not _NUMBER.fullmatch(after or "0") or not _NUMBER.fullmatch(wait or "0"):
            return problem(400, "parameter_invalid", "`after` and `wait` are whole numbers.")
        seen = Head(epoch, int(after or 0), credential.revocations)
        caller = Caller(
            node=_label(headers, "watchword-node"),
            version=_label(headers, "watchword-version"),
            **_not_understood(headers.get(NOT_UNDERSTOOD_HEADER, "")),
        )
        await self._note_seen(credential, caller, seen.revision)
        max_wait = min(float(wait or 0), MAX_WAIT_SECONDS)
        watcher, single_flight = self._watcher()
        page = None
        if not (max_wait and watcher.is_at(seen)):
            page = await self._database.run(read_page, seen.epoch, seen.revision)
        if page is None and max_wait and await watcher.wait_for_change(seen, max_wait):
            # Requests that wake up together need the same results.
            wake_up = watcher.wake_ups
            # A secret that was revoked during the wait gets no more trust.
            if credential.presented_hash not in await single_flight.run(wake_up, secrets_in_force):
                return _UNAUTHORIZED
            page = await single_flight.run(wake_up, read_page, seen.epoch, seen.revision)
        elif page is None and max_wait and credential.presented_hash not in await self._database.run(secrets_in_force):
            return _UNAUTHORIZED
        return Response(200, nothing_new(seen) if page is None else page)

    async def _note_seen(self, credential: VerifierCredential, caller: Caller, revision: int) -> None:
        try:
            await self._database.run(note_seen, credential, caller, revision, timezone.now())
        except DatabaseError as failure:
            # With a full disk reading still works, and suspensions must reach the verifiers.
            self._noting.failed(fault=type(failure).__name__)
        else:
            self._noting.succeeded()

    async def _unknown_keys(self, receive: Receive) -> Response:
        body = await _body(receive, MAX_BYTES)
        if body is None:
            return problem(413, "too_large", "A report has at most 16 KiB.")
        try:
            pairs = decode_report(body)
        except ReportRefused:
            return problem(422, "report_invalid", "The report has an invalid form.")
        forced = await self._database.run(force_refreshes, pairs, timezone.now())
        if forced:
            _log.info("refreshes_forced", key_sets=forced)
        return Response(204)

    async def _usage(self, credential: VerifierCredential, receive: Receive) -> Response:
        body = await _body(receive, batches.MAX_BYTES)
        if body is None:
            return problem(413, "too_large", "A batch has at most 256 KiB.")
        try:
            await self._database.run(apply_usage, credential, body, timezone.now())
        except batches.BatchRefused:
            return problem(422, "batch_invalid", "The batch has an invalid form.")
        except BatchImplausible as refused:
            return _IMPLAUSIBLE[refused.problem]
        return Response(204)

    def _watcher(self) -> tuple[HeadWatcher, SingleFlight]:
        loop = asyncio.get_running_loop()
        if loop not in self._watchers:
            self._watchers[loop] = HeadWatcher(self._database), SingleFlight(self._database)
            self._listener.start()
        return self._watchers[loop]

    def _moved(self) -> None:
        self._call_watchers(HeadWatcher.notified)

    def _lost(self) -> None:
        self._call_watchers(HeadWatcher.notifications_lost)

    def _call_watchers(self, method: Callable[[HeadWatcher], None]) -> None:
        for loop, (watcher, _) in list(self._watchers.items()):
            # A loop that has just ended has no waiting requests.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(method, watcher)


def _headers(scope: dict[str, Any]) -> dict[str, str]:
    # Repeated headers are joined as in RFC 9110, so two credentials match no pattern.
    joined: dict[str, str] = {}
    for name, value in scope["headers"]:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        joined[key] = f"{joined[key]}, {text}" if key in joined else text
    return joined


def _label(headers: Mapping[str, str], name: str) -> str | None:
    return _NOT_IN_LABEL.sub("", headers.get(name, ""))[:_LABEL_MAX] or None


def _not_understood(value: str) -> dict[str, Any]:
    """Parse the number of organizations and the names of some, such as `2 acme globex`; anything else is ignored."""
    if _NOT_UNDERSTOOD.fullmatch(value) is None:
        return {}
    count, *names = value.split(" ")
    return {"not_understood": tuple(names[:NOT_UNDERSTOOD_NAMED]), "not_understood_count": int(count)}


async def _body(receive: Receive, most: int) -> bytes | None:
    """Return the body, or None as soon as it is too large. It is incomplete if the client disconnects."""
    body = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return body
        body += bytes(message.get("body", b""))
        if len(body) > most:
            return None
        if not message.get("more_body", False):
            return body


async def _send(response: Response, send: Send) -> None:
    security = [(name.lower().encode(), value.encode()) for name, value in security_headers()]
    headers = [(b"cache-control", b"no-store"), *security, *response.headers]
    body = b""
    if response.document is not None:
        document = response.document
        body = document if isinstance(document, bytes) else json.dumps(document, separators=(",", ":")).encode()
        content_type = b"application/json" if response.status == HTTPStatus.OK else b"application/problem+json"
        headers += [(b"content-type", content_type), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
