"""The log as a file: complete, recorded, checkable outside, harmless in a spreadsheet, never whole in memory."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import re
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from django.test import AsyncClient, Client

from kit import people, sample_portal
from kit.audit_events import fill, write, write_aged
from watchword.control.audit import queries
from watchword.control.audit.chain import verify_chain
from watchword.control.audit.commands import PurgeAuditEvents
from watchword.control.audit.export import cell
from watchword.control.audit.models import AuditEvent
from watchword.control.base.actor import WORKER, Permission

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

pytestmark = pytest.mark.django_db(transaction=True)

ACME = "/acme/administration/audit-logs/export/"
PROVIDER = "/operator-console/audit-logs/export/"
DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "audit-log.md"


@pytest.fixture
def bob() -> Client:
    people.organization("acme")
    client = Client()
    client.cookies["watchword_session"] = sample_portal.session_of(
        people.administrator("bob", "acme", Permission.AUDIT_LOGS)
    )
    return client


@pytest.fixture
def operator() -> Client:
    client = Client()
    client.cookies["watchword_session"] = sample_portal.session_of(people.operator())
    return client


def body(response: Any) -> str:
    return b"".join(response.streaming_content).decode()


def documented_check() -> Callable[[Iterable[str]], Iterable[str]]:
    """The code that docs/audit-log.md gives to whoever wants to check an export."""
    found = re.search(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    assert found is not None
    names: dict[str, Any] = {}
    exec(found[1], names)  # noqa: S102 - our own documentation.
    check: Callable[[Iterable[str]], Iterable[str]] = names["faults"]
    return check


def test_json_lines_can_be_checked_with_what_the_documentation_says(operator: Client) -> None:
    people.organization("acme")
    write(changes={"name": ["é\u2028", None], "slot": [1, 2], "enabled": [True, False]})
    write(organization=None, address=None)
    response = operator.post(PROVIDER, {"form": "jsonl"})
    lines = body(response).splitlines()
    events = [json.loads(line) for line in lines]
    assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))
    assert events[-1]["hash"] == AuditEvent.objects.get(sequence=len(events)).hash
    check = documented_check()
    assert list(check(lines)) == []
    assert list(check([lines[0].replace("command line", "somebody"), *lines[1:]])) == ["event 1 was changed"]
    forged = [*lines[:2], lines[2].replace(events[2]["previous_hash"], "f" * 64)]
    assert list(check(forged)) == ["event 3 was changed", "event 3 does not follow event 2"]


def test_file_contains_matching_events_of_all_pages(bob: Client) -> None:
    fill(1200, target="ProdOkta")
    fill(3, target="ProdOkta", result="refused")
    response = bob.post(f"{ACME}?result=success&target=okta", {"form": "csv"})
    rows = list(csv.DictReader(io.StringIO(body(response))))
    assert len(rows) == 1200
    assert {(row["Target"], row["Result"]) for row in rows} == {("ProdOkta", "Success")}


def test_full_export_contains_every_event_once(bob: Client) -> None:
    fill(1203)
    expected = list(
        AuditEvent.objects.filter(organization="acme").order_by("sequence").values_list("sequence", flat=True)
    )
    rows = list(csv.DictReader(io.StringIO(body(bob.post(ACME, {"form": "csv"})))))
    assert [int(row["Event"]) for row in rows] == expected


def test_both_formats_have_client_and_request_of_the_api(bob: Client) -> None:
    write("ProdOkta", client="=terraform", request_id="r-17")
    rows = list(csv.DictReader(io.StringIO(body(bob.post(f"{ACME}?target=prod", {"form": "csv"})))))
    assert [(row["Client ID"], row["Request ID"]) for row in rows] == [("'=terraform", "r-17")]
    lines = body(bob.post(ACME, {"form": "jsonl"})).splitlines()
    assert list(documented_check()(lines)) == []
    found = [event for line in lines if "client" in (event := json.loads(line))]
    assert [(event["client"], event["request_id"]) for event in found] == [("=terraform", "r-17")]


def test_export_is_recorded(bob: Client) -> None:
    write("ProdOkta")
    bob.post(f"{ACME}?target=prod&who=alice", {"form": "jsonl"})
    event = AuditEvent.objects.latest("sequence")
    assert (event.action, event.actor, event.organization) == ("audit_log_exported", "bob@acme.example", "acme")
    assert event.target == "audit log as JSON Lines"
    assert event.changes == {"filter": [None, "Who: alice; Target: prod"], "events": [None, 1]}
    assert verify_chain() is None


def test_export_is_an_attachment_without_active_content(bob: Client, operator: Client) -> None:
    response = bob.post(ACME, {"form": "csv"})
    disposition = response.headers["Content-Disposition"]
    assert re.fullmatch(r'attachment; filename="audit-log-acme-\d{4}-\d\d-\d\d\.csv"', disposition)
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert response.headers["Cache-Control"] == "no-store"
    disposition = operator.post(PROVIDER, {"form": "jsonl"}).headers["Content-Disposition"]
    assert re.fullmatch(r'attachment; filename="audit-log-\d{4}-\d\d-\d\d\.jsonl"', disposition)


def test_export_needs_post_and_known_format(bob: Client) -> None:
    assert bob.get(ACME).status_code == 405
    count = AuditEvent.objects.count()
    assert bob.post(ACME, {"form": "xlsx"}).status_code == 422
    assert AuditEvent.objects.count() == count
    strict = Client(enforce_csrf_checks=True)
    strict.cookies["watchword_session"] = bob.cookies["watchword_session"].value
    assert strict.post(ACME, {"form": "csv"}).status_code == 403


@pytest.mark.parametrize("beginning", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_is_a_formula(beginning: str) -> None:
    assert cell(f"{beginning}HYPERLINK()") == f"'{beginning}HYPERLINK()"


def test_other_cells_stay_as_they_are() -> None:
    assert [cell(text) for text in ("ProdOkta", "a=b", "", None)] == ["ProdOkta", "a=b", "", ""]


def test_a_target_that_is_a_formula_arrives_as_text(bob: Client) -> None:
    write('=cmd|"/c calc"!A1', changes={"name": ["-1", None], "reason": ["=1", "+2"]})
    write(result="refused", changes={"reason": [None, "permission_missing"]}, address=None)
    rows = list(csv.DictReader(io.StringIO(body(bob.post(ACME, {"form": "csv"})))))
    assert rows[-2]["Target"] == """'=cmd|"/c calc"!A1"""
    assert rows[-2]["Changes"] == "Name: -1 → (none); Reason: =1 → +2"
    assert (rows[-1]["Changes"], rows[-1]["From"]) == ("the role lacks the permission", "")


