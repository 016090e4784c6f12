from __future__ import annotations

import hashlib
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from django.db import DatabaseError, connection, connections, transaction

from kit.people import NOW
from watchword.control.audit import triggers
from watchword.control.audit.chain import verify_chain
from watchword.control.audit.models import AuditEvent, AuditHead
from watchword.control.base.audit_log import GENESIS, Entry, append, canonical, hash_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from watchword.control.base.audit_log import Scalar


def entry(target: str = "ProdOkta", changes: dict[str, list[Scalar]] | None = None) -> Entry:
    return Entry(
        at=NOW, organization="acme", actor="alice@acme.example", interface="portal", address="2001:db8::1",
        action="server_added", target=target, changes=changes or {},
    )  # fmt: skip


@pytest.fixture
def three(db: None) -> None:
    """Three events, and nothing that keeps a tamperer from them: what the chain alone can show."""
    for target in ("One", "Two", "Three"):
        append(entry(target, {"enabled": [False, True], "slot": [None, 1], "name": ["é", "\u2028"]}))
    triggers.remove(connection)


@pytest.mark.django_db
def test_empty_log_is_intact() -> None:
    assert verify_chain() is None


def test_events_form_a_chain_from_the_beginning(three: None) -> None:
    first, second, third = AuditEvent.objects.order_by("sequence")

    assert (first.sequence, second.sequence, third.sequence) == (1, 2, 3)
    assert (first.previous_hash, second.previous_hash, third.previous_hash) == (GENESIS, first.hash, second.hash)
    assert AuditHead.objects.get().hash == third.hash
    assert verify_chain() is None


@pytest.mark.django_db
def test_hash_is_independent_of_time_zone() -> None:
    tokyo = NOW.astimezone(timezone(timedelta(hours=9)))
    append(Entry(at=tokyo, organization=None, actor="x", interface="api", address=None, action="y", target="z"))

    assert verify_chain() is None


@pytest.mark.django_db
def test_client_and_request_enter_the_hash_only_where_present() -> None:
    event = append(entry())
    before = hash_of(event)
    assert not {"client", "request_id"} & set(canonical(event))
    # The hash of an event from before these fields existed, computed by the recipe of docs/audit-log.md.
    old = {
        "sequence": 1, "at": NOW.isoformat(timespec="microseconds"), "organization": "acme",
        "actor": "alice@acme.example", "interface": "portal", "address": "2001:db8::1", "action": "server_added",
        "target": "ProdOkta", "result": "success", "changes": {}, "previous_hash": GENESIS,
    }  # fmt: skip
    text = json.dumps(old, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    assert before == hashlib.sha256(text.encode("ascii")).hexdigest()

    for with_one in (append(replace(entry(), client="terraform")), append(replace(entry(), request_id="r-1"))):
        assert len({"client", "request_id"} & set(canonical(with_one))) == 1
        later = hash_of(with_one)
        with_one.client = with_one.request_id = None
        assert hash_of(with_one) != later
    assert verify_chain() is None


def change_client() -> None:
    AuditEvent.objects.filter(sequence=3).update(client="terraform")


def change_second() -> None:
    AuditEvent.objects.filter(sequence=2).update(actor="bob@acme.example")


def change_details() -> None:
    AuditEvent.objects.filter(sequence=3).update(changes={"enabled": [True, False]})


def change_time() -> None:
    AuditEvent.objects.filter(sequence=1).update(at=NOW + timedelta(microseconds=1))


def remove_second() -> None:
    AuditEvent.objects.filter(sequence=2).delete()


def cut_tail() -> None:
    AuditEvent.objects.filter(sequence=3).delete()


def remove_everything() -> None:
    AuditEvent.objects.all().delete()


def insert_after_the_head() -> None:
    last = AuditEvent.objects.get(sequence=3)
    last.sequence, last.previous_hash, last.hash = 4, last.hash, "f" * 64
    last.save(force_insert=True)


def swap() -> None:
    first, second = AuditEvent.objects.filter(sequence__lte=2).order_by("sequence")
    AuditEvent.objects.filter(sequence__lte=2).delete()
    first.sequence, second.sequence = 2, 1
    first.save(force_insert=True)
    second.save(force_insert=True)


def lose_head() -> None:
    AuditHead.objects.all().delete()


def rewind_head() -> None:
    AuditHead.objects.update(sequence=2, hash=AuditEvent.objects.get(sequence=2).hash)


@pytest.mark.parametrize(
    ("tamper", "fault"),
    [
        (change_second, "Event 2 was changed."),
        (change_details, "Event 3 was changed."),
        (change_time, "Event 1 was changed."),
        (change_client, "Event 3 was changed."),
        (remove_second, "Event 2 is missing."),
        (cut_tail, "The chain ends at event 2, but its head is at event 3."),
        (remove_everything, "The chain ends at event 0, but its head is at event 3."),
        (insert_after_the_head, "Event 4 was changed."),
        (swap, "Event 1 does not follow event 0."),
        (lose_head, "The head of the chain is missing."),
        (rewind_head, "The chain ends at event 3, but its head is at event 2."),
    ],
)
def test_tampering_is_found_and_named(three: None, tamper: Callable[[], None], fault: str) -> None:
    tamper()

    assert verify_chain() == fault


@pytest.mark.django_db
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_auditevent SET actor = 'bob@acme.example' WHERE sequence = 1",
        "DELETE FROM audit_auditevent WHERE sequence = 1",
        "DELETE FROM audit_auditevent",
    ],
)
def test_the_database_refuses_to_rewrite_the_log(statement: str) -> None:
    append(entry())

    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)

    assert AuditEvent.objects.get().actor == "alice@acme.example"


@pytest.mark.django_db
def test_database_refuses_truncate_and_replace() -> None:
    append(entry())
    removal = {
        # REPLACE removes the old row without asking the trigger for DELETE.
        "sqlite": "INSERT OR REPLACE INTO audit_auditevent SELECT * FROM audit_auditevent",
        "postgresql": "TRUNCATE audit_auditevent",
    }[connection.vendor]

    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(removal)

    assert AuditEvent.objects.count() == 1


@pytest.mark.django_db
def test_head_is_single_and_results_are_closed() -> None:
    append(entry())

    with pytest.raises(DatabaseError), transaction.atomic():
        AuditHead.objects.create(id=2, hash=GENESIS)
    with pytest.raises(DatabaseError), transaction.atomic():
        AuditEvent.objects.create(sequence=0, at=NOW, hash="x", result="success")
    with pytest.raises(DatabaseError), transaction.atomic():
        AuditEvent.objects.create(sequence=2, at=NOW, hash="x", result="perhaps")


@pytest.mark.django_db(transaction=True)
def test_event_outside_transaction_is_refused() -> None:
    with pytest.raises(RuntimeError):
        append(entry())


@pytest.mark.django_db(transaction=True)
def test_parallel_events_make_one_chain() -> None:
    together = threading.Barrier(6)

    def write(number: int) -> None:
        together.wait(timeout=10)
        try:
            for _ in range(5):
                with transaction.atomic():
                    append(entry(str(number)))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(write, range(6)))

    assert AuditEvent.objects.count() == 30
    assert verify_chain() is None


@pytest.mark.django_db(transaction=True)
def test_migration_is_reversible() -> None:
    triggers.remove(connection)
    triggers.install(connection)
    with transaction.atomic():
        append(entry())

    with pytest.raises(DatabaseError, match="append-only"):
        AuditEvent.objects.all().delete()
