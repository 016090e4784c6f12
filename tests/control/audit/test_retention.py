"""Old events are purged, nothing else can be, and the chain is verified from the anchor on."""

from __future__ import annotations

from datetime import timedelta
from importlib import import_module
from typing import TYPE_CHECKING

import pytest
from django.db import DatabaseError, connection, transaction

from kit.audit_events import all_rights, rewrite_from, write, write_aged
from kit.people import NOW
from watchword.control.audit import triggers
from watchword.control.audit.chain import PURGED, Link, anchor, fault_of_expected, verify_chain
from watchword.control.audit.commands import PurgeAuditEvents
from watchword.control.audit.models import AuditAnchor, AuditEvent, AuditHead
from watchword.control.base.actor import WORKER
from watchword.control.base.refusals import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from watchword.control.base.actor import Actor

pytestmark = pytest.mark.django_db(transaction=True)

CUTOFF = NOW - timedelta(days=184)


def purge(batch: int = 100) -> int:
    return PurgeAuditEvents(before=CUTOFF, batch=batch).run(WORKER, now=NOW)


@pytest.fixture
def purged() -> None:
    """Events 1 to 3 are purged, 4 to 6 are left, and 7 tells of the purge."""
    write_aged(200, 190, 185, 100, 50, 1)
    assert purge() == 3


def sequences() -> list[int]:
    return list(AuditEvent.objects.order_by("sequence").values_list("sequence", flat=True))


def test_purge_deletes_old_events_and_is_recorded(purged: None) -> None:
    assert sequences() == [4, 5, 6, 7]
    record = AuditEvent.objects.get(sequence=7)
    assert (record.action, record.actor, record.organization) == (PURGED, "worker", None)
    third = AuditEvent.objects.get(sequence=4).previous_hash
    assert record.changes == {"events": [None, 3], "first": [None, 1], "last": [None, 3], "last_hash": [None, third]}
    assert anchor() == Link(3, third)
    assert AuditAnchor.objects.get().recorded_by == 7
    assert verify_chain() is None


def test_purge_without_old_events_does_nothing(purged: None) -> None:
    assert purge() == 0
    assert sequences() == [4, 5, 6, 7]


def test_an_empty_log_is_not_purged() -> None:
    assert purge() == 0


def test_purge_continues_in_batches() -> None:
    write_aged(200, 199, 198, 197, 196, 1)
    assert [purge(2), purge(2), purge(2), purge(2)] == [2, 2, 1, 0]
    assert sequences() == [6, 7, 8, 9]
    assert verify_chain() is None


def test_newest_event_is_never_purged() -> None:
    write_aged(300, 299, 298)
    assert purge() == 2
    assert sequences() == [3, 4]
    assert purge() == 1
    assert sequences() == [4, 5]


def test_old_event_after_a_younger_one_is_purged_later() -> None:
    write_aged(200, 10, 190, 1)
    assert purge() == 1
    assert sequences() == [2, 3, 4, 5]


def test_an_event_that_does_not_verify_is_kept_as_evidence() -> None:
    write_aged(200, 199, 198, 1)
    with all_rights():
        AuditEvent.objects.filter(sequence=2).update(actor="bob@acme.example")
    assert purge() == 1
    assert purge() == 0
    assert verify_chain() == "Event 2 was changed."


def test_only_the_worker_purges(shell: Actor) -> None:
    with pytest.raises(Refusal, match="permission"):
        PurgeAuditEvents(before=CUTOFF).run(shell)


def execute(statement: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM audit_auditevent WHERE sequence = 4",
        "DELETE FROM audit_auditevent WHERE sequence = 7",
        "DELETE FROM audit_auditevent",
        "UPDATE audit_auditevent SET actor = 'bob' WHERE sequence = 4",
        "DELETE FROM audit_auditanchor",
        "UPDATE audit_auditanchor SET sequence = 2, hash = 'x'",
        "UPDATE audit_auditanchor SET sequence = 5",
        "UPDATE audit_auditanchor SET hash = 'x'",
        # Onto an event that is there, but with no purge recorded as the reason.
        (
            "UPDATE audit_auditanchor SET sequence = 5, "
            "hash = (SELECT hash FROM audit_auditevent WHERE sequence = 5), recorded_by = 6"
        ),
        # With the record of the purge itself beneath it.
        "UPDATE audit_auditanchor SET sequence = 7, hash = (SELECT hash FROM audit_auditevent WHERE sequence = 7)",
    ],
)
def test_the_database_refuses_every_other_deletion(purged: None, statement: str) -> None:
    with pytest.raises(DatabaseError, match=r"append-only|recorded purge|audit_anchor_is_recorded"):
        execute(statement)
    assert sequences() == [4, 5, 6, 7]
    assert verify_chain() is None


