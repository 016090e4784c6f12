from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from watchword.control.base.times import elapsed, relative

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "under a minute"),
        (59, "under a minute"),
        (60, "1 min"),
        (14 * 60 + 59, "14 min"),
        (3600, "1 h"),
        (47 * 3600, "47 h"),
        (48 * 3600, "2 days"),
        (41 * 86400, "41 days"),
    ],
)
def test_elapsed_uses_largest_sensible_unit(seconds: int, words: str) -> None:
    assert elapsed(seconds) == words


@pytest.mark.parametrize(
    ("ago", "words"), [(0, "just now"), (59, "just now"), (-5, "just now"), (120, "2 min ago"), (-7200, "in 2 h")]
)
def test_relative_time_counts_from_now(ago: int, words: str) -> None:
    assert relative(NOW - timedelta(seconds=ago), NOW) == words
