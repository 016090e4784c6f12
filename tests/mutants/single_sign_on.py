"""Single sign-on: whom a provider may sign in, and who may change an organization's sign-in settings."""

from __future__ import annotations

from functools import partial
from typing import Final

from mutants.mutant import Mutant

_ROOM: Final = "control/identity/single_sign_on/"
_people = partial(Mutant, _ROOM + "people.py", with_django=True)
_sign_in = partial(Mutant, _ROOM + "sign_in_commands.py", with_django=True)
_providers = partial(Mutant, _ROOM + "providers.py", with_django=True)
_policy = partial(Mutant, _ROOM + "policy_commands.py", with_django=True)
_configuration = partial(Mutant, _ROOM + "configuration_commands.py", with_django=True)
_domains = partial(Mutant, _ROOM + "domain_commands.py", with_django=True)
_safeguards = partial(Mutant, "control/identity/safeguards.py", with_django=True)
_links = partial(Mutant, "control/identity/sign_in_link_commands.py", with_django=True)

_WHO: Final = _ROOM + "test_sign_in_commands.py::"
_FOUND: Final = _ROOM + "test_providers.py::"
_SETTINGS: Final = _ROOM + "test_settings_commands.py::"
_CONFIGURED: Final = _ROOM + "test_configuration_commands.py::"

_ADDRESS: Final = (_WHO + "test_address_must_be_verified_and_assigned",)
_ACCOUNT: Final = (_WHO + "test_account_of_another_organization_or_issuer_is_not_found",)
_ROLES: Final = (_WHO + "test_roles_by_claim",)
_PROOF: Final = (_WHO + "test_proof_is_the_persons_own",)
_MAY: Final = (_SETTINGS + "test_settings_refuse_who_may_not_change_them",)
_ALL: Final = (_SETTINGS + "test_single_sign_on_needs_every_permission",)
_STALE: Final = (_SETTINGS + "test_settings_changed_meanwhile_are_refused",)
_ONLY: Final = (_SETTINGS + "test_single_sign_on_only_closes_all_other_ways",)
_EMERGENCY: Final = (_SETTINGS + "test_emergency_administrator_can_sign_in_without_the_provider",)
_WORKS: Final = (_SETTINGS + "test_single_sign_on_only_needs_a_provider_that_works",)
_OTHER: Final = (_CONFIGURED + "test_another_issuer_or_client_unlinks_people",)

