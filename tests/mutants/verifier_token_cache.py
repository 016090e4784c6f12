"""The cache of accepted tokens: verifier/token_cache.py."""

from __future__ import annotations

from functools import partial
from typing import Final

from mutants.mutant import Mutant

_cache = partial(Mutant, "verifier/token_cache.py")

_TESTS: Final = "verifier/test_token_cache.py::"
_TRUST: Final = (_TESTS + "test_m04_m07_after_a_change_of_trust_the_new_trust_decides",)
_ENDS: Final = (_TESTS + "test_c04_what_is_remembered_ends_with",)
_BEGINS: Final = (_TESTS + "test_a_clock_that_was_set_back_makes_nothing_good_before",)
_SPELLED: Final = (_TESTS + "test_m02_no_organization_can_be_spelled_into_anothers_entry",)
_BOUNDED: Final = (_TESTS + "test_c13_the_memory_is_bounded_whatever_the_tokens_say",)
_KEY: Final = "        key = (organization, token)"

MUTANTS: Final[tuple[Mutant, ...]] = (
    _cache("the trust that it was decided by",
              " or entry.trust is not organizations.get(entry.organization)", "", _TRUST),
    _cache("the end of what holds", "<= now < entry.good_until", "<= now", _ENDS),
    _cache("the second of the end", "now < entry.good_until", "now <= entry.good_until", _ENDS),
    _cache("the beginning of what holds", "entry.good_from <= now < entry", "now < entry", _BEGINS),
    _cache("the organization in the key of what is kept", "self._put((organization, token), entry)",
              "self._put(('', token), entry)", _SPELLED),
    _cache("the organization in the key of what is sought", f"{_KEY}\n        young",
              "        key = ('acme', token)\n        young", _SPELLED),
    _cache("a key of its own where the token names the organization", f"{_KEY}\n        young",
              "        key = (organization or 'acme', token)\n        young", _SPELLED),
    _cache("separate parts of a key", f"{_KEY}\n        young",
              "        key = ((organization or '') + token, '')\n        young", _SPELLED),
    _cache("the bound on a generation",
              "if self._generations[0].size + size > self._generation_bytes:", "if False:", _BOUNDED),
    _cache("the size of an entry alone", "if size > self._generation_bytes:", "if False:",
              (_TESTS + "test_a_token_too_large_for_the_memory_is_decided_each_time",)),
    _cache("the move of what is used to the younger generation", "            self._put(key, entry)\n",
              "            pass\n",
              (_TESTS + "test_what_is_not_asked_for_is_forgotten_with_the_second_turn",)),
    _cache("an end of the older generation", "(_Generation(), self._generations[0])",
              "(_Generation(), self._generations[1])",
              (_TESTS + "test_what_is_not_asked_for_is_forgotten_with_the_second_turn",)),
)  # fmt: skip
