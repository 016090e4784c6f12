from __future__ import annotations

from datetime import date, timedelta

import pytest

from kit.people import NOW
from watchword.control.activity.usage_queries import Day, InUse, OutcomeCount, ProfileSeen
from watchword.control.base.times import spoken
from watchword.control.web.activity.presentation import (
    CHART_HEIGHT,
    Gauge,
    chart,
    gauge,
    refused,
    shown,
    spoken_rate,
    spoken_use,
)

FIRST = date(2026, 11, 1)
NOTHING_SAID = {
    "issuer": None, "audience": None, "client_claim": None, "client_id": None, "kid": None, "alg": None, "typ": None,
}  # fmt: skip


def days(*calls: tuple[int, int]) -> list[Day]:
    return [Day(FIRST + timedelta(days=number), *counts) for number, counts in enumerate(calls)]


@pytest.mark.parametrize(
    ("calls", "threshold", "expected"),
    [
        (0, 1000, Gauge(0, "good", "0 of 1,000", "0 %")),
        (1, 1000, Gauge(1, "good", "1 of 1,000", "0 %")),
        (799, 1000, Gauge(79, "good", "799 of 1,000", "79 %")),
        (800, 1000, Gauge(80, "warn", "800 of 1,000", "80 %")),
        (1000, 1000, Gauge(100, "warn", "1,000 of 1,000", "100 %")),
        (25_000, 1000, Gauge(100, "bad", "25,000 of 1,000", "2,500 %")),
        (1234, None, Gauge(0, "good", "1,234", None)),
    ],
)
def test_bar_length_equals_its_percentage(calls: int, threshold: int | None, expected: Gauge) -> None:
    assert gauge(calls, threshold) == expected


def test_the_highest_day_reaches_the_top_and_every_call_can_be_seen() -> None:
    drawn = chart(days((100_000, 0), (1, 1), (0, 0)), None)

    high, low, none = drawn.bars
    assert (high.allowed_y, high.allowed_height) == (0, CHART_HEIGHT)
    assert (low.allowed_height, low.denied_height) == (1, 1)
    assert (none.allowed_height, none.denied_height) == (0, 0)
    assert (drawn.top, drawn.threshold_y, drawn.calls) == (100_000, None, 100_002)


def test_no_bar_leaves_the_chart() -> None:
    for bar in chart(days((1, 10**9), (10**9, 1), (5 * 10**8, 5 * 10**8)), None).bars:
        assert 0 <= bar.denied_y <= bar.allowed_y <= CHART_HEIGHT
        assert bar.allowed_y + bar.allowed_height == CHART_HEIGHT


@pytest.mark.parametrize(
    ("highest", "ticks"),
    [
        (1, (4, 3, 2, 1, 0)), (4, (4, 3, 2, 1, 0)), (5, (8, 6, 4, 2, 0)), (20, (20, 15, 10, 5, 0)),
        (21, (40, 30, 20, 10, 0)), (100, (100, 75, 50, 25, 0)), (101, (200, 150, 100, 50, 0)),
        (8_012, (10_000, 7_500, 5_000, 2_500, 0)), (10**15, (10**15, 75 * 10**13, 5 * 10**14, 25 * 10**13, 0)),
    ],
)  # fmt: skip
def test_field_p_the_axis_has_round_numbers_at_their_height(highest: int, ticks: tuple[int, ...]) -> None:
    drawn = chart(days((highest, 0), (0, 0)), None)
    assert tuple(tick.calls for tick in drawn.ticks) == ticks
    assert [tick.y for tick in drawn.ticks] == [0, 30, 60, 90, 120]
    for tick in drawn.ticks:
        assert tick.y == CHART_HEIGHT - tick.calls * CHART_HEIGHT // ticks[0]
    assert drawn.bars[0].allowed_height == round(highest * CHART_HEIGHT / ticks[0])


def test_the_threshold_is_a_line_where_it_does_not_make_the_days_flat() -> None:
    assert chart(days((100, 0)), 200).threshold_y == 0
    assert chart(days((100, 0)), 50).threshold_y == CHART_HEIGHT // 2
    assert chart(days((100, 0)), 201).threshold_y is None
    assert chart(days((0, 0)), 10).threshold_y is None


def test_reason_is_shown_as_its_public_sentence() -> None:
    expired, gone = refused(
        [
            OutcomeCount(None, 5, NOW),
            OutcomeCount("token_expired", 3, NOW),
            OutcomeCount("reason_of_old", 1, NOW),
        ]
    )

    assert (expired.sentence, expired.status, expired.calls) == ("The access token has expired.", 401, 3)
    assert (gone.sentence, gone.status) == ("Reason of old", None)
    assert expired.seen_by_clients is gone.seen_by_clients is None


def test_hidden_reason_is_shown_with_the_one_that_clients_get() -> None:
    codes = ("key_algorithm_mismatch", "signature_invalid", "no_matching_key")
    rows = refused([OutcomeCount(code, 1, NOW) for code in codes])
    assert [row.seen_by_clients for row in rows] == ["no_matching_key", "no_matching_key", None]


def test_profile_shows_client_and_key() -> None:
    said = NOTHING_SAID | {"client_claim": "appid", "client_id": "app-1", "alg": "ES256", "typ": "at+jwt"}
    allowed = shown(ProfileSeen(outcome=None, read="profile", calls=1, last_at=NOW, **said))
    refused_now = shown(
        ProfileSeen(
            outcome="reason_of_old", read="profile", calls=1, last_at=NOW, **NOTHING_SAID | {"client_claim": "cid"}
        )
    )

    assert (allowed.sentence, allowed.client, allowed.key) == (None, "appid = app-1", "ES256 · at+jwt")
    assert (refused_now.sentence, refused_now.client, refused_now.key) == ("Reason of old", "cid = no text", None)


def test_rates_and_use_are_formatted() -> None:
    assert [spoken_rate(rate) for rate in (None, 0.0, 9.94, 10, 12_345.6)] == [None, "0.0", "9.9", "10", "12,346"]
    assert spoken_use(InUse(1, NOW)) == f"1 request in 24 hours, the last on {spoken(NOW)}."
    assert spoken_use(InUse(1204, NOW)) == f"1,204 requests in 24 hours, the last on {spoken(NOW)}."
