"""How numbers of calls are shown: bars, a chart as SVG, words. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from watchword.control.base.times import spoken
from watchword.core.decision import Reason

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

    from watchword.control.activity.usage_queries import Day, InUse, OutcomeCount, ProfileSeen

CHART_WIDTH: Final = 744
CHART_HEIGHT: Final = 120
BAR_WIDTH: Final = 18
STEP: Final = 24
TICKS: Final = 4

_WARNED_AT: Final = 80
_WHOLE_FROM: Final = 10
_ALL: Final = 100
_REASONS: Final = {reason.code: reason for reason in Reason}


@dataclass(frozen=True, slots=True)
class Gauge:
    """Calls against a threshold.

    Attributes:
        width: of the bar, 0 to 100; never 0 when there were calls.
        tone: good, warn or bad.
        words: such as `8,012 of 10,000`.
        percent: such as `80 %`; None without a threshold.
    """

    width: int
    tone: str
    words: str
    percent: str | None


def gauge(calls: int, threshold: int | None) -> Gauge:
    if threshold is None:
        return Gauge(0, "good", f"{calls:,}", None)
    percent = calls * _ALL // threshold
    tone = "bad" if calls > threshold else "warn" if percent >= _WARNED_AT else "good"
    return Gauge(min(_ALL, max(percent, 1 if calls else 0)), tone, f"{calls:,} of {threshold:,}", f"{percent:,} %")


def spoken_rate(rate: float | None) -> str | None:
    """Requests per second as people read them; None for a verifier that says nothing."""
    if rate is None:
        return None
    return f"{rate:,.0f}" if rate >= _WHOLE_FROM else f"{rate:.1f}"


def spoken_use(use: InUse) -> str:
    """How much a server is used, as a sentence: `1,204 requests in 24 hours, the last on 1 May 2026, 09:30 UTC.`"""
    requests = "1 request" if use.requests == 1 else f"{use.requests:,} requests"
    return f"{requests} in 24 hours, the last on {spoken(use.last_at)}."


@dataclass(frozen=True, slots=True)
class Bar:
    """One day of the chart: two boxes, the refused calls on top of the allowed ones."""

    day: date
    allowed: int
    denied: int
    x: int
    allowed_y: int
    allowed_height: int
    denied_y: int
    denied_height: int


@dataclass(frozen=True, slots=True)
class Tick:
    """One number on the axis of calls."""

    calls: int
    y: int


@dataclass(frozen=True, slots=True)
class Chart:
    """The bars, and a line where the threshold is; None when it is far above every bar, or there is none.

    Attributes:
        top: what the highest bar stands for.
        ticks: numbers of calls along the axis, the highest first, with the lines at their height.
    """

    bars: tuple[Bar, ...]
    top: int
    threshold_y: int | None
    ticks: tuple[Tick, ...]
    width: int = CHART_WIDTH
    height: int = CHART_HEIGHT
    bar_width: int = BAR_WIDTH

    @property
    def calls(self) -> int:
        return sum(bar.allowed + bar.denied for bar in self.bars)


def chart(days: Sequence[Day], threshold: int | None) -> Chart:
    """The geometry of the days, oldest first."""
    top = max((day.allowed + day.denied for day in days), default=0)
    # A threshold up to twice as high as the highest day is shown; beyond that the days would be flat.
    shown = threshold is not None and top < threshold <= 2 * top
    step = _tick_step(threshold if shown and threshold is not None else top)
    scale = step * TICKS

    def height(calls: int) -> int:
        return max(round(calls * CHART_HEIGHT / scale), 1 if calls else 0)

    bars = []
    for number, day in enumerate(days):
        allowed, denied = height(day.allowed), height(day.denied)
        bars.append(
            Bar(
                day=day.day,
                allowed=day.allowed,
                denied=day.denied,
                x=number * STEP + (STEP - BAR_WIDTH) // 2,
                allowed_y=CHART_HEIGHT - allowed,
                allowed_height=allowed,
                denied_y=max(CHART_HEIGHT - allowed - denied, 0),
                denied_height=denied,
            )
        )
    line = None
    if threshold is not None and threshold <= scale:
        line = CHART_HEIGHT - height(threshold)
    ticks = tuple(Tick(step * number, CHART_HEIGHT * (TICKS - number) // TICKS) for number in range(TICKS, -1, -1))
    return Chart(tuple(bars), top, line, ticks)


def _tick_step(highest: int) -> int:
    """The smallest round number whose multiples on the axis reach the highest value: 1, 2, 5, 10, 20, 25, 50, 100 …"""
    step, power = 1, 1
    while step * TICKS < highest:
        if step == 5 * power:
            power *= 10
            step = power
        else:
            rounds = [first * power // 10 for first in (10, 20, 25, 50) if first * power % 10 == 0]
            step = next(number for number in rounds if number > step)
    return step


@dataclass(frozen=True, slots=True)
class ShownOutcome:
    """Why calls were refused. `seen_by_clients` is the code that clients got, None where it is the same."""

    code: str
    seen_by_clients: str | None
    sentence: str
    status: int | None
    calls: int
    last_at: datetime


def refused(counts: Sequence[OutcomeCount]) -> tuple[ShownOutcome, ...]:
    """Those that were refused, as they came."""
    return tuple(_outcome(count) for count in counts if count.outcome is not None)


def _outcome(count: OutcomeCount) -> ShownOutcome:
    code = count.outcome or ""
    reason = _REASONS.get(code)
    # A reason of an earlier version has no sentence any more.
    sentence = code.replace("_", " ").capitalize() if reason is None else reason.sentence
    public = None if reason is None or reason.public is reason else reason.public.code
    return ShownOutcome(code, public, sentence, None if reason is None else reason.status, count.calls, count.last_at)


@dataclass(frozen=True, slots=True)
class ShownProfile:
    """A profile with the sentence of its outcome, None for allowed, and what it says of its client in one text."""

    seen: ProfileSeen
    sentence: str | None
    client: str | None
    key: str | None


def shown(seen: ProfileSeen) -> ShownProfile:
    reason = None if seen.outcome is None else _REASONS.get(seen.outcome)
    sentence = None if seen.outcome is None else seen.outcome.replace("_", " ").capitalize()
    client = None if seen.client_claim is None else f"{seen.client_claim} = {seen.client_id or 'no text'}"
    said = [value for value in (seen.alg, seen.typ) if value is not None]
    return ShownProfile(seen, sentence if reason is None else reason.sentence, client, " · ".join(said) or None)
