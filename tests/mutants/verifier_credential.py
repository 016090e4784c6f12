"""The credential that a running verifier reads again: verifier/feed_client/http.py."""

from __future__ import annotations

from functools import partial
from typing import Final

from mutants.mutant import Mutant

_credential = partial(Mutant, "verifier/feed_client/http.py")

_TESTS: Final = "verifier/feed_client/test_credential.py::"
_REPLACED: Final = (_TESTS + "test_replaced_file_is_used_from_the_next_request_on",)
_UNUSABLE: Final = (_TESTS + "test_unusable_file_leaves_the_last_credential_in_use",)

MUTANTS: Final[tuple[Mutant, ...]] = (
    _credential("the look at the file for each request", "secret = self._read()", "secret = self._last", _REPLACED),
    _credential("the last credential while the file is unusable", "return self._last", "raise", _UNUSABLE),
    _credential("the memory of a replaced credential", "self._last = secret", "pass", _REPLACED),
)
