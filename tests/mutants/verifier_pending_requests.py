"""Requests that wait for a key: verifier/pending_requests.py, unknown_keys.py, and what app.py lets wait."""

from __future__ import annotations

from functools import partial
from typing import Final

from mutants.mutant import Mutant

_app = partial(Mutant, "verifier/app.py")
_pending = partial(Mutant, "verifier/pending_requests.py")
_unknown = partial(Mutant, "verifier/unknown_keys.py")

_PUBLIC: Final = "verifier/test_public_reasons.py::"
_ALIKE: Final = (_PUBLIC + "test_fj_01_made_up_tokens_wait_alike_for_all_organizations",)
_REPORTS: Final = (_PUBLIC + "test_fj_01_nothing_is_reported_of_organizations_whose_keys_cannot_come",)
_STATES: Final = ("verifier/test_unknown_keys.py::test_fj_01_unreported_keys_wait_alike_and_are_never_reported",)
_LIMITS: Final = (_PUBLIC + "test_fj_01_unknown_organizations_use_up_no_places_of_real_ones",)
_ROLE: Final = ("verifier/test_required_role.py::test_fl_05_request_that_waited_for_its_key_needs_the_role_too",)

MUTANTS: Final[tuple[Mutant, ...]] = (
    _app("the wait for unknown organizations", "isinstance(decision, Deny) and decision.kid is not None",
         "isinstance(decision, Deny) and decision.unknown_kid is not None", _ALIKE),
    _app("the difference between keys that may come and those that cannot", "report=key_may_arrive", "report=True",
         _REPORTS),
    _unknown("state of their own", "self._reported if report else self._unreported", "self._reported", _STATES),
    _pending("limits of their own", "self._totals[request.key_may_arrive] >= MAX_TOTAL",
             "len(self._requests) >= MAX_TOTAL", _LIMITS),
    _pending("a total for those limits", "self._totals[request.key_may_arrive] += 1", "pass", _LIMITS),
    _app("the cloud name after the wait", "            cloud_name=self._cloud_name,\n        )\n\n    def _deliver",
         "        )\n\n    def _deliver", _ROLE),
)  # fmt: skip
