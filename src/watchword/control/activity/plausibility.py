"""Whether the calls of a batch can have been decided at all. Pure: no database, and the clock comes in.

A verifier's credential that was stolen could otherwise suspend every organization with a single batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from itertools import accumulate
from operator import attrgetter
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from watchword.control.activity.batches import Counted

MOST_PER_SECOND: Final = 500_000
"""Calls that all processes with one credential can decide, several times what the fastest machine that was measured
does (docs/benchmarks.md)."""

MARGIN_SECONDS: Final = 60
"""For clocks that differ, and for counts of a minute that has just begun."""

_HALVED_AFTER: Final = 300.0
"""Seconds. After an outage the counts that waited arrive in many batches, one right after the other."""


class Implausible(Enum):
    """Why a batch cannot be true; the values are stored, and labels of a metric."""

    TOO_MANY_CALLS = "too_many_calls"
    FOREIGN_STREAM = "foreign_stream"


@dataclass(frozen=True, slots=True)
class Allowance:
    """How many calls a credential may still report, as of a time."""

    calls: int
    as_of: datetime

    def at(self, now: datetime) -> Allowance:
        """What it is now: calls of the time since then are added, and what was left over fades."""
        seconds = (now - self.as_of).total_seconds()
        if seconds <= 0:
            return self
        return Allowance(int(self.calls * 0.5 ** (seconds / _HALVED_AFTER) + seconds * MOST_PER_SECOND), now)

    def without(self, calls: int) -> Allowance | None:
        """What is left after so many calls; None if they are too many."""
        if calls > self.calls + _most_in(0):
            return None
        return Allowance(max(0, self.calls - calls), self.as_of)


def fit_their_time(lines: Iterable[Counted], now: datetime) -> bool:
    """Whether there was time for all calls: what began at some time or later was decided since then."""
    latest_first = sorted(lines, key=attrgetter("begins"), reverse=True)
    since = accumulate(line.calls for line in latest_first)
    # In the middle of lines that begin together the sum is only smaller.
    return all(
        calls <= _most_in(now.timestamp() - line.begins) for line, calls in zip(latest_first, since, strict=True)
    )


def _most_in(seconds: float) -> int:
    return int((max(0.0, seconds) + MARGIN_SECONDS) * MOST_PER_SECOND)
