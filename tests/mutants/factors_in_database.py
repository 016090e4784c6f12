"""Second factors, where the database decides: passkeys, apps and codes are used once, and who may change them."""

from __future__ import annotations

from functools import partial
from typing import Final

from mutants.mutant import Mutant

_FACTORS: Final = "control/identity/factors/"
_passkeys = partial(Mutant, _FACTORS + "passkeys.py", with_django=True)
_app = partial(Mutant, _FACTORS + "authenticator_app.py", with_django=True)
_codes = partial(Mutant, _FACTORS + "recovery_codes.py", with_django=True)
_enrolment = partial(Mutant, _FACTORS + "enrolment.py", with_django=True)
_commands = partial(Mutant, _FACTORS + "commands.py", with_django=True)
_second = partial(Mutant, "control/identity/second_factor_commands.py", with_django=True)
_throttle = partial(Mutant, "control/identity/throttle.py", with_django=True)
_queries = partial(Mutant, _FACTORS + "queries.py", with_django=True)

_ENROLLING: Final = _FACTORS + "test_passkeys.py::"
_ATTACK: Final = _FACTORS + "test_passkey_attacks.py::"
_APP: Final = _FACTORS + "test_authenticator_app.py::"
_CODES: Final = _FACTORS + "test_recovery_codes.py::"
_ATTEMPTS: Final = _FACTORS + "test_attempts.py::"
_CHANGE: Final = _FACTORS + "test_commands.py::"
_RESET: Final = _FACTORS + "test_reset.py::"

_COUNTER: Final = (_ATTACK + "test_counter_set_back_or_equal_is_refused",)
_ORIGINS: Final = (_ENROLLING + "test_p_21_the_only_origin_is_the_portals",)
_NOT_FOUND: Final = (_RESET + "test_people_of_other_organizations_are_not_found",)

