"""When a key set is fetched and how long it is believed: jwks/schedule.py."""

from __future__ import annotations

from functools import partial
from typing import Final

from mutants.mutant import Mutant

_schedule = partial(Mutant, "jwks/schedule.py")

_TESTS: Final = "jwks/test_schedule.py::"
_FORCED: Final = (_TESTS + "test_forced_fetches_are_30_seconds_apart",)
_REPEATED: Final = (_TESTS + "test_four_fetches_for_repeated_kids_can_be_saved_up",)
_EXTENDED: Final = (_TESTS + "test_trust_in_unchanged_keys_is_extended_in_large_steps",)
_DUE: Final = (_TESTS + "test_next_refresh_follows_max_age",)
_RETRIES: Final = (_TESTS + "test_failing_servers_are_tried_less_often",)

MUTANTS: Final[tuple[Mutant, ...]] = (
    _schedule("the cool-down", "return last_forced is None or not 0 <= now - last_forced < FORCED_COOL_DOWN",
              "return True", _FORCED),
    _schedule("a first forced fetch", "last_forced is None or not 0", "last_forced is not None and not 0", _FORCED),
    _schedule("a stamp in the future being harmless", "not 0 <= now - last_forced <", "not now - last_forced <",
              _FORCED),
    _schedule("the end of the cool-down", "< FORCED_COOL_DOWN", "<= FORCED_COOL_DOWN", _FORCED),
    _schedule("the allowance of repeated kids",
              "return begun + REPEATED_COOL_DOWN if begun + REPEATED_COOL_DOWN <= now + reach else None",
              "return begun + REPEATED_COOL_DOWN", _REPEATED),
    _schedule("the last of the allowance", "<= now + reach else None", "< now + reach else None", _REPEATED),
    _schedule("what was spent already", "spent_until is None or not now < spent_until <= now + reach", "True",
              _REPEATED),
    _schedule("an allowance that comes back", "not now < spent_until <= now + reach", "not spent_until <= now + reach",
              _REPEATED),
    _schedule("a mark in the future being harmless", "not now < spent_until <= now + reach", "not now < spent_until",
              _REPEATED),
    _schedule("stale key sets", "return now - fetched_at >= STALE_AFTER", "return False",
              (_TESTS + "test_key_set_is_stale_after_15_minutes",)),
    _schedule("the least max-age", "jitter), lowest), highest)", "jitter), 0), highest)", _DUE),
    _schedule("the greatest max-age", "jitter), lowest), highest)", "jitter), lowest), 1e9)", _DUE),
    _schedule("a bound before the spread", "min(max(max_age, lowest), highest)", "max(max_age, lowest)", _DUE),
    _schedule("the bound on retries", "min(_spread(FIRST_RETRY * 2**doublings, jitter), interval)",
              "_spread(FIRST_RETRY * 2**doublings, jitter)",
              (_TESTS + "test_retries_drift_apart_but_never_beyond_the_interval", *_RETRIES)),
    _schedule("the doubling of retries", "FIRST_RETRY * 2**doublings", "FIRST_RETRY", _RETRIES),
    _schedule("a lowered limit at once", "good_until > fresh or ", "", _EXTENDED),
    _schedule("a first limit", "good_until is None or ", "good_until is not None and ", _EXTENDED),
    _schedule("large steps", " or 3 * (fresh - good_until) >= hard_limit", " or True", _EXTENDED),
    _schedule("steps at all", " or 3 * (fresh - good_until) >= hard_limit", "", _EXTENDED),
)  # fmt: skip
