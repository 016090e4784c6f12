"""The standing verification: what the worker has found so far, step by step, for the page."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kit.audit_events import all_rights, rewrite_from, write, write_aged
from kit.people import NOW
from watchword.control.audit import chain, checkpoint
from watchword.control.audit.chain import Link, fault_of_expected, head, verify_chain, walk
from watchword.control.audit.checkpoint import verify_all, verify_step
from watchword.control.audit.commands import PurgeAuditEvents
from watchword.control.audit.models import AuditCheckpoint, AuditEvent, AuditHead
from watchword.control.base.actor import WORKER
from watchword.control.base.audit_log import GENESIS

pytestmark = pytest.mark.django_db(transaction=True)

LATER = NOW + timedelta(minutes=1)


def three() -> None:
    for target in ("One", "Two", "Three"):
        write(target)


def cut_tail_and_rewind_head() -> None:
    with all_rights():
        AuditEvent.objects.filter(sequence__gt=2).delete()
        AuditHead.objects.update(sequence=2, hash=AuditEvent.objects.get(sequence=2).hash)


def test_empty_log_is_verified() -> None:
    state = verify_step(NOW)
    assert (state.sequence, state.hash, state.fault, state.whole_at) == (0, GENESIS, None, NOW)


def test_step_reaches_end_of_short_chain() -> None:
    three()
    state = verify_step(NOW)
    assert (state.sequence, state.verified_at, state.whole_at, state.fault) == (3, NOW, NOW, None)
    write("Four")
    assert verify_step(LATER).sequence == 4


def test_a_long_chain_is_walked_in_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain, "_CHUNK", 2)
    for number in range(7):
        write(str(number))
    steps = [verify_step(NOW + timedelta(minutes=minute), events=2) for minute in range(5)]
    assert [step.sequence for step in steps] == [2, 4, 6, 7, 7]
    assert [step.walked_sequence for step in steps] == [2, 4, 6, 0, 2]
    assert [step.whole_at is None for step in steps] == [True, True, True, False, False]


def test_fault_stays_until_complete_walk_finds_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain, "_CHUNK", 2)
    for number in range(4):
        write(str(number))
    for _ in range(3):
        verify_step(NOW, events=2)
    with all_rights():
        AuditEvent.objects.filter(sequence=2).update(target="Other")
    while verify_step(LATER, events=2).fault is None:
        pass
    assert AuditCheckpoint.objects.get().fault == "Event 2 was changed."
    with all_rights():
        AuditEvent.objects.filter(sequence=2).update(target="1")
    assert verify_step(LATER, events=2).fault == "Event 2 was changed."
    assert verify_step(LATER, events=2).fault == "Event 2 was changed."
    assert verify_step(LATER, events=2).fault is None


def test_checkpoint_finds_truncated_tail_with_matching_head() -> None:
    three()
    verify_step(NOW)
    cut_tail_and_rewind_head()
    fault = "The chain ends at event 2, but it was verified up to event 3."
    assert verify_chain() == fault
    assert verify_step(LATER).fault == fault


def test_checkpoint_finds_rewritten_chain() -> None:
    three()
    verify_step(NOW)
    with all_rights():
        AuditEvent.objects.filter(sequence=1).update(actor="bob@acme.example")
        rewrite_from(Link(0, GENESIS))
    assert verify_chain() == "Event 3 has another hash than before: the chain was rewritten."


def test_external_head_finds_truncation_without_trace() -> None:
    three()
    kept = head()
    assert kept is not None
    cut_tail_and_rewind_head()
    assert verify_chain() is None
    assert fault_of_expected(kept) == "The chain ends at event 2, but the expected event is 3."
    assert verify_all(NOW, expected=kept) == fault_of_expected(kept)


def test_purge_beyond_checkpoint_is_no_fault() -> None:
    write_aged(200)
    verify_step(NOW)
    write_aged(199, 198, 1)
    assert PurgeAuditEvents(before=NOW - timedelta(days=184)).run(WORKER, now=NOW) == 3
    state = verify_step(LATER)
    assert (state.sequence, state.walked_sequence, state.fault) == (5, 3, None)


def test_walk_tolerates_concurrent_appends_and_purges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain, "_CHUNK", 2)
    write_aged(200, 199, 198, 197, 2, 1)
    begin, follow = Link(0, GENESIS), chain.follow
    moves: list[AuditEvent] = []

    def follow_while_the_log_moves(place: Link, events: list[AuditEvent]) -> tuple[Link, str | None]:
        found = follow(place, events)
        if len(moves) < 3:
            moves.append(write("meanwhile"))
            PurgeAuditEvents(before=NOW - timedelta(days=184)).run(WORKER, now=NOW)
        return found

    monkeypatch.setattr(chain, "follow", follow_while_the_log_moves)
    walked = walk(begin)
    assert (walked.at_head, walked.fault) == (True, None)
    assert walked.reached == head()


def test_anchor_moved_during_read_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    write_aged(200, 199, 1)
    purge = PurgeAuditEvents(before=NOW - timedelta(days=199, hours=1))
    assert purge.run(WORKER, now=NOW) == 1
    objects = AuditEvent.objects
    asked: list[dict[str, object]] = []

    class Moving:
        def filter(self, **conditions: object) -> object:
            if not asked:
                asked.append(conditions)
                assert PurgeAuditEvents(before=NOW - timedelta(days=184)).run(WORKER, now=NOW) == 1
                return objects.none()
            return objects.filter(**conditions)

    class Events:
        objects = Moving()

    monkeypatch.setattr(chain, "AuditEvent", Events)
    monkeypatch.setattr("watchword.control.audit.commands.AuditEvent", AuditEvent)
    assert chain.anchor_fault() is None


def test_command_line_updates_the_pages_result() -> None:
    three()
    assert verify_all(NOW) is None
    state = AuditCheckpoint.objects.get()
    assert (state.sequence, state.whole_at) == (3, NOW)
    with all_rights():
        AuditEvent.objects.filter(sequence=1).delete()
    assert verify_all(LATER) == "Event 1 is missing."
    state = AuditCheckpoint.objects.get()
    assert (state.sequence, state.whole_at, state.fault) == (3, NOW, "Event 1 is missing.")


def test_fault_is_reported_before_first_checkpoint() -> None:
    assert verify_all(NOW) is None
    assert not AuditCheckpoint.objects.exists()
    three()
    with all_rights():
        AuditHead.objects.update(hash="f" * 64)
    assert verify_all(NOW) == "The head of the chain does not match event 3."
    assert AuditCheckpoint.objects.get().whole_at is None


@pytest.mark.parametrize("text", ["", "3", "3:", "3:xyz", f"-1:{'a' * 64}", f"3:{'A' * 64}", f"3:{'a' * 64} "])
def test_malformed_link_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="SEQUENCE:HASH"):
        Link.parse(text)


def test_link_round_trips() -> None:
    link = Link(12, "a" * 64)
    assert Link.parse(str(link)) == link
    assert timedelta(minutes=1) < checkpoint.OVERDUE
