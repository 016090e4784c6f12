"""How many calls a verifier's credential may report: FK-06."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from kit.people import NOW
from kit.usage import batch, line
from watchword.control.activity.batches import decode_batch
from watchword.control.activity.plausibility import (
    MARGIN_SECONDS,
    MOST_PER_SECOND,
    Allowance,
    fits_elapsed_time,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

NOON = NOW.replace(hour=12, minute=0, second=0)
SECOND = timedelta(seconds=1)
MARGIN = MARGIN_SECONDS * MOST_PER_SECOND
HOUR = 3600 * MOST_PER_SECOND


@pytest.mark.parametrize(
    ("minutes_ago_and_calls", "fits"),
    [
        ([(0, MARGIN)], True),
        ([(0, MARGIN + 1)], False),
        # A clock that is ahead makes no time.
        ([(-60, MARGIN + 1)], False),
        ([(60, MARGIN + HOUR)], True),
        ([(60, MARGIN + HOUR + 1)], False),
        # Each line could be true, but not both: both were decided within the hour.
        ([(60, HOUR), (30, MARGIN + 1)], False),
        ([(30, MARGIN + 1), (60, HOUR)], False),
        ([(60, HOUR), (30, MARGIN)], True),
        ([(60, HOUR), (0, MARGIN + 1)], False),
    ],
)
def test_fk_06_calls_fit_into_the_time_since_they_began(
    minutes_ago_and_calls: Sequence[tuple[int, int]], *, fits: bool
) -> None:
    lines = [line(NOON - timedelta(minutes=ago), calls) for ago, calls in minutes_ago_and_calls]
    assert fits_elapsed_time(decode_batch(batch(1, *lines)).lines, NOON) is fits


def test_fk_06_allowance_grows_with_time_and_fades_when_unused() -> None:
    empty = Allowance(0, NOON)
    assert empty.without(MARGIN) == empty
    assert empty.without(MARGIN + 1) is None
    assert empty.at(NOON + SECOND) == Allowance(MOST_PER_SECOND, NOON + SECOND)
    assert empty.at(NOON - SECOND) == empty
    assert Allowance(1000, NOON).without(400) == Allowance(600, NOON)
    # An hour's outage: what waited may arrive within minutes, and not whenever.
    waited = empty.at(NOON + timedelta(hours=1))
    assert waited.calls == HOUR
    later = waited.at(waited.as_of + timedelta(minutes=5))
    assert later.calls == HOUR // 2 + 300 * MOST_PER_SECOND
    steady = empty
    for seconds in range(1, 10_000):
        steady = steady.at(NOON + seconds * SECOND)
    assert steady.calls < 600 * MOST_PER_SECOND