MUTANTS: Final[tuple[Mutant, ...]] = (
    _passkeys("the refusal of IP addresses", "if parsed_address(host) is not None:", "if False:",
              (_ENROLLING + "test_portal_at_an_ip_address_offers_no_passkeys",)),
    _passkeys("the origin's port", 'else f":{parts.port}"', 'else ""', _ORIGINS),
    _passkeys("the default port that browsers leave out", "parts.port in {None, _DEFAULT_PORTS[parts.scheme]}",
              "parts.port is None", _ORIGINS),
    _passkeys("the credentials that exist already", '"excludeCredentials": _descriptors(own),',
              '"excludeCredentials": [],', (_ENROLLING + "test_registration_asks_for_what_the_portal_demands",)),
    _passkeys("the resident key", '"residentKey": "required",', '"residentKey": "preferred",',
              (_ENROLLING + "test_registration_asks_for_what_the_portal_demands",)),
    _passkeys("the person of a registration", 'ceremony.values["person"] != str(person.pk) or ', "",
              (_ATTACK + "test_registration_for_another_person_is_refused",)),
    _passkeys("one handle for all passkeys of a person", " or any(one.user_handle != handle for one in own):", ":",
              (_ENROLLING + "test_two_first_passkeys_begun_at_once_share_the_handle",)),
    _passkeys("the bound on passkeys", "if len(own) >= rules.PASSKEYS_MAX:", "if False:",
              (_ENROLLING + "test_a_person_has_at_most_ten_passkeys",)),
    _passkeys("different names", "rules.free_name(self.name, [one.name for one in own])", "self.name",
              (_ENROLLING + "test_second_passkey_of_a_name_gets_a_number",)),
    _passkeys("the refusal of a credential that exists", "except IntegrityError:", "except ZeroDivisionError:",
              (_ATTACK + "test_credential_cannot_be_enrolled_for_a_second_person",)),
    _passkeys("one success of a registration", "            ceremonies.spend(ceremony, work.now)\n", "",
              (_ATTACK + "test_registration_is_accepted_once",)),
    _passkeys("the kind of a registration's ceremony", '_REGISTRATION: Final = "passkey registration"',
              '_REGISTRATION: Final = "passkey assertion"',
              (_ATTACK + "test_ceremonies_of_other_kinds_are_refused",)),
    _passkeys("the person of an assertion", 'if ceremony.values["person"] != _whose(person_id):', "if False:",
              (_ATTACK + "test_ceremonies_of_two_people_are_not_mixed",
               _ATTACK + "test_ceremony_of_a_sign_in_is_no_second_factor_and_the_reverse")),
    _passkeys("the owner of a second factor", " or person_id not in {None, passkey.person_id}:", ":",
              (_ATTACK + "test_credential_of_another_person_is_no_second_factor",)),
    _passkeys("whose passkey it is", "if person_id is None and read.user_handle is None:", "if False:",
              (_ATTACK + "test_passkey_alone_must_say_whose_it_is",)),
    _passkeys("one success of an assertion", "    ceremonies.spend(assertion.ceremony, now)\n", "",
              (_ATTACK + "test_assertion_of_a_counter_less_authenticator_is_accepted_once",)),
    _passkeys("the counter", "Passkey.objects.filter(ahead, pk=assertion.passkey.pk)",
              "Passkey.objects.filter(pk=assertion.passkey.pk)", _COUNTER),
    _passkeys("the refusal of an equal counter", "Q(sign_count__lt=assertion.sign_count)",
              "Q(sign_count__lte=assertion.sign_count)", _COUNTER),
    _passkeys("the counter that is stored", "same.update(sign_count=assertion.sign_count, last_used_at=now)",
              "same.update(last_used_at=now)", _COUNTER),
    _passkeys("active people alone",
              " or not Person.objects.filter(pk=assertion.person.pk, is_active=True).exists():", ":",
              (_ENROLLING + "test_deactivated_person_proves_nothing",)),
    _app("one use of a step", "last_step__lt=step)", "last_step__lte=step)", (_APP + "test_p_26_code_works_once",)),
    _app("the step that is stored", "update(last_step=step, last_used_at=now)", "update(last_used_at=now)",
         (_APP + "test_p_26_code_works_once",)),
    _app("the step that confirmed the app", "                last_step=step,\n", "",
         (_APP + "test_the_code_that_confirmed_the_app_is_used_up",)),
    _app("the confirmation", "if step is None:\n                fault", "if False:\n                fault",
         (_APP + "test_wrong_code_adds_nothing",)),
    _app("the person of the form's secret", 'return seal(f"{_SETUP}.{person.pk}", secret)',
         'return seal(f"{_SETUP}.0", secret)', (_APP + "test_form_shows_the_secret_again_and_expires",)),
    _app("the end of a form", ", max_age=SETUP_LIFETIME)", ")",
         (_APP + "test_form_shows_the_secret_again_and_expires",)),
    _app("the person of the stored secret", 'return f"{_STORED}.{person_id}"', "return _STORED",
         (_APP + "test_stored_secret_is_encrypted_for_its_person",)),
    _codes("one use of a recovery code", "own.filter(used_at__isnull=True).update", "own.update",
           (_CODES + "test_p_26_each_code_works_once",)),
    _codes("the owner of a recovery code", "RecoveryCode.objects.filter(person_id=person_id, code_hash",
           "RecoveryCode.objects.filter(code_hash", (_CODES + "test_p_26_each_code_works_once",)),
    _codes("the end of earlier codes", "    earlier.delete()\n", "",
           (_CODES + "test_new_codes_replace_all_earlier_ones",)),
    _enrolment("the first factor's being the first", "if has_second_factor(person.pk):", "if False:",
               (_CHANGE + "test_p_28_stolen_password_adds_a_first_factor_only",)),
    _enrolment("the password's being unchanged", "            check_password_unchanged(pending)\n", "",
               (_CHANGE + "test_replaced_password_adds_no_factor",)),
    _enrolment("the person whose password was checked", "pending is None or pending.pk != person.pk",
               "pending is None", (_CHANGE + "test_without_session_the_checked_person_must_be_named",)),
    _enrolment("the end of sessions of the password alone",
               "        end_weak_sessions(self.person.pk, except_for=self.work.actor.session)\n", "",
               (_ENROLLING + "test_first_factor_ends_other_sessions_of_the_password_alone",)),
    _commands("different names at a rename", "if self.name.casefold() in", "if self.name in",
              (_CHANGE + "test_passkey_may_keep_its_name_but_not_take_anothers",)),
    _commands("the session", "if work.actor.session is None:", "if False:",
              (_CHANGE + "test_password_alone_changes_no_factor",)),
    _commands("the owner of a passkey", "person__email=work.actor.name, public_id=public_id", "public_id=public_id",
              (_CHANGE + "test_only_the_owner_finds_a_passkey",)),
    _commands("the last required factor", "if must_have_second_factor(person):", "if False:",
              (_CHANGE + "test_last_required_factor_cannot_be_removed",)),
    _commands("the end of recovery codes that replace nothing",
              "(RefusalReason.LAST_FACTOR)\n    RecoveryCode.objects.filter(person=person).delete()",
              "(RefusalReason.LAST_FACTOR)",
              (_CHANGE + "test_recovery_codes_go_with_the_last_factor",)),
    _commands("a factor that recovery codes replace", "if not has_second_factor(person.pk):", "if False:",
              (_CHANGE + "test_recovery_codes_need_a_factor_that_they_replace",)),
    _commands("the organization of the person", "filter(organization_id=self.organization_id)", "all()", _NOT_FOUND),
    _commands("the operators' right to reset operators", "Privilege.OPERATOR if self.organization_id is None",
              "Privilege.SELF if self.organization_id is None",
              (_RESET + "test_operators_and_the_command_line_reset_an_operators_factors",)),
    _commands("the refusal to reset one's own factors", "if person.pk == work.actor.person_id:", "if False:",
              (_RESET + "test_nobody_resets_their_own_factors",)),
    _commands("the bound by the actor's own permissions",
              "refuse_more_than_own(work.actor, person.role.held())", "pass",
              (_RESET + "test_p_29_reset_needs_the_permissions_of_the_person",)),
    _commands("the end of sessions at a reset", "            end_sessions(person.pk)\n", "",
              (_RESET + "test_reset_removes_all_factors_and_sessions",)),
    _commands("the reset of every kind of factor", "(Passkey, AuthenticatorApp, RecoveryCode)",
              "(Passkey, AuthenticatorApp)", (_RESET + "test_reset_removes_all_factors_and_sessions",)),
    _throttle("the counting of codes from all addresses", "if factor is not Factor.AUTHENTICATOR_APP:", "if True:",
              (_ATTEMPTS + "test_guesses_from_many_addresses_delay_the_codes_of_the_app_alone",)),
    _throttle("the counting of recovery codes by address", "if factor is not Factor.AUTHENTICATOR_APP:", "if False:",
              (_ATTEMPTS + "test_guesses_from_many_addresses_delay_the_codes_of_the_app_alone",)),
    _throttle("the long delay of factors", "address=address, delays=FACTOR_DELAYS)", "address=address)",
              (_ATTEMPTS + "test_p_27_delay_of_guesses_doubles_up_to_an_hour",)),
    _second("the counting of a wrong factor",
            '    record_wrong(actor, action, throttle_key, now, {"factor": [None, factor.value]})\n', "",
            (_ATTEMPTS + "test_p_27_delay_of_guesses_doubles_up_to_an_hour",)),
    _queries("the operators' second factor", "if person.kind == PersonKind.OPERATOR:", "if False:",
             (_CHANGE + "test_operators_must_have_a_second_factor",)),
    _queries("the organization's requirement", "Q(second_factor_required=True) | ", "",
             (_CHANGE + "test_an_organization_requires_it_of_its_own_people",)),
    _queries("the emergency administrator's second factor", " | Q(emergency_person_id=person.pk)", "",
             (_CHANGE + "test_emergency_administrator_must_have_a_second_factor",)),
    _queries("the person's own organization", "filter(demanding, organization_id=person.organization_id)",
             "filter(demanding)", (_CHANGE + "test_an_organization_requires_it_of_its_own_people",)),
    _queries("used recovery codes", ", used_at__isnull=True).count()", ").count()",
             (_ENROLLING + "test_new_recovery_codes_come_with_a_factor_when_all_are_used_up",)),
)  # fmt: skip
