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


def test_an_empty_log_is_verified() -> None:
    state = verify_step(NOW)
    assert (state.sequence, state.hash, state.fault, state.whole_at) == (0, GENESIS, None, NOW)


def test_a_step_reaches_the_end_of_a_short_chain() -> None:
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


def test_a_fault_stays_until_a_whole_walk_finds_none(monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_a_cut_tail_with_its_head_set_back_is_missed_by_what_was_verified_before() -> None:
    three()
    verify_step(NOW)
    cut_tail_and_rewind_head()
    fault = "The chain ends at event 2, but it was verified up to event 3."
    assert verify_chain() == fault
    assert verify_step(LATER).fault == fault


def test_a_chain_written_anew_is_not_the_one_that_was_verified() -> None:
    three()
    verify_step(NOW)
    with all_rights():
        AuditEvent.objects.filter(sequence=1).update(actor="bob@acme.example")
        rewrite_from(Link(0, GENESIS))
    assert verify_chain() == "Event 3 has another hash than before: the chain was rewritten."


def test_only_a_head_kept_elsewhere_shows_a_cut_that_left_no_trace() -> None:
    three()
    kept = head()
    assert kept is not None
    cut_tail_and_rewind_head()
    assert verify_chain() is None
    assert fault_of_expected(kept) == "The chain ends at event 2, but the expected event is 3."
    assert verify_all(NOW, expected=kept) == fault_of_expected(kept)


def test_a_purge_beyond_what_was_verified_is_no_fault() -> None:
    write_aged(200)
    verify_step(NOW)
    write_aged(199, 198, 1)
    assert PurgeAuditEvents(before=NOW - timedelta(days=184)).run(WORKER, now=NOW) == 3
    state = verify_step(LATER)
    assert (state.sequence, state.walked_sequence, state.fault) == (5, 3, None)


def test_a_walk_is_not_confused_by_events_that_come_and_go_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_an_anchor_that_moves_while_it_is_read_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_the_command_line_lets_the_page_know() -> None:
    three()
    assert verify_all(NOW) is None
    state = AuditCheckpoint.objects.get()
    assert (state.sequence, state.whole_at) == (3, NOW)
    with all_rights():
        AuditEvent.objects.filter(sequence=1).delete()
    assert verify_all(LATER) == "Event 1 is missing."
    state = AuditCheckpoint.objects.get()
    assert (state.sequence, state.whole_at, state.fault) == (3, NOW, "Event 1 is missing.")


def test_a_fault_is_told_even_before_anything_was_verified() -> None:
    assert verify_all(NOW) is None
    assert not AuditCheckpoint.objects.exists()
    three()
    with all_rights():
        AuditHead.objects.update(hash="f" * 64)
    assert verify_all(NOW) == "The head of the chain does not match event 3."
    assert AuditCheckpoint.objects.get().whole_at is None


@pytest.mark.parametrize("text", ["", "3", "3:", "3:xyz", f"-1:{'a' * 64}", f"3:{'A' * 64}", f"3:{'a' * 64} "])
def test_what_is_no_link_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="SEQUENCE:HASH"):
        Link.parse(text)


def test_a_link_is_read_as_it_is_written() -> None:
    link = Link(12, "a" * 64)
    assert Link.parse(str(link)) == link
    assert timedelta(minutes=1) < checkpoint.OVERDUE
