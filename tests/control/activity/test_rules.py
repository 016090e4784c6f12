from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from watchword.control.activity.rules import CallRate, counted_at, reached, today

NOON = datetime(2026, 11, 25, 12, 0, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def test_a_day_begins_at_midnight_utc_everywhere() -> None:
    just_before = datetime(2026, 11, 26, 0, 59, tzinfo=timezone(timedelta(hours=1)))

    assert today(just_before) == date(2026, 11, 25)
    assert today(just_before + MINUTE) == date(2026, 11, 26)


def test_calls_count_for_their_minute() -> None:
    assert counted_at(int(NOON.timestamp()) - 3601, NOON, 31) == datetime(2026, 11, 25, 11, 0, tzinfo=UTC)


def test_fast_clock_does_not_count_for_tomorrow() -> None:
    assert counted_at(int(NOON.timestamp()) + 86_400, NOON, 31) == NOON.replace(second=0)


def test_calls_older_than_kept_days_do_not_count() -> None:
    oldest = int((NOON - timedelta(days=2)).timestamp())

    assert counted_at(oldest, NOON, 2) is None
    assert counted_at(oldest + 1, NOON, 2) is not None


@pytest.mark.parametrize(
    ("calls", "percent"),
    [(0, 0), (499, 0), (500, 50), (799, 50), (800, 80), (1000, 80), (1001, 100), (10**9, 100)],
)
def test_the_call_after_the_last_one_allowed_crosses_the_threshold(calls: int, percent: int) -> None:
    assert reached(calls, 1000) == percent


def test_without_a_threshold_nothing_is_reached() -> None:
    assert reached(10**12, None) == 0


def test_a_threshold_of_one_is_crossed_by_the_second_call() -> None:
    assert [reached(calls, 1) for calls in (0, 1, 2)] == [0, 80, 100]


def test_call_rate_is_of_the_last_full_minute() -> None:
    begin = NOON.replace(second=0)
    pace = CallRate(None, 0, 0).after(begin, 60).after(begin, 60).after(begin + MINUTE, 7)

    assert pace == CallRate(begin + MINUTE, 7, 120)
    assert pace.per_second(begin + MINUTE) == 2.0
    assert pace.per_second(begin + 2 * MINUTE) == 7 / 60
    assert pace.per_second(begin + 3 * MINUTE) == 0.0
    assert CallRate(None, 0, 0).per_second(begin) == 0.0


def test_call_rate_with_gaps_and_late_counts() -> None:
    begin = NOON.replace(second=0)
    pace = CallRate(begin, 5, 0).after(begin + 2 * MINUTE, 6)

    assert pace == CallRate(begin + 2 * MINUTE, 6, 0)
    assert pace.after(begin + MINUTE, 3) == CallRate(begin + 2 * MINUTE, 6, 3)
    assert pace.after(begin, 3) == pace
