"""Whether a verifier can have decided the calls of a batch. Pure: no database, and the clock is an argument.

Otherwise a stolen verifier credential could suspend every organization with a single batch.
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
"""Calls that all processes with one credential can decide: several times the fastest measured machine
(docs/benchmarks.md)."""

MARGIN_SECONDS: Final = 60
"""For different clocks, and for counts of a minute that has just begun."""

_HALVED_AFTER: Final = 300.0
"""Seconds. After an outage the waiting counts arrive in many batches in quick succession."""


class Implausible(Enum):
    """Why a batch cannot be true. The values are stored and are labels of a metric."""

    TOO_MANY_CALLS = "too_many_calls"
    FOREIGN_STREAM = "foreign_stream"


@dataclass(frozen=True, slots=True)
class Allowance:
    """How many calls a credential may still report, at a given time."""

    calls: int
    as_of: datetime

    def at(self, now: datetime) -> Allowance:
        """Return the allowance at `now`: it grows with the elapsed time, and the unused rest decays."""
        seconds = (now - self.as_of).total_seconds()
        if seconds <= 0:
            return self
        return Allowance(int(self.calls * 0.5 ** (seconds / _HALVED_AFTER) + seconds * MOST_PER_SECOND), now)

    def without(self, calls: int) -> Allowance | None:
        """Return the rest after these calls; None if they are too many."""
        if calls > self.calls + _most_in(0):
            return None
        return Allowance(max(0, self.calls - calls), self.as_of)


def fits_elapsed_time(lines: Iterable[Counted], now: datetime) -> bool:
    """Whether there was time for all calls: those that begin at or after a time were decided since then."""
    latest_first = sorted(lines, key=attrgetter("begins"), reverse=True)
    since = accumulate(line.calls for line in latest_first)
    # Within lines that begin at the same time the partial sums are only smaller.
    return all(
        calls <= _most_in(now.timestamp() - line.begins) for line, calls in zip(latest_first, since, strict=True)
    )


def _most_in(seconds: float) -> int:
    return int((max(0.0, seconds) + MARGIN_SECONDS) * MOST_PER_SECOND)
