from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from watchword.control.base.times import duration, spoken


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(seconds=59), "less than a minute"),
        (timedelta(minutes=1), "1 minute"),
        (timedelta(minutes=119, seconds=59), "119 minutes"),
        (timedelta(hours=2), "2 hours"),
        (timedelta(hours=47, minutes=59), "47 hours"),
        (timedelta(hours=48), "2 days"),
        (timedelta(days=41), "41 days"),
    ],
)
def test_duration_is_rounded_down_to_full_units(span: timedelta, words: str) -> None:
    assert duration(span) == words


def test_spoken_is_in_utc() -> None:
    assert spoken(datetime(2026, 12, 1, 9, 5, tzinfo=UTC)) == "1 December 2026, 09:05 UTC"
    assert spoken(datetime(2026, 12, 1, 1, 5, tzinfo=timezone(timedelta(hours=2)))) == "30 November 2026, 23:05 UTC"
