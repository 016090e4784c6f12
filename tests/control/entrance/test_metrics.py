"""What the portal tells Prometheus of the requests that go through it, and of its database."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import OperationalError, connections
from prometheus_client import generate_latest

from watchword.control.base.refused_requests import REFUSED_REQUESTS, Kind
from watchword.control.entrance import metrics as figures
from watchword.control.entrance.metrics import PortalMetrics, why_not_ready
from watchword.control.fleet.queries import Head

if TYPE_CHECKING:
    from watchword.control.base.asgi import Receive, Send


@pytest.fixture(autouse=True)
def head(monkeypatch: pytest.MonkeyPatch) -> list[Head | None]:
    """What the database says; None while it is away."""
    says: list[Head | None] = [Head("first", 42)]

    def answer() -> Head:
        if says[0] is None:
            raise OperationalError
        return says[0]

    monkeypatch.setattr(figures, "head", answer)
    monkeypatch.setattr(figures, "batches_refused", lambda: 3)
    monkeypatch.setattr(figures, "oldest_credential", lambda _: None)
    monkeypatch.setattr(connections, "close_all", lambda: None)
    return says


def told(portal: PortalMetrics) -> dict[str, float]:
    lines = generate_latest(portal.registry).decode().splitlines()
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if line[0] != "#")}


def ask(portal: PortalMetrics, path: str, status: int | None) -> list[dict[str, Any]]:
    """One request through an application that answers so; None for one that raises. What was sent."""
    sent: list[dict[str, Any]] = []

    async def application(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if status is None:
            raise ZeroDivisionError
        if scope["path"].startswith("/feed/"):
            assert told(portal)["watchword_portal_feed_questions"] == 1
        await send({"type": "http.response.start", "status": status})
        await send({"type": "http.response.body", "body": b""})

    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(portal.counting(application)({"type": "http", "path": path}, receive, send))
    return sent


def test_age_of_the_oldest_verifier_credential(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "watchword_portal_oldest_verifier_credential_seconds"
    assert name not in told(PortalMetrics())
    monkeypatch.setattr(figures, "oldest_credential", lambda _: timedelta(days=400))
    assert told(PortalMetrics())[name] == 400 * 86_400


def test_requests_are_counted_by_part_and_class_of_status() -> None:
    portal = PortalMetrics()
    assert [message["type"] for message in ask(portal, "/sign-in", 200)] == [
        "http.response.start",
        "http.response.body",
    ]
    ask(portal, "/acme/", 404)
    ask(portal, "/feed/v1/changes", 200)
    ask(portal, "/api/v1/organizations", 401)
    with pytest.raises(ZeroDivisionError):
        ask(portal, "/acme/", None)
    found = told(portal)
    assert found['watchword_portal_requests_total{part="pages",status="2xx"}'] == 1
    assert found['watchword_portal_requests_total{part="pages",status="4xx"}'] == 1
    assert found['watchword_portal_requests_total{part="pages",status="5xx"}'] == 1
    assert found['watchword_portal_requests_total{part="feed",status="2xx"}'] == 1
    assert found['watchword_portal_requests_total{part="api",status="4xx"}'] == 1
    assert found['watchword_portal_requests_total{part="feed",status="5xx"}'] == 0
    # Questions that wait for changes would bury the time that pages take.
    assert found["watchword_portal_page_duration_seconds_count"] == 3
    assert found["watchword_portal_feed_questions"] == 0


def test_fk_08_refused_requests_are_counted_by_kind() -> None:
    name = 'watchword_portal_refused_requests_total{kind="credential_unknown"}'
    before = told(PortalMetrics())[name]
    REFUSED_REQUESTS.note(Kind.CREDENTIAL_UNKNOWN)
    assert told(PortalMetrics())[name] == before + 1


def test_non_requests_are_not_counted() -> None:
    portal = PortalMetrics()
    seen: list[str] = []

    async def application(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        seen.append(scope["type"])

    asyncio.run(portal.counting(application)({"type": "lifespan"}, None, None))  # type: ignore[arg-type]
    assert seen == ["lifespan"]


def test_scrape_reads_the_database(head: list[Head | None]) -> None:
    portal = PortalMetrics()
    assert why_not_ready() is None
    assert told(portal)["watchword_portal_feed_revision"] == 42
    assert told(portal)["watchword_portal_database_up"] == 1
    assert told(portal)["watchword_portal_usage_batches_refused_total"] == 3
    head[0] = None
    assert why_not_ready() == "The database does not respond."
    assert told(portal)["watchword_portal_database_up"] == 0
    assert "watchword_portal_feed_revision" not in told(portal)
    assert "watchword_portal_usage_batches_refused_total" not in told(portal)
