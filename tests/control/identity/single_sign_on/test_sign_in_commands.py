"""Which person an identity is, decided in the transaction of the sign-in: on every database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from kit import people, sign_in_settings
from kit.sign_in_settings import account, response, strong
from watchword.control.audit.models import AuditEvent
from watchword.control.base.actor import Permission
from watchword.control.base.refusals import Refusal
from watchword.control.fleet.models import FeedState
from watchword.control.identity.factor_rules import Factor, stored
from watchword.control.identity.models import EmailDomain, Person, ProviderAccount, Session, SingleSignOn
from watchword.control.identity.proof_commands import ways_to_prove
from watchword.control.identity.rules import FREE_PER_ADDRESS
from watchword.control.identity.single_sign_on.ceremony import ProviderResponse
from watchword.control.identity.single_sign_on.failures import SignInFailed, SignInFailure
from watchword.control.identity.single_sign_on.policy_commands import RequireSecondFactor
from watchword.control.identity.single_sign_on.providers import (
    provider_of,
)
from watchword.control.identity.single_sign_on.sign_in_commands import (
    ConfirmBySingleSignOn,
    RecordFailure,
    SignInBySingleSignOn,
    refuse_frequent_failures,
)

if TYPE_CHECKING:
    from watchword.control.identity.sign_in_commands import SignedIn

ADDRESS = "192.0.2.1"


def sign_in(given: ProviderResponse) -> SignedIn:
    return SignInBySingleSignOn(response=given, address=ADDRESS).run()


def refused(given: ProviderResponse) -> SignInFailure:
    before = AuditEvent.objects.count()
    with pytest.raises(SignInFailed) as failed:
        sign_in(given)
    # Nothing of it was written.
    assert AuditEvent.objects.count() == before
    return failed.value.failure


def test_new_person_is_created_with_the_default_role(configured: SingleSignOn) -> None:
    revision = FeedState.objects.get().revision
    done = sign_in(response())
    person = Person.objects.get(email="new@acme.example")
    assert (done.person, done.factors) == (person, frozenset({Factor.SINGLE_SIGN_ON}))
    assert (person.name, person.role, person.last_login is None) == ("New", configured.default_role, False)
    events = AuditEvent.objects.order_by("-sequence")[:3]
    assert [(event.action, event.actor, event.interface, event.address) for event in reversed(events)] == [
        ("administrator_created", "single sign-on", "portal", ADDRESS),
        ("provider_account_linked", "single sign-on", "portal", ADDRESS),
        ("signed_in", "new@acme.example", "portal", ADDRESS),
    ]
    # A sign-in concerns no verifier.
    assert FeedState.objects.get().revision == revision


def test_name_that_cannot_be_shown_is_left_out(configured: SingleSignOn) -> None:
    assert sign_in(response(name="x" * 121)).person.name == ""
    assert sign_in(response("other", "other@acme.example", name=None)).person.name == ""


def test_person_is_found_by_subject(configured: SingleSignOn, bob: Person) -> None:
    account(bob, "bob")
    assert sign_in(response("bob", None, email_verified=False)).person == bob


def test_person_with_the_address_is_linked_once(configured: SingleSignOn, bob: Person) -> None:
    assert sign_in(response("bob", "Bob@ACME.example")).person == bob
    assert refused(response("other", bob.email)) is SignInFailure.PERSON_TAKEN
    assert ProviderAccount.objects.get().subject == "bob"


def test_address_must_be_verified_and_assigned(configured: SingleSignOn) -> None:
    assert refused(response(email_verified=False)) is SignInFailure.EMAIL_UNVERIFIED
    for email in (None, "", "new", "a b@acme.example", "é@acme.example"):
        assert refused(response("new", email)) is SignInFailure.EMAIL_UNVERIFIED
    for email in ("new@evil.example", "new@sub.acme.example"):
        assert refused(response("new", email)) is SignInFailure.EMAIL_OUTSIDE


def test_domain_of_another_organization_does_not_count(configured: SingleSignOn, charlie: Person) -> None:
    EmailDomain.objects.update(organization_id="globex")
    assert refused(response()) is SignInFailure.EMAIL_OUTSIDE


def test_domain_counts_for_linked_people_too(configured: SingleSignOn, bob: Person) -> None:
    account(bob, "bob")
    EmailDomain.objects.all().delete()
    assert refused(response("bob", bob.email)) is SignInFailure.EMAIL_OUTSIDE


def test_people_of_others_are_never_linked(configured: SingleSignOn, charlie: Person, operator: Person) -> None:
    for person in (charlie, operator):
        Person.objects.filter(pk=person.pk).update(email=f"{person.kind}@acme.example")
        assert refused(response("x", f"{person.kind}@acme.example")) is SignInFailure.PERSON_TAKEN


def test_account_of_another_organization_or_issuer_is_not_found(
    configured: SingleSignOn, charlie: Person, bob: Person
) -> None:
    account(charlie, "same")
    account(bob, "other")
    ProviderAccount.objects.filter(person=bob).update(issuer="https://old.acme.example")
    assert sign_in(response("same")).person.email == "new@acme.example"
    assert refused(response("other", bob.email)) is SignInFailure.PERSON_TAKEN


def test_account_whose_person_belongs_elsewhere_is_refused(configured: SingleSignOn, charlie: Person) -> None:
    account(charlie, "charlie")
    ProviderAccount.objects.update(organization_id="acme")
    assert refused(response("charlie")) is SignInFailure.PERSON_TAKEN


def test_deactivated_person_is_refused(configured: SingleSignOn, bob: Person) -> None:
    Person.objects.filter(pk=bob.pk).update(is_active=False)
    assert refused(response("bob", bob.email)) is SignInFailure.DEACTIVATED
    account(bob, "bob")
    assert refused(response("bob", bob.email)) is SignInFailure.DEACTIVATED


def test_ceremony_is_completed_once(configured: SingleSignOn) -> None:
    given = response()
    sign_in(given)
    assert refused(given) is SignInFailure.EXPIRED


def test_configuration_is_read_again_under_the_lock(configured: SingleSignOn) -> None:
    for change in (
        {"enabled": False},
        {"client_id": "other"},
        {"issuer": "https://other.example"},
        {"role_claim": "x"},
    ):
        given = response()
        SingleSignOn.objects.update(**change)
        assert refused(given) is SignInFailure.UNKNOWN
        SingleSignOn.objects.all().delete()
        configured.save(force_insert=True)


def test_roles_by_claim(configured: SingleSignOn, bob: Person, charlie: Person) -> None:
    assert bob.role is not None
    assert charlie.role is not None
    values = [["staff", bob.role.pk], ["globex", charlie.role.pk]]
    SingleSignOn.objects.update(role_claim="groups", role_values=values, default_role=None)
    assert sign_in(response(claims={"groups": ["x", "staff"]})).person.role == bob.role
    others: tuple[dict[str, object], ...] = (
        {},
        {"groups": []},
        {"groups": ["globex"]},
        {"groups": "STAFF"},
        {"roles": ["staff"]},
    )
    for claims in others:
        assert refused(response(claims=claims)) is SignInFailure.NO_ROLE
    assert refused(response("second", "second@acme.example")) is SignInFailure.NO_ROLE


def test_claim_that_cannot_be_read_does_not_give_the_default_role(configured: SingleSignOn, bob: Person) -> None:
    SingleSignOn.objects.update(role_claim="groups", role_values=[], default_role=bob.role)
    for unreadable in (["x"] * 201, [1], {"staff": True}):
        assert refused(response(claims={"groups": unreadable})) is SignInFailure.NO_ROLE
    assert sign_in(response(claims={"groups": ["x"]})).person.role == bob.role


def test_role_claim_changes_the_role_at_each_sign_in(configured: SingleSignOn, alice: Person, bob: Person) -> None:
    assert bob.role is not None
    account(bob, "bob")
    sign_in(response("bob"))
    assert Person.objects.get(pk=bob.pk).role == bob.role
    SingleSignOn.objects.update(role_claim="groups")
    sign_in(response("bob"))
    assert Person.objects.get(pk=bob.pk).role == alice.role
    changed = AuditEvent.objects.get(action="role_changed")
    assert (changed.actor, changed.changes["role"]) == ("single sign-on", [bob.role.name, "Role of alice"])


def test_last_full_administrator_keeps_the_role(configured: SingleSignOn, alice: Person, bob: Person) -> None:
    account(alice, "alice")
    SingleSignOn.objects.update(role_claim="groups", default_role=bob.role)
    assert sign_in(response("alice")).person.role == alice.role
    people.administrator("second", "acme", *Permission)
    assert sign_in(response("alice")).person.role == bob.role


FREE = FREE_PER_ADDRESS + 1
"""Failures that are recorded, one after the other, before the first delay."""


def test_failures_are_recorded_and_bounded(configured: SingleSignOn) -> None:
    provider = provider_of("acme")
    failed = SignInFailed(SignInFailure.NO_ROLE, detail="no_role", email="new@acme.example")
    now = timezone.now()
    references = [
        RecordFailure(failed=failed, provider=provider, address=ADDRESS).run(now=now) for _ in range(FREE + 2)
    ]
    assert [reference is None for reference in references] == [False] * FREE + [True] * 2
    log = AuditEvent.objects.latest("sequence")
    assert (log.action, log.result, log.target, log.organization) == (
        "signed_in",
        "refused",
        "new@acme.example",
        "acme",
    )
    assert log.changes["reference"] == [None, references[FREE - 1]]
    with pytest.raises(Refusal):
        refuse_frequent_failures(ADDRESS, now)
    refuse_frequent_failures("192.0.2.2", now)
    before = AuditEvent.objects.count()
    assert RecordFailure(failed=failed, provider=None, address="192.0.2.3").run() is None
    assert AuditEvent.objects.count() == before


def test_proof_is_the_persons_own(configured: SingleSignOn, bob: Person) -> None:
    account(bob, "bob")
    Person.objects.filter(pk=bob.pk).update(password="!")
    bob.refresh_from_db()
    actor = people.proven(sign_in_settings.acting(bob, Factor.SINGLE_SIGN_ON), None)
    assert ways_to_prove(bob) == {Factor.SINGLE_SIGN_ON}

    def confirm(subject: str, confirms: int | None) -> None:
        given = response(subject)
        confirming = ProviderResponse(given.provider, given.ceremony, given.claims, "", confirms, None)
        ConfirmBySingleSignOn(response=confirming).run(actor)

    for subject, confirms in (("other", bob.pk), ("bob", None), ("bob", bob.pk + 1)):
        with pytest.raises(SignInFailed):
            confirm(subject, confirms)
    assert actor.session is not None
    assert Session.objects.get(public_id=actor.session).proven_at is None
    confirm("bob", bob.pk)
    session = Session.objects.get(public_id=actor.session)
    assert (session.proven_at is not None, session.factors) == (True, stored([Factor.SINGLE_SIGN_ON]))


def test_proof_of_another_linked_person_is_refused(configured: SingleSignOn, alice: Person, bob: Person) -> None:
    account(alice, "alice")
    account(bob, "bob")
    actor = sign_in_settings.acting(bob, Factor.SINGLE_SIGN_ON)
    given = response("alice")
    confirming = ProviderResponse(given.provider, given.ceremony, given.claims, "", bob.pk, None)
    with pytest.raises(SignInFailed) as failed:
        ConfirmBySingleSignOn(response=confirming).run(actor)
    assert failed.value.failure is SignInFailure.OTHER_PERSON


def test_ways_to_prove(configured: SingleSignOn, bob: Person) -> None:
    assert ways_to_prove(bob) == {Factor.PASSWORD}
    account(bob, "bob")
    assert ways_to_prove(bob) == {Factor.PASSWORD, Factor.SINGLE_SIGN_ON}
    SingleSignOn.objects.update(enabled=False)
    assert ways_to_prove(bob) == {Factor.PASSWORD}
    sign_in_settings.add_app(bob)
    assert Factor.SINGLE_SIGN_ON not in ways_to_prove(bob)


def test_single_sign_on_satisfies_a_required_second_factor(configured: SingleSignOn, alice: Person) -> None:
    RequireSecondFactor(organization_id="acme", required=True, expected_version=0).run(strong(alice))
    assert sign_in(response()).factors == {Factor.SINGLE_SIGN_ON}
