"""Proof before changes, where the session decides: who needs it, and what gives it."""

from __future__ import annotations

from functools import partial
from typing import Final

from mutants.mutant import Mutant

_rights = partial(Mutant, "control/identity/rights.py", with_django=True)
_commands = partial(Mutant, "control/identity/proof_commands.py", with_django=True)

_PROOF: Final = "control/identity/test_proof.py::"
_FACTOR: Final = "control/identity/factors/test_proof_by_factor.py::"
_NEEDED: Final = (_PROOF + "test_p_31_change_is_refused_without_recent_proof",)
_RESET: Final = (_PROOF + "test_success_resets_the_delay",)

MUTANTS: Final[tuple[Mutant, ...]] = (
    _rights("the need of proof", "if needs_proof(action) and not is_recent(session.proven_at, now, PROOF_LIFETIME):",
            "if False:", _NEEDED),
    _rights("the changes that need none", "if needs_proof(action) and not is_recent", "if not is_recent",
            (_PROOF + "test_other_action_needs_no_proof",)),
    _rights("the lifetime of a proof", "is_recent(session.proven_at, now, PROOF_LIFETIME)",
            "is_recent(session.proven_at, now, 2 * PROOF_LIFETIME)", _NEEDED),
    _rights("the session of the same person", "filter(public_id=public_id, person=person)",
            "filter(public_id=public_id)", (_PROOF + "test_p_32_proof_counts_in_its_own_session_only",)),
    _commands("the choice among the person's own ways", "if factor not in ways_to_prove(person):", "if False:",
              (_FACTOR + "test_password_does_not_replace_a_second_factor",)),
    _commands("the check of the password",
              "if len(self.password) > LENGTH_MAX or not person.check_password(self.password):", "if False:",
              (_PROOF + "test_wrong_password_confirms_nothing",)),
    _commands("the record of a wrong password",
              "                session_commands.record_wrong(actor, _ACTION, throttle_key, time_of(now))\n", "",
              (_PROOF + "test_wrong_password_confirms_nothing",)),
    _commands("the password that was replaced meanwhile", "            check_password_unchanged(person)\n", "",
              (_PROOF + "test_replaced_password_confirms_nothing",)),
    _commands("the end of the delay of passwords",
              "            note_success(throttle_key)\n            _complete(work, session, Factor.PASSWORD)",
              "            _complete(work, session, Factor.PASSWORD)", _RESET),
    _commands("the use of the factor", "                self.typed.use(person, work.now)\n", "",
              (_FACTOR + "test_code_of_the_app_confirms_once",)),
    _commands("the record of a wrong factor",
              "            record_wrong_factor(actor, factor, person, action=_ACTION, now=time_of(now))\n", "",
              (_FACTOR + "test_code_of_the_app_confirms_once",)),
    _commands("the earlier factors of the session", "stored(read(row.factors) | {factor})", "stored({factor})",
              (_PROOF + "test_proof_adds_its_factor",)),
    _commands("the second factor before the password", "if not enrolled.any:", "if True:",
              (_FACTOR + "test_password_does_not_replace_a_second_factor",)),
)  # fmt: skip
