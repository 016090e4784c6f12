"""When to fetch a key set again, and how long its keys may be used. Pure: time and random numbers are arguments."""

from __future__ import annotations

from typing import Final

REFRESH_INTERVAL: Final = 300
"""Seconds between two background fetches of a key set whose server sends no max-age."""

MAX_AGE_BOUNDS: Final = (60, 900)
"""The bounds of a server's max-age in seconds: neither too many requests nor outdated keys (J-23)."""

FIRST_RETRY: Final = 15
"""Seconds until the first retry after a failed fetch; doubled with each further failure, up to the interval."""

FORCED_COOL_DOWN: Final = 30
"""Seconds between two forced fetches of one key set, however many unknown key IDs are reported (J-16)."""

REPEATED_COOL_DOWN: Final = 10
"""Seconds after which one more fetch may be forced for a kid that more than one token named. Kids made up for each
token cannot use these fetches up (docs/decisions/0006)."""

REPEATED_AT_ONCE: Final = 4
"""How many such fetches may accumulate."""

REPEATED_APART: Final = 0.5
"""Minimum seconds between the start of the last fetch and one forced for a repeated kid."""

HEAD_START: Final = 30
"""Seconds by which a fetch that a client waits for precedes background fetches. A background fetch that is overdue for
longer still comes first, so that no flood of requests starves the background refresh (J-16)."""

STALE_AFTER: Final = 900
"""Seconds since the last good fetch after which a key set is shown as stale."""

HARD_LIMIT: Final = 86_400
"""Seconds since the last good fetch after which its keys are no longer used."""


def next_due(now: float, *, max_age: int | None, interval: int = REFRESH_INTERVAL, jitter: float) -> float:
    """When to fetch again after a good fetch, in Unix seconds.

    Args:
        now: Unix seconds.
        max_age: the server's max-age in seconds, as sent; None if it sent none.
        interval: the operator's setting in seconds, used without a max-age.
        jitter: a random number in [0, 1), spread to ±10 % so that key sets fetched together drift apart.
    """
    if max_age is None:
        return now + _spread(interval, jitter)
    lowest, highest = MAX_AGE_BOUNDS
    # Clamped before the spread because a huge integer would overflow a float, and after it to stay within the bounds.
    return now + min(max(_spread(min(max(max_age, lowest), highest), jitter), lowest), highest)


def after_failure(now: float, failures: int, *, interval: int = REFRESH_INTERVAL, jitter: float) -> float:
    """When to try again after the `failures`-th failed fetch in a row (1 is the first), in Unix seconds.

    A failing server gets retries sooner than the interval, since its keys grow old: after 15, 30, 60 … seconds, each
    ±10 %, up to the interval.
    """
    doublings = min(max(failures - 1, 0), 16)
    return now + min(_spread(FIRST_RETRY * 2**doublings, jitter), interval)


def may_force(now: float, last_forced: float | None) -> bool:
    """Whether a fetch may be forced now. The caller stores `now` as `last_forced` before it fetches, not after.

    A time in the future, left by a clock that was set back, does not block the key set.
    """
    return last_forced is None or not 0 <= now - last_forced < FORCED_COOL_DOWN


def spend_on_repeated_kid(now: float, spent_until: float | None) -> float | None:
    """Use one of the fetches that repeated kids may force; returns the new `spent_until`, or None if none is left.

    Args:
        now: Unix seconds.
        spent_until: until when earlier fetches count, each for `REPEATED_COOL_DOWN`; None if there were none. A value
            too far in the future was left by a clock that was set back and counts as none.
    """
    reach = REPEATED_COOL_DOWN * REPEATED_AT_ONCE
    begun = now if spent_until is None or not now < spent_until <= now + reach else spent_until
    return begun + REPEATED_COOL_DOWN if begun + REPEATED_COOL_DOWN <= now + reach else None


def is_stale(now: float, fetched_at: float) -> bool:
    return now - fetched_at >= STALE_AFTER


def extend_good_until(good_until: int | None, *, fetched_at: float, hard_limit: int = HARD_LIMIT) -> int:
    """Until when the keys may be used after a good fetch that brought no new keys, in Unix seconds.

    The value is part of trust, so each new value is a change for every verifier. So it stays the same until a third of
    the limit is used up. A lowered limit takes effect at once.

    Args:
        good_until: the current value; None if there is none.
        fetched_at: Unix seconds of the good fetch.
        hard_limit: seconds.
    """
    fresh = int(fetched_at) + hard_limit
    if good_until is None or good_until > fresh or 3 * (fresh - good_until) >= hard_limit:
        return fresh
    return good_until


def _spread(seconds: int, jitter: float) -> float:
    return seconds * (0.9 + 0.2 * jitter)
