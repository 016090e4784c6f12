"""Who may change the sign-in settings of an organization, and what a policy closes and ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kit import people
from kit.sign_in_settings import (
    STRONG,
    WEAK,
    account,
    acting,
    add_app,
    configuration,
    enabled,
    event,
    live,
    only,
    refused,
    require,
    strong,
)
from watchword.control.base.actor import Permission, command_line
from watchword.control.identity.factor_models import AuthenticatorApp
from watchword.control.identity.factor_rules import Factor
from watchword.control.identity.factors.commands import RemoveAuthenticatorApp
from watchword.control.identity.models import ProviderAccount, SignInLink, SignInPolicy
from watchword.control.identity.people_commands import ChangeRole, DeactivateAdministrator, InviteAdministrator
from watchword.control.identity.queries import list_people
from watchword.control.identity.role_commands import CreateRole, DeleteRole, EditRole
from watchword.control.identity.safeguards import full_administrators
from watchword.control.identity.sign_in_link_commands import CreateSignInLink
from watchword.control.identity.single_sign_on.configuration_commands import (
    RemoveSingleSignOn,
    SetSingleSignOnEnabled,
)
from watchword.control.identity.single_sign_on.queries import policy_of, without_second_factor

if TYPE_CHECKING:
    from watchword.control.identity.models import Person
    from watchword.control.organizations.models import Organization


def test_requiring_a_second_factor_ends_the_sessions_without_one(alice: Person, bob: Person, charlie: Person) -> None:
    weak, by_provider, other = acting(bob, *WEAK), acting(bob, Factor.SINGLE_SIGN_ON), acting(charlie, *WEAK)
    actor = strong(alice)

    require().run(actor)

    assert [live(each) for each in (actor, weak, by_provider, other)] == [True, False, True, True]
    assert policy_of("acme").second_factor_required
    assert (event().action, event().target) == ("sign_in_settings_changed", "acme")
    assert event().changes == {"second_factor_required": [False, True]}


def test_actor_needs_a_strong_session_and_a_second_factor(alice: Person) -> None:
    add_app(alice)
    assert refused(require(), acting(alice, *WEAK)).code == "second_factor_needed"
    alice.authenticator_app.delete()
    assert "of your own first" in refused(require(), acting(alice, Factor.SINGLE_SIGN_ON)).sentence
    # No second factor is needed to stop requiring it, but the session must be strong.
    require().run(strong(alice))
    assert refused(require(required=False, version=1), acting(alice, *WEAK)).code == "second_factor_needed"
    require(required=False, version=1).run(acting(alice, Factor.SINGLE_SIGN_ON))
    assert not policy_of("acme").second_factor_required


def test_settings_refuse_who_may_not_change_them(alice: Person, bob: Person, charlie: Person, operator: Person) -> None:
    commands = [require(), only(alice), configuration(), SetSingleSignOnEnabled(
        organization_id="acme", enabled=True, expected_version=0
    ), RemoveSingleSignOn(organization_id="acme", expected_version=0)]  # fmt: skip
    for command in commands:
        assert refused(command, strong(bob)).code == "permission_missing"
        assert refused(command, strong(charlie)).code == "not_found"
        assert "Operators cannot change" in refused(command, strong(operator)).sentence
        assert refused(command, command_line()).code == "permission_missing"
        assert event().result == "refused"


def test_single_sign_on_needs_every_permission(acme: Organization) -> None:
    some = people.administrator("bob", "acme", Permission.ADMINISTRATORS, Permission.ACTIVITY)
    actor = strong(some)
    for command in (configuration(), only(some)):
        assert "“API Key Management”" in refused(command, actor).sentence
    require().run(actor)


def test_settings_changed_meanwhile_are_refused(alice: Person) -> None:
    actor = strong(alice)
    require().run(actor)
    assert "alice@acme.example changed this" in refused(require(required=False), actor).sentence
    assert refused(only(alice), actor).code == "version_stale"
    row = configuration().run(actor)
    for command in (
        configuration(),
        SetSingleSignOnEnabled(organization_id="acme", enabled=True, expected_version=row.version + 1),
        RemoveSingleSignOn(organization_id="acme", expected_version=0),
    ):
        assert refused(command, actor).code == "version_stale"
    RemoveSingleSignOn(organization_id="acme", expected_version=row.version).run(actor)
    assert refused(RemoveSingleSignOn(organization_id="acme", expected_version=0), actor).code == "not_found"
    assert refused(configuration(expected_version=row.version), actor).code == "version_stale"


def test_single_sign_on_only_closes_all_other_ways(alice: Person, bob: Person, charlie: Person) -> None:
    actor = strong(alice)
    enabled(actor)
    account(bob, "bob")
    for person in (alice, bob, charlie):
        CreateSignInLink(email=person.email).run(command_line())
    kept = [acting(bob, Factor.SINGLE_SIGN_ON), acting(charlie, *WEAK)]
    ended = [acting(bob, *STRONG), acting(alice, *WEAK)]

    only(alice).run(actor)

    assert [live(each) for each in [actor, *kept, *ended]] == [True, True, True, False, False]
    assert set(SignInLink.objects.values_list("person__email", flat=True)) == {alice.email, charlie.email}
    assert event().changes == {
        "single_sign_on_only": [False, True], "emergency_administrator": [None, alice.email],
    }  # fmt: skip
    for command in (
        CreateSignInLink(email=bob.email),
        InviteAdministrator(organization_id="acme", email="new@acme.example", name="", role="Role of bob"),
    ):
        assert "a sign-in link would not work" in refused(command, actor).sentence
    CreateSignInLink(email=alice.email).run(command_line())

    only(None, allowed_only=False, version=1).run(actor)
    assert (policy_of("acme").single_sign_on_only, policy_of("acme").emergency_administrator) == (False, None)
    CreateSignInLink(email=bob.email).run(actor)


def test_single_sign_on_only_needs_a_provider_that_works(alice: Person, bob: Person) -> None:
    actor = strong(alice)
    assert refused(only(alice), actor).code == "single_sign_on_needed"
    row = configuration().run(actor)
    account(bob)
    assert refused(only(alice), actor).code == "single_sign_on_needed"
    SetSingleSignOnEnabled(organization_id="acme", enabled=True, expected_version=row.version).run(actor)
    ProviderAccount.objects.all().delete()
    assert refused(only(alice), actor).code == "single_sign_on_needed"
    account(bob)
    assert refused(only(alice), acting(alice, *WEAK)).code == "second_factor_needed"
    only(alice).run(actor)
    for command in (
        SetSingleSignOnEnabled(organization_id="acme", enabled=False, expected_version=2),
        RemoveSingleSignOn(organization_id="acme", expected_version=2),
    ):
        assert refused(command, actor).sentence == "Single sign-on is the only way to sign in. Allow other ways first."


def test_emergency_administrator_can_sign_in_without_the_provider(alice: Person, bob: Person, charlie: Person) -> None:
    actor = acting(alice, Factor.SINGLE_SIGN_ON)
    enabled(actor)
    account(bob)
    add_app(bob)
    without_factor, full = alice, people.administrator("second", "acme", *Permission)
    for person in (without_factor, bob, charlie, None):
        assert list(refused(only(person), actor).field_errors) == ["emergency_person"]
    add_app(full)
    full.set_unusable_password()
    full.save()
    assert list(refused(only(full), actor).field_errors) == ["emergency_person"]
    people.knows_password(full)
    only(full).run(actor)

    # From now on this administrator keeps every permission, also where another one has them.
    assert full.role is not None
    assert alice.role is not None
    for command in (
        DeactivateAdministrator(organization_id="acme", person_id=full.pk),
        ChangeRole(organization_id="acme", person_id=full.pk, role="Role of bob"),
        EditRole(
            organization_id="acme", role_id=full.role.pk, expected_version=1, name="Less", permissions=frozenset()
        ),
    ):  # fmt: skip
        assert refused(command, actor).code == "emergency_administrator"
    add_app(alice)
    only(alice, version=1).run(actor)
    DeactivateAdministrator(organization_id="acme", person_id=full.pk).run(actor)


def test_emergency_administrator_keeps_a_second_factor(alice: Person) -> None:
    actor = strong(alice)
    enabled(actor)
    account(alice)
    only(alice).run(actor)
    refusal = refused(RemoveAuthenticatorApp(), actor)
    assert AuthenticatorApp.objects.filter(person=alice).exists(), refusal
    only(None, allowed_only=False, version=1).run(actor)
    RemoveAuthenticatorApp().run(actor)
    assert not AuthenticatorApp.objects.exists()


def test_person_with_an_account_at_the_provider_is_active(alice: Person, bob: Person) -> None:
    bob.set_unusable_password()
    bob.save()
    assert {row.email: row.status.value for row in list_people("acme")}[bob.email] == "invited"
    account(bob)
    assert {row.email: row.status.value for row in list_people("acme")}[bob.email] == "active"
    # For the last administrator, only those count who can sign in without the provider.
    assert bob.pk not in full_administrators("acme")


def test_role_that_single_sign_on_gives_cannot_be_deleted(alice: Person) -> None:
    actor = strong(alice)
    for name in ("Default", "Claimed"):
        CreateRole(organization_id="acme", name=name, permissions=frozenset()).run(actor)
    configuration(default_role="Default", role_claim="groups", role_values=(("x", "Claimed"),)).run(actor)
    roles = {role.name: role.pk for role in alice.role.organization.roles.all()} if alice.role else {}

    for name in ("Default", "Claimed"):
        delete = DeleteRole(organization_id="acme", role_id=roles[name])
        assert refused(delete, actor).code == "role_given_by_provider"
    configuration(expected_version=1).run(actor)
    for name in ("Default", "Claimed"):
        DeleteRole(organization_id="acme", role_id=roles[name]).run(actor)


def test_people_without_second_factor(alice: Person, bob: Person, charlie: Person) -> None:
    add_app(alice)
    gone = people.administrator("gone", "acme")
    DeactivateAdministrator(organization_id="acme", person_id=gone.pk).run(command_line())
    assert [person.email for person in without_second_factor("acme")] == [bob.email]
    account(bob)
    assert without_second_factor("acme").count() == 1
    bob.set_unusable_password()
    bob.save()
    assert without_second_factor("acme").count() == 0


def test_policy_without_an_emergency_administrator_cannot_be_stored(acme: Organization) -> None:
    with pytest.raises(Exception, match="identity_policy_keeps_an_emergency_person"):
        SignInPolicy.objects.create(organization_id="acme", single_sign_on_only=True)