def test_the_database_refuses_a_first_anchor_without_a_purge() -> None:
    events = write_aged(200, 1)
    with pytest.raises(DatabaseError, match="recorded purge"), transaction.atomic():
        AuditAnchor.objects.create(sequence=1, hash=events[0].hash, purged_at=NOW, recorded_by=2)


def test_the_database_refuses_to_replace_the_anchor(purged: None) -> None:
    replacement = {
        "sqlite": "INSERT OR REPLACE INTO audit_auditanchor SELECT * FROM audit_auditanchor",
        "postgresql": "TRUNCATE audit_auditanchor",
    }[connection.vendor]
    with pytest.raises(DatabaseError, match="recorded purge"):
        execute(replacement)


def change() -> None:
    AuditEvent.objects.filter(sequence=5).update(target="Other")


def remove() -> None:
    AuditEvent.objects.filter(sequence=5).delete()


def remove_first() -> None:
    AuditEvent.objects.filter(sequence=4).delete()


def insert() -> None:
    event = AuditEvent.objects.get(sequence=7)
    AuditEvent.objects.filter(sequence=7).delete()
    event.sequence = 8
    event.save(force_insert=True)
    event.sequence, event.hash, event.action = 7, "f" * 64, "signed_in"
    event.save(force_insert=True)
    AuditHead.objects.update(sequence=8)


def swap() -> None:
    fourth, fifth = AuditEvent.objects.filter(sequence__in=[4, 5]).order_by("sequence")
    AuditEvent.objects.filter(sequence__in=[4, 5]).delete()
    fourth.sequence, fifth.sequence = 5, 4
    fourth.save(force_insert=True)
    fifth.save(force_insert=True)


def cut_tail() -> None:
    write("after the purge")
    AuditEvent.objects.filter(sequence=8).delete()


def move_anchor() -> None:
    fifth = AuditEvent.objects.get(sequence=5)
    AuditEvent.objects.filter(sequence__lte=5).delete()
    AuditAnchor.objects.update(sequence=5, hash=fifth.hash)


def move_anchor_and_rewrite_its_record() -> None:
    move_anchor()
    record = AuditEvent.objects.get(sequence=7)
    record.changes |= {"last": [None, 5], "last_hash": [None, AuditAnchor.objects.get().hash]}
    record.save(force_update=True)


def move_anchor_back() -> None:
    AuditAnchor.objects.update(sequence=2)


def lose_anchor() -> None:
    AuditAnchor.objects.all().delete()


def lose_record() -> None:
    write("after the purge")
    AuditEvent.objects.filter(sequence=7).delete()


@pytest.mark.parametrize(
    ("tamper", "fault"),
    [
        (change, "Event 5 was changed."),
        (remove, "Event 5 is missing."),
        (remove_first, "Event 4 is missing."),
        (insert, "The chain begins after event 3, but no event records a purge up to there."),
        (swap, "Event 4 does not follow event 3."),
        (cut_tail, "The chain ends at event 7, but its head is at event 8."),
        (move_anchor, "The chain begins after event 5, but no event records a purge up to there."),
        (move_anchor_and_rewrite_its_record, "Event 7 was changed."),
        (move_anchor_back, "The chain begins after event 2, but no event records a purge up to there."),
        (lose_anchor, "Event 1 is missing."),
        (lose_record, "The chain begins after event 3, but no event records a purge up to there."),
    ],
)
def test_tampering_is_found_after_a_purge_too(purged: None, tamper: Callable[[], None], fault: str) -> None:
    with all_rights():
        tamper()
    assert verify_chain() == fault


def test_rewritten_chain_differs_from_external_head(purged: None) -> None:
    head = AuditHead.objects.get()
    kept = Link(head.sequence, head.hash)
    with all_rights():
        AuditEvent.objects.filter(sequence=5).update(target="Other")
        rewrite_from(Link(3, anchor().hash))
    assert verify_chain() is None
    assert fault_of_expected(kept) == "Event 7 has another hash than before: the chain was rewritten."


def test_external_head_is_comparable_until_its_event_is_purged(purged: None) -> None:
    assert fault_of_expected(anchor()) is None
    assert fault_of_expected(Link(3, "f" * 64)) == "Event 3 has another hash than before: the chain was rewritten."
    too_old = fault_of_expected(Link(2, "f" * 64))
    assert too_old is not None
    assert "has been purged" in too_old


def test_the_migration_can_be_taken_back_and_applied_again() -> None:
    migration = import_module("watchword.control.audit.migrations.0001_initial")
    with connection.schema_editor() as editor:
        migration.remove(None, editor)
    write_aged(200, 1)
    execute("DELETE FROM audit_auditevent WHERE sequence < 0")
    with connection.schema_editor() as editor:
        migration.install(None, editor)
    with pytest.raises(DatabaseError, match="append-only"):
        execute("DELETE FROM audit_auditevent")
    triggers.remove(connection)
    triggers.install(connection)
    assert purge() == 1
