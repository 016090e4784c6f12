"""Proving that nobody tampered with the audit log: every event follows the one before it, from the anchor to the head.

The log may grow and be purged meanwhile. Nothing is locked for that: the head is read before the events, so all that
it promises must be there, and a gap is only a fault if the anchor has not moved beyond it.
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
    """A place in the chain: an event and its hash. Sequence 0 with GENESIS is the place before the first event."""

    sequence: int
    hash: str

    def __str__(self) -> str:
        return f"{self.sequence}:{self.hash}"

    @classmethod
    def parse(cls, text: str) -> Link:
        """Read what `str` wrote.

        Raises:
            ValueError: it is something else.
        """
        found = _LINK.fullmatch(text)
        if found is None:
            raise ValueError("must be SEQUENCE:HASH, as `watchword audit verify` prints it")
        return cls(int(found[1]), found[2])


@dataclass(frozen=True, slots=True)
class Walked:
    """Where a walk came to: `fault` is about the event after `reached`, None where all is well so far."""

    reached: Link
    at_head: bool = False
    fault: str | None = None


def anchor() -> Link:
    """Where the chain begins: the last purged event."""
    row = AuditAnchor.objects.filter(id=1).first()
    return Link(0, GENESIS) if row is None else Link(row.sequence, row.hash)


def head() -> Link | None:
    """The newest event as the head has it; None before the first."""
    row = AuditHead.objects.filter(id=1).first()
    return None if row is None else Link(row.sequence, row.hash)


def verify_chain() -> str | None:
    """Walk the whole chain. Returns None when it is whole, else a sentence that names the first fault."""
    return anchor_fault() or walk(anchor()).fault or checkpoint_fault()


def walk(start: Link, *, limit: int | None = None) -> Walked:
    """Follow the chain from `start` to its head, or over about `limit` events."""
    place, walked = start, 0
    while limit is None or walked < limit:
        promised = head()
        events = list(AuditEvent.objects.filter(sequence__gt=place.sequence).order_by("sequence")[:_CHUNK])
        place, fault = follow(place, events)
        if not events:
            fault = _fault_of_end(place, promised)
        if fault is not None:
            begin = anchor()
            if begin.sequence <= place.sequence:
                return Walked(place, fault=fault)
            place = begin
        elif not events and head() == promised:
            return Walked(place, at_head=True)
        walked += len(events)
    return Walked(place)


def follow(place: Link, events: list[AuditEvent]) -> tuple[Link, str | None]:
    """The last event that follows soundly from `place`, and what is wrong with the one after it."""
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
    """What is wrong with the beginning: an anchor needs the event that records its purge."""
    row = AuditAnchor.objects.filter(id=1).first()
    if row is None:
        return None
    record = AuditEvent.objects.filter(sequence=row.recorded_by, action=PURGED).first()
    stated = None if record is None else {name: record.changes.get(name) for name in ("last", "last_hash")}
    if stated == {"last": [None, row.sequence], "last_hash": [None, row.hash]}:
        return None
    if anchor() != Link(row.sequence, row.hash):
        # The log was purged again between the two reads, and the earlier record with it.
        return anchor_fault()
    return f"The chain begins after event {row.sequence}, but no event records a purge up to there."


def purge_changes(first: int, last: Link, count: int) -> Mapping[str, tuple[Scalar, Scalar]]:
    """What the event of a purge states; `anchor_fault` compares it."""
    return {
        "events": (None, count),
        "first": (None, first),
        "last": (None, last.sequence),
        "last_hash": (None, last.hash),
    }


def checkpoint_fault() -> str | None:
    """What is wrong with the end: what was verified once is still there, whatever the head says by now."""
    row = AuditCheckpoint.objects.filter(id=1).first()
    return None if row is None else _fault_at(Link(row.sequence, row.hash), "it was verified up to event")


def fault_of_expected(expected: Link) -> str | None:
    """What differs from a head that was kept elsewhere.

    It shows what the database alone cannot: a tail cut off together with its head, or a chain written anew.
    """
    if expected.sequence < anchor().sequence:
        return (
            f"Event {expected.sequence} has been purged since, so nothing can be compared with the expected hash; "
            "expect a newer event."
        )
    return _fault_at(expected, "what was expected is event")


def _fault_at(known: Link, why: str) -> str | None:
    begin = anchor()
    if known.sequence <= begin.sequence:
        return None if known.sequence < begin.sequence or known == begin else _differs(known)
    event = AuditEvent.objects.filter(sequence=known.sequence).first()
    if event is None:
        newest = AuditEvent.objects.order_by("-sequence").values_list("sequence", flat=True).first()
        # Purged between the two reads, or gone.
        if anchor() != begin:
            return _fault_at(known, why)
        return f"The chain ends at event {newest or begin.sequence}, but {why} {known.sequence}."
    return None if event.hash == known.hash else _differs(known)


def _differs(known: Link) -> str:
    return f"Event {known.sequence} is not the one that it was: the chain was written anew."


def _fault_of_end(place: Link, promised: Link | None) -> str | None:
    if promised is None:
        return None if place.sequence == 0 else "The head of the chain is missing."
    if promised.sequence == place.sequence:
        return None if promised.hash == place.hash else f"The head of the chain does not fit event {place.sequence}."
    if promised.sequence < place.sequence:
        # The head was read before the last events were appended; by now it must have come along.
        now = head()
        if now is not None and now.sequence >= place.sequence:
            return None
    return f"The chain ends at event {place.sequence}, but its head is at event {promised.sequence}."
