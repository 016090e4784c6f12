"""The worker's continuous verification in small steps, so that no step and no request walks a long chain at once.

Each step verifies the new events, and a slice of a repeated walk over the whole chain.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from watchword.control.audit.chain import (
    Link,
    anchor,
    anchor_fault,
    checkpoint_fault,
    fault_of_expected,
    head,
    verify_chain,
    walk,
)
from watchword.control.audit.models import AuditCheckpoint

if TYPE_CHECKING:
    from datetime import datetime

SLICE: Final = 20_000
"""Events per step; about a second of work."""

OVERDUE: Final = timedelta(minutes=10)
"""The worker takes a step each minute. Without one for this long, the page warns that the result is old."""


def verify_step(now: datetime, *, events: int = SLICE) -> AuditCheckpoint:
    """Take one step and store the result. Two workers at once only duplicate the work."""
    before = AuditCheckpoint.objects.filter(id=1).first() or _from_the_beginning(now)
    begin = anchor()
    tail = walk(_later(Link(before.sequence, before.hash), begin), limit=events)
    again = walk(_later(Link(before.walked_sequence, before.walked_hash), begin), limit=events)
    fault = anchor_fault() or checkpoint_fault() or tail.fault or again.fault
    whole = fault is None and again.at_head
    # A walk that is complete or found a fault starts again: the damage may have been repaired.
    walked = begin if whole or fault is not None else again.reached
    return _store(
        sequence=tail.reached.sequence,
        hash=tail.reached.hash,
        verified_at=now,
        walked_sequence=walked.sequence,
        walked_hash=walked.hash,
        whole_at=now if whole else before.whole_at,
        fault=None if whole else fault or before.fault,
    )


def verify_all(now: datetime, *, expected: Link | None = None) -> str | None:
    """Walk the whole chain at once and store the result for the page; returns as `verify_chain`."""
    end = head()
    fault = verify_chain()
    begin = anchor()
    if end is not None:
        known = AuditCheckpoint.objects.filter(id=1).first()
        reached = end if fault is None else begin if known is None else Link(known.sequence, known.hash)
        _store(
            sequence=reached.sequence,
            hash=reached.hash,
            verified_at=now,
            walked_sequence=begin.sequence,
            walked_hash=begin.hash,
            whole_at=now if fault is None else None if known is None else known.whole_at,
            fault=fault,
        )
    return fault or (None if expected is None else fault_of_expected(expected))


def _store(**fields: object) -> AuditCheckpoint:
    return AuditCheckpoint.objects.update_or_create(id=1, defaults=fields)[0]


def _from_the_beginning(now: datetime) -> AuditCheckpoint:
    begin = anchor()
    return AuditCheckpoint(
        sequence=begin.sequence,
        hash=begin.hash,
        verified_at=now,
        walked_sequence=begin.sequence,
        walked_hash=begin.hash,
    )


def _later(place: Link, begin: Link) -> Link:
    return begin if begin.sequence > place.sequence else place
