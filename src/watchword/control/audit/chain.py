"""Verifies the audit log's chain: every event follows the one before it, from the anchor to the head.

The log may grow and be purged during the verification, without locks. The head is read before the events, so all events
up to it must exist; a gap is a fault only if the anchor has not moved beyond it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from watchword.control.audit.models import AuditAnchor, AuditCheckpoint, AuditEvent, AuditHead
from watchword.control.base.audit_log import GENESIS, hash_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watchword.control.base.audit_log import Scalar

PURGED: Final = "audit_events_purged"

_CHUNK: Final = 1000
_LINK: Final = re.compile(r"([0-9]{1,18}):([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Link:
    """An event in the chain and its hash. Sequence 0 with GENESIS is the position before the first event."""

    sequence: int
    hash: str

    def __str__(self) -> str:
        return f"{self.sequence}:{self.hash}"

    @classmethod
    def parse(cls, text: str) -> Link:
        """Parse the result of `str`.

        Raises:
            ValueError: the text is no link.
        """
        found = _LINK.fullmatch(text)
        if found is None:
            raise ValueError("must be SEQUENCE:HASH, as `watchword audit verify` prints it")
        return cls(int(found[1]), found[2])


@dataclass(frozen=True, slots=True)
class Walked:
    """How far a walk came. `fault` is about the event after `reached`; None if there is none."""

    reached: Link
    at_head: bool = False
    fault: str | None = None


def anchor() -> Link:
    """Return where the chain begins: the last purged event."""
    row = AuditAnchor.objects.filter(id=1).first()
    return Link(0, GENESIS) if row is None else Link(row.sequence, row.hash)


def head() -> Link | None:
    """Return the newest event according to the head row; None before the first."""
    row = AuditHead.objects.filter(id=1).first()
    return None if row is None else Link(row.sequence, row.hash)


def verify_chain() -> str | None:
    """Walk the whole chain. Returns None if it is intact, else a sentence about the first fault."""
    return anchor_fault() or walk(anchor()).fault or checkpoint_fault()


def walk(start: Link, *, limit: int | None = None) -> Walked:
    """Follow the chain from `start` to its head, or over about `limit` events."""
    place, walked = start, 0
    while limit is None or walked < limit:
        expected_head = head()
        events = list(AuditEvent.objects.filter(sequence__gt=place.sequence).order_by("sequence")[:_CHUNK])
        place, fault = follow(place, events)
        if not events:
            fault = _fault_of_end(place, expected_head)
        if fault is not None:
            begin = anchor()
            if begin.sequence <= place.sequence:
                return Walked(place, fault=fault)
            place = begin
        elif not events and head() == expected_head:
            return Walked(place, at_head=True)
        walked += len(events)
    return Walked(place)


def follow(place: Link, events: list[AuditEvent]) -> tuple[Link, str | None]:
    """Return the last valid event after `place`, and what is wrong with the next one."""
    for event in events:
        if event.sequence != place.sequence + 1:
            return place, f"Event {place.sequence + 1} is missing."
        if event.previous_hash != place.hash:
            return place, f"Event {event.sequence} does not follow event {place.sequence}."
        if event.hash != hash_of(event):
            return place, f"Event {event.sequence} was changed."
        place = Link(event.sequence, event.hash)
    return place, None


def anchor_fault() -> str | None:
    """Return what is wrong with the beginning: an anchor needs the event that records its purge."""
    row = AuditAnchor.objects.filter(id=1).first()
    if row is None:
        return None
    record = AuditEvent.objects.filter(sequence=row.recorded_by, action=PURGED).first()
    stated = None if record is None else {name: record.changes.get(name) for name in ("last", "last_hash")}
    if stated == {"last": [None, row.sequence], "last_hash": [None, row.hash]}:
        return None
    if anchor() != Link(row.sequence, row.hash):
        # Another purge between the two reads has deleted the earlier record.
        return anchor_fault()
    return f"The chain begins after event {row.sequence}, but no event records a purge up to there."


def purge_changes(first: int, last: Link, count: int) -> Mapping[str, tuple[Scalar, Scalar]]:
    """Return the changes of a purge's event, which `anchor_fault` compares."""
    return {
        "events": (None, count),
        "first": (None, first),
        "last": (None, last.sequence),
        "last_hash": (None, last.hash),
    }


def checkpoint_fault() -> str | None:
    """Return what is wrong with the end: the last verified event must still exist, also if the head row differs."""
    row = AuditCheckpoint.objects.filter(id=1).first()
    return None if row is None else _fault_at(Link(row.sequence, row.hash), "it was verified up to event")


def fault_of_expected(expected: Link) -> str | None:
    """Return how the log differs from a head that was stored elsewhere.

    It finds what the database alone cannot show: a truncated log with its head, or a rewritten chain.
    """
    if expected.sequence < anchor().sequence:
        return f"Event {expected.sequence} has been purged, so its hash cannot be compared. Use a newer event."
    return _fault_at(expected, "the expected event is")


def _fault_at(known: Link, why: str) -> str | None:
    begin = anchor()
    if known.sequence <= begin.sequence:
        return None if known.sequence < begin.sequence or known == begin else _differs(known)
    event = AuditEvent.objects.filter(sequence=known.sequence).first()
    if event is None:
        newest = AuditEvent.objects.order_by("-sequence").values_list("sequence", flat=True).first()
        # Purged between the two reads, or missing.
        if anchor() != begin:
            return _fault_at(known, why)
        return f"The chain ends at event {newest or begin.sequence}, but {why} {known.sequence}."
    return None if event.hash == known.hash else _differs(known)


def _differs(known: Link) -> str:
    return f"Event {known.sequence} has another hash than before: the chain was rewritten."


def _fault_of_end(place: Link, expected_head: Link | None) -> str | None:
    if expected_head is None:
        return None if place.sequence == 0 else "The head of the chain is missing."
    if expected_head.sequence == place.sequence:
        return (
            None
            if expected_head.hash == place.hash
            else f"The head of the chain does not match event {place.sequence}."
        )
    if expected_head.sequence < place.sequence:
        # The head was read before the last events were appended; a new read must include them.
        now = head()
        if now is not None and now.sequence >= place.sequence:
            return None
    return f"The chain ends at event {place.sequence}, but its head is at event {expected_head.sequence}."
