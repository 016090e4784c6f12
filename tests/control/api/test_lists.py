"""Lists: pages, cursors, filters and times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import pytest

from kit import api_access
from kit.api_client import ApiClient, with_key
from watchword.control.audit.models import AuditEvent
from watchword.control.base.actor import command_line
from watchword.control.fleet.verifier_commands import CreateVerifier

if TYPE_CHECKING:
    from watchword.control.organizations.models import Organization

pytestmark = pytest.mark.django_db

EVENTS: Final = "/organizations/acme/audit-events"


@pytest.fixture
def client(acme: Organization, globex: Organization) -> ApiClient:
    api_access.api_role()
    for number in range(6):
        api_access.api_role(f"Role{number}")
    return with_key()


def walk(client: ApiClient, path: str) -> list[object]:
    """All items, page by page."""
    found: list[object] = []
    between = "&" if "?" in path else "?"
    cursor = None
    for _ in range(50):
        page = client.get(path if cursor is None else f"{path}{between}cursor={cursor}")
        assert page.status == 200, page.body
        found += page.body["items"]
        cursor = page.body["next_cursor"]
        if cursor is None:
            return found
    raise AssertionError("the list has no end")


def test_pages_are_the_whole_list_once(client: ApiClient) -> None:
    whole = client.get(f"{EVENTS}?limit=500").body
    assert whole["next_cursor"] is None
    assert len(whole["items"]) > 6
    # A key's use is no event, so that reading leaves the log as it is.
    assert walk(client, f"{EVENTS}?limit=2") == whole["items"]
    created = f"{EVENTS}?action=api_role_created"
    assert walk(client, f"{created}&limit=3") == client.get(created).body["items"]


def test_operators_walk_organizations_and_verifiers(client: ApiClient) -> None:
    operator = with_key(None, None)
    for name in ("gateway-1", "gateway-2", "gateway-3"):
        CreateVerifier(name=name).run(command_line())
    ids = [item["id"] for item in walk(operator, "/organizations?limit=1")]  # type: ignore[index]
    assert ids == ["acme", "globex"]
    found = operator.get("/organizations?q=GLO&limit=1").body
    assert ([item["id"] for item in found["items"]], found["next_cursor"]) == (["globex"], None)
    assert operator.get("/organizations?q=cme").body["items"][0]["id"] == "acme"
    for nothing in ("nowhere", "x" * 121, "%E2%80%AE"):
        assert operator.get(f"/organizations?q={nothing}").body["items"] == []
    cursor = operator.get("/organizations?limit=1").body["next_cursor"]
    assert operator.get(f"/organizations?q=globex&cursor={cursor}").reason == "cursor_invalid"
    assert len(walk(operator, "/verifiers?limit=1")) == 3
    assert walk(operator, "/failing-key-sets?limit=1") == []
    assert len(walk(operator, "/audit-events?limit=2&organization=globex")) >= 1


def test_cursor_of_another_list_is_refused(client: ApiClient) -> None:
    cursor = client.get(f"{EVENTS}?limit=1").body["next_cursor"]
    api_access.api_role("Deployer", "globex")
    stranger = with_key(organization="globex")
    foreign = stranger.get("/organizations/globex/audit-events?limit=1").body["next_cursor"]
    for query in (
        f"limit=1&cursor={foreign}", f"action=api_role_created&cursor={cursor}",
        f"since=2026-01-01T00:00:00Z&cursor={cursor}",
        "cursor=", "cursor=x", f"cursor={cursor}x", f"cursor={'%C3%A9'}",
    ):  # fmt: skip
        received = client.get(f"{EVENTS}?{query}")
        assert (received.status, received.reason) == (400, "cursor_invalid"), query
        assert received.pointers == ["query:/cursor"]
    # The length of a page may change on the way.
    assert client.get(f"{EVENTS}?limit=7&cursor={cursor}").status == 200
    assert client.get(f"{EVENTS}?cursor={'x' * 2000}").reason == "query_invalid"


@pytest.mark.parametrize("value", [
    "2026-11-24", "2026-11-24T09:30:00", "2026-11-24 09:30:00Z", "1764000000", "now", "", "2026-02-30T00:00:00Z",
    "2026-11-24T25:00:00Z", "2026-11-24T24:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z",
    "2026-11-24T09:30:00+99:00",
    "\u0662026-11-24T09:30:00Z",
])  # fmt: skip
def test_time_without_a_zone_or_of_another_form_is_refused(value: str, client: ApiClient) -> None:
    received = client.get(f"{EVENTS}?since={value}")
    assert (received.status, received.reason, received.pointers) == (400, "query_invalid", ["query:/since"])


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("limit=0", "limit"), ("limit=501", "limit"), ("limit=1.5", "limit"), ("limit=", "limit"),
        ("limit=1e2", "limit"), ("limit=%2B5", "limit"), ("limit=%205", "limit"), ("limit=1_0", "limit"),
        ("limit=5.0", "limit"), (f"limit={'9' * 5000}", "limit"),
        ("action=unknown", "action"), ("result=maybe", "result"), ("interface=phone", "interface"),
        (f"actor={'x' * 300}", "actor"), ("actor=a%00b", "actor"), ("limit=1&limit=2", "limit"),
        ("since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z", "until"), ("organization=acme", "organization"),
    ],
)  # fmt: skip
def test_odd_filter_is_refused(query: str, pointer: str, client: ApiClient) -> None:
    received = client.get(f"{EVENTS}?{query}")
    assert (received.status, received.reason, received.pointers) == (400, "query_invalid", [f"query:/{pointer}"])


def test_filters_go_by_the_second(client: ApiClient) -> None:
    at = AuditEvent.objects.order_by("-sequence").values_list("at", flat=True)[2]
    second = at.astimezone(UTC).replace(microsecond=0)

    def found(since: datetime, until: datetime) -> set[int]:
        query = f"since={since:%Y-%m-%dT%H:%M:%SZ}&until={until:%Y-%m-%dT%H:%M:%SZ}"
        return {item["sequence"] for item in client.get(f"{EVENTS}?{query}").body["items"]}

    expected = set(
        AuditEvent.objects.filter(
            organization="acme", at__gte=second, at__lt=second + timedelta(seconds=1)
        ).values_list("sequence", flat=True)
    )
    assert expected
    assert found(second, second + timedelta(seconds=1)) == expected
    # Earlier than the first event, which has the time at which the tests began.
    before = second - timedelta(days=1)
    assert found(before, before + timedelta(seconds=1)) == set()


def test_filters_find_by_actor_target_and_interface(client: ApiClient) -> None:
    client.send("POST", "/organizations/acme/api-roles", {"name": "Made", "rights": {}}, request_id="r-1")
    for query in ("actor=KEY-ci", "target=made", "interface=api", "result=success&interface=api"):
        (item,) = client.get(f"{EVENTS}?{query}").body["items"]
        assert (item["target"], item["request_id"]) == ("Made", "r-1"), query
        assert item["changes"]["name"] == [None, "Made"]


def test_export_is_json_lines_and_an_event_itself(client: ApiClient) -> None:
    received = client.get("/organizations/acme/audit-events.jsonl?action=api_role_created")
    lines = received.body.decode().splitlines()
    assert len(lines) == 7
    event = AuditEvent.objects.get(action="audit_log_exported")
    assert (event.actor, event.changes["events"]) == ("key-ci$@acme.orders", [None, 7])
    everything = with_key(None, None).get("/audit-events.jsonl?organization=-")
    assert b'"organization":null' in everything.body
