"""Many organizations as rows of the control plane's database, for `scale.py`; imported only once Django is set up."""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from datetime import UTC, datetime, timedelta
from itertools import islice
from threading import Thread
from typing import TYPE_CHECKING, Any, Final

from django.db import connections

from bench.scale import document_of
from watchword.control.base.actor import command_line
from watchword.control.fleet import queries
from watchword.control.fleet.feed import Feed
from watchword.control.fleet.models import FeedState, TrustRecord
from watchword.control.fleet.verifier_commands import CreateVerifier
from watchword.control.organizations.models import Organization, Subscription
from watchword.control.servers.models import AuthorizationServer, KeySetState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from django.db.models import Model

BATCH: Final = 2_000
CHANGES: Final = 15


def fill(size: int) -> None:
    """Organizations with a subscription, one enabled server, its key set, and what the feed says of them."""
    now = datetime.now(UTC)
    FeedState.objects.create(id=1, revision=size)
    for first in range(0, size, BATCH):
        documents = [document_of(number) for number in range(first, min(first + BATCH, size))]
        _store(
            Organization(id=document["organization"], name=document["organization"], created_at=now)
            for document in documents
        )
        _store(_subscription(document, now) for document in documents)
        servers = [_server(document, now) for document in documents]
        _store(servers)
        _store(
            KeySetState(
                server=server,
                document=document["server"]["keys"],
                fetched_at=now,
                good_until=now + timedelta(days=1),
                due_at=now + timedelta(minutes=5),
                failures=0,
            )
            for server, document in zip(servers, documents, strict=True)
        )
        _store(
            TrustRecord(organization_id=document["organization"], revision=document["revision"], document=document)
            for document in documents
        )


def _store(rows: Iterable[Model]) -> None:
    remaining = iter(rows)
    while batch := list(islice(remaining, BATCH)):
        type(batch[0])._default_manager.bulk_create(batch)


def _subscription(document: dict[str, Any], now: datetime) -> Model:
    return Subscription(
        organization_id=document["organization"],
        starts_at=now - timedelta(days=1),
        expires_at=now + timedelta(days=365),
        api_call_threshold=1_000_000,
    )


def _server(document: dict[str, Any], now: datetime) -> Any:
    return AuthorizationServer(
        organization_id=document["organization"],
        slot=1,
        enabled=True,
        name="ProdOkta",
        jwks_location=f"https://login.{document['organization']}.example/keys",
        verify_certificate=True,
        accepts_bound_tokens=False,
        issuer=document["server"]["issuer"]["equals"],
        audience="https://api.example/",
        created_at=now,
        created_by="alice",
        updated_at=now,
        updated_by="alice",
    )


def heard_after(change: Callable[[int], None]) -> float:
    """Seconds from the end of a change until a verifier that waits has its page; the median of some.

    Args:
        change: makes one, given a number that never comes twice.
    """
    feed = Feed()
    secret = CreateVerifier(name="bench").run(command_line())
    headers = [(b"authorization", f"Bearer {secret}".encode())]

    async def story() -> list[float]:
        return [await _heard(feed, headers, change, number) for number in range(CHANGES)]

    try:
        # The first of them is what makes the listening trusted.
        return statistics.median(asyncio.run(story())[1:])
    finally:
        feed.close()


async def _heard(feed: Feed, headers: list[tuple[bytes, bytes]], change: Callable[[int], None], number: int) -> float:
    committed: list[float] = []

    def act() -> None:
        time.sleep(0.3)
        change(number)
        committed.append(time.perf_counter())
        connections.close_all()

    newest = await asyncio.to_thread(_head_elsewhere)
    acting = Thread(target=act)
    acting.start()
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    query = f"epoch={newest.epoch}&after={newest.revision}&wait=20".encode()
    scope = {"type": "http", "method": "GET", "path": "/feed/v1/changes", "query_string": query, "headers": headers}
    await feed(scope, receive, send)
    at = time.perf_counter()
    await asyncio.to_thread(acting.join)
    if not json.loads(sent[1]["body"])["changes"]:
        raise RuntimeError("the change was not heard of")
    return at - committed[0]


def _head_elsewhere() -> queries.Head:
    try:
        return queries.head()
    finally:
        connections.close_all()
