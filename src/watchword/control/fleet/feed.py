"""The feed over HTTP, as an ASGI application of its own beside Django.

Verifiers wait here for most of their lives. Behind Django's middleware each of them would hold a thread and a database
connection while waiting; here it is one entry in a dictionary.
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

from watchword.control.activity.plausibility import Implausible
from watchword.control.base.asgi import security_headers
from watchword.control.fleet import usage
from watchword.control.fleet.long_poll import Database, Shared, Watch
from watchword.control.fleet.pg_notify import Listener
from watchword.control.fleet.queries import (
    Caller,
    Head,
    credentials_in_force,
    is_revoked,
    note_seen,
    nothing_new,
    read_page,
    verifier_of_secret,
)
from watchword.control.fleet.unknown_keys import MAX_BYTES, ReportRefused, decode_report, force_refreshes
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
class Answer:
    """An HTTP answer; `document` is JSON or sent as such, None is an empty body."""

    status: int
    document: Mapping[str, object] | bytes | None = None
    headers: tuple[tuple[bytes, bytes], ...] = ()


def problem(status: int, code: str, sentence: str, headers: tuple[tuple[bytes, bytes], ...] = ()) -> Answer:
    """An RFC 9457 problem document."""
    return Answer(status, {"type": "about:blank", "status": status, "code": code, "title": sentence}, headers)


_UNAUTHORIZED: Final = problem(
    401,
    "credential_unknown",
    "The verifier's credential is unknown or revoked.",
    # Without a credential, no connection is kept: its requests could go on, and their responses never be read.
    ((b"www-authenticate", b"Bearer"), (b"connection", b"close")),
)
_UNAVAILABLE: Final = problem(
    503, "database_unavailable", "The control plane cannot reach its database.", ((b"retry-after", b"1"),)
)

_IMPLAUSIBLE: Final = {
    Implausible.TOO_MANY_CALLS: problem(
        422, "batch_implausible", "The batch holds more calls than its verifier can have decided."
    ),
    # Another status: the verifier may send the same counts as its own.
    Implausible.FOREIGN_STREAM: problem(
        409, "stream_of_another_verifier", "The batch continues the reports of another credential."
    ),
}


class Feed:
    """The ASGI application for the paths below PREFIX."""

    def __init__(self) -> None:
        self._database = Database()
        self._watches: WeakKeyDictionary[asyncio.AbstractEventLoop, tuple[Watch, Shared]] = WeakKeyDictionary()
        self._listener = Listener(moved=self._moved, lost=self._lost)
        # One for each path: on a full disk the database still answers questions and refuses counts.
        self._outages = {path: Outage(_log, "feed_unavailable", over="feed_available_again") for path in PATHS}
        self._noting = Outage(_log, "verifier_not_noted", over="verifier_noted_again", level="warning")

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        path = scope["path"].removeprefix(PREFIX)
        outage = self._outages.get(path, self._outages[PATHS[0]])
        try:
            answer = await self._answer(scope, receive)
        except DatabaseError as failure:
            outage.failed(path=path if path in PATHS else None, fault=type(failure).__name__)
            answer = _UNAVAILABLE
        else:
            if answer.status in {HTTPStatus.OK, HTTPStatus.NO_CONTENT}:
                outage.succeeded()
        await _send(answer, send)

    async def knows(self, scope: dict[str, Any]) -> bool:
        """Whether the request shows a credential in force; False while the database is away."""
        try:
            return await self._credential(_headers(scope)) is not None
        except DatabaseError:
            return False

    def let_go(self) -> None:
        """Answer everybody who waits that there is nothing new, and let nobody wait any more. In any thread."""
        self._tell(Watch.let_go)

    def close(self) -> None:
        self._listener.close()
        self._database.close()

    async def _answer(self, scope: dict[str, Any], receive: Receive) -> Answer:
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
                return problem(405, "method_not_allowed", "This path does not know that method.")
        return problem(404, "not_found", "There is no such path.")

    async def _credential(self, headers: Mapping[str, str]) -> VerifierCredential | None:
        secret = _BEARER.fullmatch(headers.get("authorization", ""))
        return None if secret is None else await self._database.run(verifier_of_secret, secret[1])

    async def _changes(self, credential: VerifierCredential, headers: Mapping[str, str], query: bytes) -> Answer:
        asked = parse_qs(query.decode("latin-1"))
        epoch, after, wait = (asked.get(name, [""])[-1] for name in ("epoch", "after", "wait"))
        if not _NUMBER.fullmatch(after or "0") or not _NUMBER.fullmatch(wait or "0"):
            return problem(400, "parameter_invalid", "`after` and `wait` are whole numbers.")
        seen = Head(epoch, int(after or 0), credential.revocations)
        caller = Caller(
            node=_label(headers, "watchword-node"),
            version=_label(headers, "watchword-version"),
            **_not_understood(headers.get(NOT_UNDERSTOOD_HEADER, "")),
        )
        await self._note_seen(credential, caller, seen.revision)
        patience = min(float(wait or 0), MAX_WAIT_SECONDS)
        watch, shared = self._watch()
        page = None
        if not (patience and watch.stands_at(seen)):
            page = await self._database.run(read_page, seen.epoch, seen.revision)
        if page is None and patience and await watch.until_moved(seen, patience):
            # Whoever is woken together asks the same.
            wave = watch.wave
            # Revoked while it waited: it learns nothing any more, and at once.
            if credential.pk not in await shared.run(wave, credentials_in_force):
                return _UNAUTHORIZED
            page = await shared.run(wave, read_page, seen.epoch, seen.revision)
        elif page is None and patience and await self._database.run(is_revoked, credential.pk):
            return _UNAUTHORIZED
        return Answer(200, nothing_new(seen) if page is None else page)

    async def _note_seen(self, credential: VerifierCredential, caller: Caller, revision: int) -> None:
        try:
            await self._database.run(note_seen, credential, caller, revision, timezone.now())
        except DatabaseError as failure:
            # A full disk forbids writing and not reading; suspensions must reach the verifiers all the same.
            self._noting.failed(fault=type(failure).__name__)
        else:
            self._noting.succeeded()

    async def _unknown_keys(self, receive: Receive) -> Answer:
        body = await _body(receive, MAX_BYTES)
        if body is None:
            return problem(413, "too_large", "A report has at most 16 KiB.")
        try:
            pairs = decode_report(body)
        except ReportRefused:
            return problem(422, "report_invalid", "The report is not of the agreed form.")
        forced = await self._database.run(force_refreshes, pairs, timezone.now())
        if forced:
            _log.info("refreshes_forced", key_sets=forced)
        return Answer(204)

    async def _usage(self, credential: VerifierCredential, receive: Receive) -> Answer:
        body = await _body(receive, usage.MAX_BYTES)
        if body is None:
            return problem(413, "too_large", "A batch has at most 256 KiB.")
        try:
            await self._database.run(usage.take_in, credential, body, timezone.now())
        except usage.BatchRefused:
            return problem(422, "batch_invalid", "The batch is not of the agreed form.")
        except usage.BatchImplausible as refused:
            return _IMPLAUSIBLE[refused.problem]
        return Answer(204)

    def _watch(self) -> tuple[Watch, Shared]:
        loop = asyncio.get_running_loop()
        if loop not in self._watches:
            self._watches[loop] = Watch(self._database), Shared(self._database)
            self._listener.start()
        return self._watches[loop]

    def _moved(self) -> None:
        self._tell(Watch.told)

    def _lost(self) -> None:
        self._tell(Watch.not_told)

    def _tell(self, tell: Callable[[Watch], None]) -> None:
        for loop, (watch, _) in list(self._watches.items()):
            # A loop that has just ended has nobody waiting.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(tell, watch)


def _headers(scope: dict[str, Any]) -> dict[str, str]:
    # A header sent twice is joined as RFC 9110 says; two credentials then match no pattern.
    joined: dict[str, str] = {}
    for name, value in scope["headers"]:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        joined[key] = f"{joined[key]}, {text}" if key in joined else text
    return joined


def _label(headers: Mapping[str, str], name: str) -> str | None:
    return _NOT_IN_LABEL.sub("", headers.get(name, ""))[:_LABEL_MAX] or None


def _not_understood(value: str) -> dict[str, Any]:
    """How many organizations, and the names of some, such as `2 acme globex`; of anything else nothing is kept."""
    if _NOT_UNDERSTOOD.fullmatch(value) is None:
        return {}
    count, *names = value.split(" ")
    return {"not_understood": tuple(names[:NOT_UNDERSTOOD_NAMED]), "not_understood_count": int(count)}


async def _body(receive: Receive, most: int) -> bytes | None:
    """The body, or None as soon as it is too large. A client that goes away leaves an incomplete body behind."""
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


async def _send(answer: Answer, send: Send) -> None:
    everywhere = [(name.lower().encode(), value.encode()) for name, value in security_headers()]
    headers = [(b"cache-control", b"no-store"), *everywhere, *answer.headers]
    body = b""
    if answer.document is not None:
        document = answer.document
        body = document if isinstance(document, bytes) else json.dumps(document, separators=(",", ":")).encode()
        kind = b"application/json" if answer.status == HTTPStatus.OK else b"application/problem+json"
        headers += [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
