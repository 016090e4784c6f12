"""Rules for counted calls and the API call threshold. Pure: no database, and the clock is an argument."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from watchword.core.decision import Reason

if TYPE_CHECKING:
    from datetime import date

PERCENTAGES: Final = (50, 80, 100)
"""Percentages of the API call threshold that are reported. Crossing the last one suspends the organization."""

CROSSED: Final = PERCENTAGES[-1]

SIGNED: Final = frozenset(reason.code for reason in Reason if reason.is_signed)
"""Codes of the reasons for refusing a token whose signature was verified."""

_A_MINUTE: Final = timedelta(minutes=1)
_GOES_STALE: Final = 2 * _A_MINUTE
_DAY_SECONDS: Final = 86_400


def today(now: datetime) -> date:
    """Return the day in UTC."""
    return now.astimezone(UTC).date()


def counted_at(begins: int, now: datetime, kept_days: int) -> datetime | None:
    """Return the minute of calls that a verifier counted at `begins`, in Unix seconds.

    At most now, so that a verifier with a fast clock does not count today's calls for tomorrow. None for calls that are
    older than `kept_days`.
    """
    seconds = min(begins, int(now.timestamp()))
    if seconds <= now.timestamp() - kept_days * _DAY_SECONDS:
        return None
    return datetime.fromtimestamp(seconds, tz=UTC).replace(second=0)


def reached(calls: int, threshold: int | None) -> int:
    """Return the highest of PERCENTAGES that these calls have reached, 0 for none.

    As many calls as the threshold are allowed; the next one crosses it.
    """
    if threshold is None:
        return 0
    if calls > threshold:
        return CROSSED
    return max((percent for percent in PERCENTAGES[:-1] if calls * 100 >= percent * threshold), default=0)


@dataclass(frozen=True, slots=True)
class ThresholdNotice:
    """The notice to an organization's administrators before its calls cross the API call threshold.

    Attributes:
        percent: the highest of PERCENTAGES that was reached today, below 100.
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
            "(UTC). Exceeding it suspends the organization: its tokens are refused until support lifts it."
        )

    @property
    def pressing(self) -> bool:
        """Whether to show it as urgent."""
        return self.percent > PERCENTAGES[0]


@dataclass(frozen=True, slots=True)
class CallRate:
    """The calls of one verifier process in its newest reported minute and in the one before."""

    minute: datetime | None
    calls: int
    calls_before: int

    def after(self, minute: datetime, calls: int) -> CallRate:
        """Add the calls of a minute; minutes before the last two no longer matter."""
        if self.minute == minute:
            return replace(self, calls=self.calls + calls)
        if self.minute is None or minute > self.minute:
            follows = self.minute is not None and minute - self.minute == _A_MINUTE
            return CallRate(minute, calls, self.calls if follows else 0)
        if self.minute - minute == _A_MINUTE:
            return replace(self, calls_before=self.calls_before + calls)
        return self

    def per_second(self, now: datetime) -> float:
        """Return the rate of the last full minute; 0 without a report for two minutes."""
        if self.minute is None or now - self.minute >= _GOES_STALE:
            return 0.0
        full = self.calls if now - self.minute >= _A_MINUTE else self.calls_before
        return full / _A_MINUTE.total_seconds()
