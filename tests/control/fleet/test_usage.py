"""A batch of usage on its way in: from the verifier's own client to the rows, and what is refused."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from django.db import DatabaseError
from structlog.testing import capture_logs

from kit import people
from kit.usage import batch, line
from watchword.control.activity.models import DailyCalls, UsageAllowance, UsageLine
from watchword.control.audit.models import AuditEvent
from watchword.control.fleet.feed import Feed
from watchword.control.fleet.verifier_commands import CreateVerifier, RevokeVerifier
from watchword.control.organizations.models import Suspension

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watchword.control.base.actor import Actor

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("committing")]


def counted(*calls: int, **more: Any) -> dict[str, Any]:
    """A line of calls at this moment: the threshold is one of the real clock's day, and midnight may come meanwhile."""
    return line(datetime.now(UTC).replace(microsecond=0), *calls, **more)


class Poster:
    def __init__(self, feed: Feed, secret: str) -> None:
        self._feed = feed
        self._secret = secret

    def post(self, body: bytes, *, method: str = "POST") -> tuple[int, Any]:
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        scope = {
            "type": "http", "method": method, "path": "/feed/v1/usage", "query_string": b"",
            "headers": [(b"authorization", f"Bearer {self._secret}".encode())],
        }  # fmt: skip
        asyncio.run(self._feed(scope, receive, send))
        start, end = sent
        return start["status"], json.loads(end["body"]) if end["body"] else None


@pytest.fixture
def poster(shell: Actor) -> Iterator[Poster]:
    feed = Feed()
    people.organization("acme")
    yield Poster(feed, CreateVerifier(name="edge-1").run(shell))
    feed.close()


def test_a_batch_is_added_up_and_acknowledged_also_when_it_comes_again(poster: Poster) -> None:
    body = batch(1, counted(5), counted(9, organization="nowhere"))

    with capture_logs() as logs:
        assert poster.post(body) == (204, None)
        assert poster.post(body) == (204, None)

    assert DailyCalls.objects.get().allowed == 5
    assert [(entry["event"], entry["calls"]) for entry in logs] == [("usage_of_nobody", 9)]


def test_too_many_calls_suspend_at_once(poster: Poster) -> None:
    poster.post(batch(1, counted(1001)))

    assert Suspension.objects.get().organization_id == "acme"


def test_a_malformed_or_oversized_batch_changes_nothing(poster: Poster) -> None:
    assert poster.post(b"{}")[0] == 422
    assert poster.post(batch(0, counted(5)))[1]["code"] == "batch_invalid"
    assert poster.post(b" " * (256 * 1024 + 1))[0] == 413
    assert poster.post(b"", method="GET")[0] == 405
    assert not DailyCalls.objects.exists()


def test_fi_02_one_odd_line_leaves_the_other_counts_and_the_threshold(poster: Poster) -> None:
    odd = counted(outcome="no_matching_key")
    odd["profile"] = {**odd["profile"], "issuer": "https://\0\ud800\u202e/"}
    with capture_logs() as lines:
        answer = poster.post(batch(1, odd, counted(calls=1_001), counted(calls=-1)))
    assert answer == (204, None)
    assert (DailyCalls.objects.get().allowed, DailyCalls.objects.get().denied) == (1_001, 1)
    assert UsageLine.objects.get(outcome__isnull=False).issuer == "https://\ufffd\ufffd\ufffd/"
    assert Suspension.objects.count() == 1
    assert [(line["event"], line["lines"]) for line in lines if "lines" in line] == [("usage_lines_dropped", 1)]


def test_fk_06_impossible_batch_is_refused_and_reported(poster: Poster, shell: Actor) -> None:
    with capture_logs() as logs:
        status, problem = poster.post(batch(1, counted(5), counted(10**12)))
    assert (status, problem["code"]) == (422, "batch_implausible")
    assert [(entry["event"], entry["verifier"]) for entry in logs] == [("usage_batch_implausible", "edge-1")]
    assert not DailyCalls.objects.exists()
    assert not Suspension.objects.exists()
    assert UsageAllowance.objects.get().refused == 1
    assert AuditEvent.objects.get(action="usage_refused").target == "edge-1"
    # The verifier itself goes on.
    assert poster.post(batch(1, counted(5)))[0] == 204


def test_fk_06_batch_of_another_credentials_stream_is_refused(poster: Poster, shell: Actor) -> None:
    poster.post(batch(1, counted()))
    thief = Poster(poster._feed, CreateVerifier(name="edge-2").run(shell))
    status, problem = thief.post(batch(2**52, counted()))
    assert (status, problem["code"]) == (409, "stream_of_another_verifier")
    assert poster.post(batch(2, counted()))[0] == 204
    assert DailyCalls.objects.get().allowed == 2


def test_usage_needs_a_credential(poster: Poster, shell: Actor) -> None:
    RevokeVerifier(name="edge-1").run(shell)

    assert poster.post(batch(1, counted()))[0] == 401
    assert not DailyCalls.objects.exists()


def test_applied_batch_is_acknowledged_if_review_fails(poster: Poster, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise DatabaseError("terminating connection")

    monkeypatch.setattr("watchword.control.fleet.verifier_reports.review_thresholds", away)
    with capture_logs() as logs:
        assert poster.post(batch(1, counted(1001)))[0] == 204

    assert DailyCalls.objects.get().allowed == 1001
    assert [entry["event"] for entry in logs] == ["threshold_not_reviewed"]


def test_unavailable_database_makes_verifier_send_the_batch_again(
    poster: Poster, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise DatabaseError("database or disk is full")

    monkeypatch.setattr("watchword.control.activity.commands._add_days", away)
    assert poster.post(batch(1, counted(5)))[0] == 503
    monkeypatch.undo()

    assert poster.post(batch(1, counted(5)))[0] == 204
    assert DailyCalls.objects.get().allowed == 5
