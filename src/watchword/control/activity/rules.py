"""When a call counts, and what follows from a number of calls. Pure: no database, and the clock comes in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from watchword.core.decision import Reason

if TYPE_CHECKING:
    from datetime import date

PERCENTAGES: Final = (50, 80, 100)
"""Of the API call threshold, at which notices are given. The last one is the crossing, which suspends."""

CROSSED: Final = PERCENTAGES[-1]

SIGNED: Final = frozenset(reason.code for reason in Reason if reason.is_signed)
"""Codes of the reasons for which a token is refused although its signature was verified."""

_A_MINUTE: Final = timedelta(minutes=1)
_GOES_STALE: Final = 2 * _A_MINUTE
_DAY_SECONDS: Final = 86_400


def today(now: datetime) -> date:
    """The day that counts: it begins at midnight UTC, everywhere."""
    return now.astimezone(UTC).date()


def counted_at(begins: int, now: datetime, kept_days: int) -> datetime | None:
    """The minute for which calls count that a verifier has counted for `begins`, in Unix seconds.

    A verifier whose clock runs ahead must not count for tomorrow what is called today, so nothing counts for later than
    now. None for what is older than the days kept: it would be purged at once.
    """
    seconds = min(begins, int(now.timestamp()))
    if seconds <= now.timestamp() - kept_days * _DAY_SECONDS:
        return None
    return datetime.fromtimestamp(seconds, tz=UTC).replace(second=0)


def reached(calls: int, threshold: int | None) -> int:
    """The highest of PERCENTAGES that so many calls have reached, 0 for none.

    The threshold is what is allowed: the call that makes it full is allowed, the next one crosses it.
    """
    if threshold is None:
        return 0
    if calls > threshold:
        return CROSSED
    return max((percent for percent in PERCENTAGES[:-1] if calls * 100 >= percent * threshold), default=0)


@dataclass(frozen=True, slots=True)
class ThresholdNotice:
    """What an organization's administrators are told before its API call threshold is crossed.

    Attributes:
        percent: the highest of PERCENTAGES below the last that was reached today.
        calls: allowed calls that count toward the threshold today.
    """

    percent: int
    calls: int
    threshold: int

    @property
    def sentence(self) -> str:
        """The banner."""
        return (
            f"{self.percent} % of the API call threshold is used up: {self.calls:,} of {self.threshold:,} calls today "
            "(UTC). One call more than that suspends the organization: its tokens are refused until support lifts it."
        )

    @property
    def pressing(self) -> bool:
        """Whether it is time to act."""
        return self.percent > PERCENTAGES[0]


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast one verifier process decides: calls of the newest minute that was told of, and of the one before it."""

    minute: datetime | None
    calls: int
    calls_before: int

    def after(self, minute: datetime, calls: int) -> Pace:
        """With calls of a minute added; those of an older one than the last two no longer matter."""
        if self.minute == minute:
            return replace(self, calls=self.calls + calls)
        if self.minute is None or minute > self.minute:
            follows = self.minute is not None and minute - self.minute == _A_MINUTE
            return Pace(minute, calls, self.calls if follows else 0)
        if self.minute - minute == _A_MINUTE:
            return replace(self, calls_before=self.calls_before + calls)
        return self

    def per_second(self, now: datetime) -> float:
        """Over the last full minute that is known; 0 when nothing was told for two minutes."""
        if self.minute is None or now - self.minute >= _GOES_STALE:
            return 0.0
        full = self.calls if now - self.minute >= _A_MINUTE else self.calls_before
        return full / _A_MINUTE.total_seconds()
