"""Sign-ins: what ends each of them, what a pending one is worth, and the second factor after the password."""

from __future__ import annotations

from functools import partial
from typing import Final

from mutants.mutant import Mutant

_IDENTITY: Final = "control/identity/"
_sign_in = partial(Mutant, _IDENTITY + "sign_in_commands.py", with_django=True)
_pending = partial(Mutant, _IDENTITY + "pending_sign_ins.py", with_django=True)
_second = partial(Mutant, _IDENTITY + "second_factor_commands.py", with_django=True)
_enrolment = partial(Mutant, _IDENTITY + "factors/enrolment.py", with_django=True)
_rules = partial(Mutant, _IDENTITY + "rules.py", with_django=True)
_store = partial(Mutant, _IDENTITY + "session_store.py", with_django=True)

_TESTS: Final = _IDENTITY + "test_second_factor_commands.py::"
_ALONE: Final = _TESTS + "TestPasskeyAlone::"
_AFTER: Final = _TESTS + "TestSecondFactor::"
_MEANWHILE: Final = _IDENTITY + "test_second_factor_attacks.py::"

_EXPIRES: Final = (_AFTER + "test_pending_sign_in_expires",)

MUTANTS: Final[tuple[Mutant, ...]] = (
    _sign_in("the demand of single sign-on", "Factor.SINGLE_SIGN_ON not in factors and only_single_sign_on(person)",
             "False", (_ALONE + "test_it_does_not_replace_single_sign_on",
                       _TESTS + "TestSingleSignOnOnly::test_right_password_says_so_and_a_wrong_one_does_not")),
    _sign_in("the demand of strong factors", "    if is_strong(factors):", "    if factors:",
             (_AFTER + "test_person_with_a_second_factor_cannot_do_without_it",)),
    _sign_in("the requirement of a second factor", "must_have_second_factor(person) or ", "",
             (_AFTER + "test_person_without_one_signs_in_with_the_password_until_it_is_required",)),
    _sign_in("the use of a factor that exists", " or has_second_factor(person.pk):", ":",
             (_AFTER + "test_person_with_a_second_factor_cannot_do_without_it",)),
    _pending("the end of a pending sign-in", "            or now - self.at >= PENDING_LIFETIME\n", "", _EXPIRES),
    _pending("the last instant of a pending sign-in", ">= PENDING_LIFETIME", "> PENDING_LIFETIME", _EXPIRES),
    _pending("the password of a pending sign-in",
             "            or not constant_time_compare(_mark_of(person), self.password_mark)\n", "",
             (_TESTS + "TestEnrolment::test_it_completes_no_sign_in_of_a_changed_account",)),
    _second("the one use of a passkey that signs in alone", "                passkeys.note_use(assertion, work.now)\n",
            "", (_ALONE + "test_response_works_once", _ALONE + "test_copied_passkey_is_refused_and_recorded")),
    _second("the one use of a passkey after the password", "            passkeys.note_use(assertion, now)\n",
            "            pass\n", (_AFTER + "test_response_of_a_passkey_completes_one_sign_in",)),
    _second("whose passkey it is", ", person_id=person.pk)", ")",
            (_AFTER + "test_passkey_of_another_person_is_refused",)),
    _second("the delay of guesses", "        admit_attempt(throttle_key, time_of(now))\n", "",
            (_AFTER + "test_right_password_does_not_forget_wrong_codes",)),
    _second("the end of an attempt", "                note_success(throttle_key)\n", "",
            (_AFTER + "test_success_leaves_no_attempt_in_progress",)),
    _second("the password under the lock", "complete_sign_in(work, self.pending.person(work.now), ",
            "complete_sign_in(work, person, ", (_AFTER + "test_person_changed_during_the_check_is_refused",)),
    _second("the factor that was reset meanwhile", "if not has_second_factor(person.pk):", "if False:",
            (_MEANWHILE + "test_p_80_factor_that_was_reset_meanwhile_completes_no_enrolment",)),
    _enrolment("the password that no longer signs in", "if only_single_sign_on(person):", "if False:",
               (_MEANWHILE + "test_p_80_password_that_no_longer_signs_in_adds_no_factor",)),
    _store("the session that was ended meanwhile", "update(key_hash=_hash(new)) != 1:",
           "update(key_hash=_hash(new)) is None:",
           (_IDENTITY + "test_sessions.py::test_p_79_session_of_a_sign_in_that_ended_meanwhile_is_not_adopted",)),
    _rules("the address outside ASCII", "typed.lower() if typed.isascii() else typed", "typed.lower()",
           (_IDENTITY + "test_rules.py::test_p_60_address_outside_ascii_does_not_become_another_one",)),
)  # fmt: skip
