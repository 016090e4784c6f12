from __future__ import annotations

import pytest

from kit.forge import NOW
from watchword.jwks.schedule import (
    HARD_LIMIT,
    after_failure,
    extend_good_until,
    is_stale,
    may_force,
    next_due,
    spend_on_repeated_kid,
)

MIDDLE = 0.5


@pytest.mark.parametrize(
    ("max_age", "jitter", "seconds"),
    [
        (None, 0.0, 270),
        (None, MIDDLE, 300),
        (None, 0.999_999, 330),
        (600, MIDDLE, 600),
        (600, 0.0, 540),
        # J-23: invalid values are clamped, and the jitter stays within the bounds.
        (0, MIDDLE, 60),
        (60, 0.0, 60),
        (-5, MIDDLE, 60),
        (900, 0.999_999, 900),
        (31_536_000, MIDDLE, 900),
        (10**400, MIDDLE, 900),
    ],
)
def test_next_refresh_follows_max_age(max_age: int | None, jitter: float, seconds: int) -> None:
    assert next_due(NOW, max_age=max_age, jitter=jitter) - NOW == pytest.approx(seconds, abs=0.01)


def test_setting_is_the_interval_without_max_age() -> None:
    assert next_due(NOW, max_age=None, interval=30, jitter=MIDDLE) == NOW + 30
    assert next_due(NOW, max_age=120, interval=30, jitter=MIDDLE) == NOW + 120


@pytest.mark.parametrize(
    ("failures", "seconds"), [(0, 15), (1, 15), (2, 30), (3, 60), (4, 120), (5, 240), (6, 300), (7, 300), (10_000, 300)]
)
def test_failing_servers_are_tried_less_often(failures: int, seconds: int) -> None:
    assert after_failure(NOW, failures, jitter=MIDDLE) - NOW == pytest.approx(seconds)


def test_retries_drift_apart_but_never_beyond_the_interval() -> None:
    assert after_failure(NOW, 1, jitter=0.0) - NOW == pytest.approx(13.5)
    assert after_failure(NOW, 9, jitter=0.999) - NOW == 300
    assert after_failure(NOW, 9, interval=20, jitter=MIDDLE) - NOW == 20


@pytest.mark.parametrize(
    ("last_forced", "may"),
    [(None, True), (NOW, False), (NOW - 29.9, False), (NOW - 30, True), (NOW + 5, True)],
)
def test_forced_fetches_are_30_seconds_apart(last_forced: float | None, *, may: bool) -> None:
    assert may_force(NOW, last_forced) is may


@pytest.mark.parametrize(
    ("spent_until", "afterwards"),
    [
        (None, NOW + 10),
        (NOW - 5, NOW + 10),
        (NOW + 10, NOW + 20),
        (NOW + 30, NOW + 40),
        (NOW + 30.1, None),
        (NOW + 40, None),
        # Left by a clock that was set back.
        (NOW + 40.1, NOW + 10),
    ],
)
def test_four_fetches_for_repeated_kids_can_be_saved_up(spent_until: float | None, afterwards: float | None) -> None:
    assert spend_on_repeated_kid(NOW, spent_until) == afterwards


def test_key_set_is_stale_after_15_minutes() -> None:
    assert not is_stale(NOW, NOW - 899)
    assert is_stale(NOW, NOW - 900)


@pytest.mark.parametrize(
    ("good_until", "extended"),
    [
        (None, NOW + HARD_LIMIT),
        (NOW + HARD_LIMIT, NOW + HARD_LIMIT),
        # Nothing is sent to the verifiers until a third, 8 hours, is used up.
        (NOW + HARD_LIMIT - 28_799, NOW + HARD_LIMIT - 28_799),
        (NOW + HARD_LIMIT - 28_800, NOW + HARD_LIMIT),
        (NOW - 1, NOW + HARD_LIMIT),
        # The operator lowered the limit, or the clock was set back.
        (NOW + HARD_LIMIT + 1, NOW + HARD_LIMIT),
    ],
)
def test_trust_in_unchanged_keys_is_extended_in_large_steps(good_until: int | None, extended: int) -> None:
    assert extend_good_until(good_until, fetched_at=NOW + 0.9) == extended


def test_hard_limit_is_a_setting() -> None:
    assert extend_good_until(NOW + 200, fetched_at=NOW, hard_limit=300) == NOW + 300
    assert extend_good_until(NOW + 201, fetched_at=NOW, hard_limit=300) == NOW + 201