def test_events_are_read_a_batch_at_a_time(bob: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "BATCH", 10)
    fill(35)
    response: Any = bob.post(ACME, {"form": "jsonl"})
    pieces = [piece.decode().count("\n") for piece in response.streaming_content]
    assert max(pieces) == 10


def test_an_asynchronous_server_streams_it_too(bob: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "BATCH", 10)
    fill(35)

    async def download() -> list[str]:
        client = AsyncClient()
        client.cookies["watchword_session"] = bob.cookies["watchword_session"].value
        response: Any = await client.post(ACME, {"form": "jsonl"})
        assert response.is_async
        received = [piece.decode() async for piece in response.streaming_content]
        # In the thread that read the events; a real server closes it with the response.
        await sync_to_async(connections.close_all)()
        return received

    pieces = asyncio.run(download())
    assert max(piece.count("\n") for piece in pieces) == 10
    sequences = [json.loads(line)["sequence"] for line in "".join(pieces).splitlines()]
    assert sequences == sorted(set(sequences))
    assert len(sequences) >= 35


def test_an_export_after_a_purge_is_still_checkable(operator: Client) -> None:
    write_aged(300, 299)
    assert PurgeAuditEvents(before=people.NOW + timedelta(days=1)).run(WORKER) > 0
    lines = body(operator.post(PROVIDER, {"form": "jsonl"})).splitlines()
    assert json.loads(lines[0])["sequence"] > 1
    assert list(documented_check()(lines)) == []
