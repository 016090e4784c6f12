"""The standing verification: step by step, so that a long chain is never walked in one go and never in a request.

Each step takes the new events, and a slice of a walk that goes over the whole chain again and again.
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
"""A worker takes a step each minute. After this long without one, what was verified says little about now."""


def verify_on(now: datetime, *, events: int = SLICE) -> AuditCheckpoint:
    """Take one step and store what came out. Two workers at once do the same work twice and no harm."""
    before = AuditCheckpoint.objects.filter(id=1).first() or _from_the_beginning(now)
    begin = anchor()
    tail = walk(_later(Link(before.sequence, before.hash), begin), limit=events)
    again = walk(_later(Link(before.walked_sequence, before.walked_hash), begin), limit=events)
    fault = anchor_fault() or checkpoint_fault() or tail.fault or again.fault
    whole = fault is None and again.at_head
    # A walk that is through, or stopped by a fault, begins anew: what was damaged may have been mended.
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


def verify_at_once(now: datetime, *, expected: Link | None = None) -> str | None:
    """Walk the whole chain for somebody who waits for it, and let the page know; as `verify_chain`."""
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