MUTANTS: Final[tuple[Mutant, ...]] = (
    _people("the organization of an account", 'else {"organization_id": provider.organization_id}', "else {}",
            _ACCOUNT),
    _people("the issuer of an account", "issuer=provider.issuer, subject=subject, **whose", "subject=subject, **whose",
            _ACCOUNT),
    _people("the organization of an account's person",
            "if account.person.organization_id != provider.organization_id:", "if False:",
            (_WHO + "test_account_whose_person_belongs_elsewhere_is_refused",)),
    _people("the verified address", " or not claims.email_verified:", ":", _ADDRESS),
    _people("the form of an address", 'if rules.check_person(email=email, name="") or not', "if not", _ADDRESS),
    _people("the assigned domain of a new person",
            "    if not provider.of_operators and not _assigned(provider, email):", "    if False:", _ADDRESS),
    _people("the assigned domain of a linked person",
            "    elif not provider.of_operators and not _assigned(provider, person.email):", "    elif False:",
            (_WHO + "test_domain_counts_for_linked_people_too",)),
    _people("the organization of a domain", "filter(organization_id=provider.organization_id, domain=",
            "filter(domain=", (_WHO + "test_domain_of_another_organization_does_not_count",)),
    _people("whose person the address is",
            "elif (person.kind, person.organization_id) != (_KINDS[provider.of_operators], provider.organization_id):",
            "elif False:", (_WHO + "test_people_of_others_are_never_linked",)),
    _people("one account of each person", "elif ProviderAccount.objects.filter(person=person).exists():", "elif False:",
            (_WHO + "test_person_with_the_address_is_linked_once",)),
    _people("the deactivated person", "if not person.is_active:", "if False:",
            (_WHO + "test_deactivated_person_is_refused",)),
    _people("the organization of a role", "filter(organization_id=provider.organization_id, pk=wanted or 0)",
            "filter(pk=wanted or 0)", _ROLES),
    _people("the default role of claims alone", "provider.default_role_id if claimed is None else claimed", "claimed",
            (_WHO + "test_new_person_is_created_with_the_default_role",)),
    _people("the last full administrator", ", keep_full_administrator(work.organization_id):", ":",
            (_WHO + "test_last_full_administrator_keeps_the_role",)),
    _people("a claim that cannot be read", "    if values is None:\n", "    if False:\n",
            (_WHO + "test_claim_that_cannot_be_read_does_not_give_the_default_role",)),
    _sign_in("the configuration under the lock", "            _check_unchanged(provider)\n", "",
             (_WHO + "test_configuration_is_read_again_under_the_lock",)),
    _sign_in("one success of a ceremony", "            _spend_once(self.response.ceremony, work.now)\n", "",
             (_WHO + "test_ceremony_is_completed_once",)),
    _sign_in("who began the proof", "if session is None or response.confirms != actor.person_id:",
             "if session is None:", _PROOF),
    _sign_in("who proved at the provider", "if person is None or person.pk != work.actor.person_id:",
             "if person is None:", (_WHO + "test_proof_of_another_linked_person_is_refused",)),
    _sign_in("the bound on recorded failures", "            admit_attempt(key, at)\n", "            pass\n",
             (_WHO + "test_failures_are_recorded_and_bounded",)),
    _providers("the disabled provider", "filter(pk=organization_id, enabled=True)", "filter(pk=organization_id)",
               (_FOUND + "test_providers",)),
    _providers("the form of an organization's name", "if _ID.fullmatch(organization_id) else None",
               "if organization_id else None", (_FOUND + "test_providers_by_name",)),
    _policy("the operators", "            refuse_operators(work.actor)\n            policy = _policy(",
            "            policy = _policy(", _MAY),
    _policy("every permission for single sign-on only", "            refuse_unless_full(work.actor)\n", "", _ALL),
    _policy("every permission", "    refuse_more_than_own(actor, frozenset(Permission))\n", "", _ALL),
    _policy("the operators and single sign-on", "    refuse_operators(actor)\n", "", _MAY),
    _policy("the version of a policy", "if policy.version != expected_version:", "if False:", _STALE),
    _policy("the strong session", "if session is None or not is_strong(read(session.factors)):", "if session is None:",
            (_SETTINGS + "test_actor_needs_a_strong_session_and_a_second_factor",)),
    _policy("the actor's own second factor", "if own_factor and (", "if False and (",
            (_SETTINGS + "test_actor_needs_a_strong_session_and_a_second_factor",)),
    _policy("the end of weak sessions", "                _end_weak_sessions(self.organization_id)\n",
            "                pass\n",
            (_SETTINGS + "test_requiring_a_second_factor_ends_the_sessions_without_one",)),
    _policy("the enabled provider", "filter(pk=self.organization_id, enabled=True)", "filter(pk=self.organization_id)",
            _WORKS),
    _policy("the second factor of the emergency administrator", "person is None or not has_second_factor(person.pk)",
            "person is None", _EMERGENCY),
    _policy("the end of sign-in links", "        links.exclude(person=emergency).delete()\n", "", _ONLY),
    _configuration("who may configure", "            refuse_unless_full(work.actor)\n", "", _ALL),
    _configuration("who may change what is configured", "    refuse_unless_full(actor)\n", "", _MAY),
    _configuration("the secret of another issuer", "if other and not self.client_secret:", "if False:",
                   (_CONFIGURED + "test_stored_secret_is_never_sent_to_another_issuer",)),
    _configuration("the version", "!= expected_version:", "!= expected_version and False:", _STALE),
    _configuration("the links of another issuer",
                   "                ProviderAccount.objects.filter(organization_id=self.organization_id).delete()\n",
                   "", _OTHER),
    _domains("the organization of a removed domain", ", organization_id=self.organization_id\n            ).delete()",
             "\n            ).delete()", (_CONFIGURED + "test_operator_assigns_a_domain_to_one_organization",)),
    _domains("the end of a domain's sessions",
             "            end_single_sign_on_sessions(self.organization_id, domain=self.domain)\n", "",
             (_CONFIGURED + "test_removing_a_domain_ends_its_sessions_of_single_sign_on",)),
    _policy("the emergency administrator's second factor",
            "is_strong(factors) if session.person_id == emergency_person",
            "True if session.person_id == emergency_person", _ONLY),
    _safeguards("the emergency administrator", "if emergency is not None and emergency not in after:", "if False:",
                _EMERGENCY),
    _links("the links of people who have single sign-on only",
           "if person.kind == PersonKind.ADMINISTRATOR and only_single_sign_on(person):", "if False:", _ONLY),
)  # fmt: skip
