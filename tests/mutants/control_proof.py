"""Which changes need proof, and how long it counts: control/identity/proof_rules.py."""

from __future__ import annotations

from functools import partial
from typing import Final

from mutants.mutant import Mutant

_proof = partial(Mutant, "control/identity/proof_rules.py")

_RULES: Final = "control/identity/test_proof_rules.py::"
_RECENT: Final = (_RULES + "test_p_32_recent_proof",)

MUTANTS: Final[tuple[Mutant, ...]] = (
    _proof("the proof of an action in no table", "return action not in NEEDS_NONE", "return action in NEEDS_PROOF",
           (_RULES + "test_action_in_no_table_needs_proof",)),
    _proof("the end of a proof", " <= now - proven_at < lifetime", " <= now - proven_at", _RECENT),
    _proof("the last instant of a proof", "< lifetime", "<= lifetime", _RECENT),
    _proof("the bound on a clock that was set back", "-CLOCK_DIFFERENCE <= now", "now", _RECENT),
    _proof("the need of any proof", "proven_at is not None and", "proven_at is None or",
           (_RULES + "test_session_without_proof",)),
)  # fmt: skip
