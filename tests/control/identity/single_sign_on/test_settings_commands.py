"""Sign-in policy, identity provider and e-mail domains: who may change them, and what ends with a change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from kit import people, sign_in_settings
from kit.sign_in_settings import STRONG, WEAK, acting, add_app, assign, configuration, enabled, strong
from watchword.control.audit.models import AuditEvent
from watchword.control.base.actor import Permission, command_line
from watchword.control.base.refusals import Refusal
from watchword.control.identity.factor_models import AuthenticatorApp
from watchword.control.identity.factor_rules import Factor
from watchword.control.identity.factors.commands import RemoveAuthenticatorApp
from watchword.control.identity.models import EmailDomain, ProviderAccount, Session, SignInLink, SignInPolicy
from watchword.control.identity.people_commands import ChangeRole, DeactivateAdministrator, InviteAdministrator
from watchword.control.identity.queries import list_people
from watchword.control.identity.role_commands import CreateRole, DeleteRole, EditRole
from watchword.control.identity.safeguards import full_administrators
from watchword.control.identity.sealing import unseal
from watchword.control.identity.sign_in_link_commands import CreateSignInLink
from watchword.control.identity.single_sign_on.configuration_commands import (
    CLIENT_SECRET,
    RemoveSingleSignOn,
    SetSingleSignOnEnabled,
)
from watchword.control.identity.single_sign_on.domain_commands import AssignEmailDomain, RemoveEmailDomain
from watchword.control.identity.single_sign_on.policy_commands import AllowSingleSignOnOnly, RequireSecondFactor
from watchword.control.identity.single_sign_on.queries import configuration_of, policy_of, without_second_factor

if TYPE_CHECKING:
    from watchword.control.base.actor import Actor
    from watchword.control.identity.models import Person
    from watchword.control.organizations.models import Organization


def require(*, required: bool = True, version: int = 0) -> RequireSecondFactor:
    return RequireSecondFactor(organization_id="acme", required=required, expected_version=version)


def only(emergency: Person | None, *, allowed_only: bool = True, version: int = 0) -> AllowSingleSignOnOnly:
    return AllowSingleSignOnOnly(
        organization_id="acme",
        only=allowed_only,
        emergency_person_id=None if emergency is None else emergency.pk,
        expected_version=version,
    )


def refused(command: Any, actor: Actor) -> Refusal:
    with pytest.raises(Refusal) as refusal:
        command.run(actor)
    return refusal.value


def event() -> AuditEvent:
    return AuditEvent.objects.latest("sequence")


def account(person: Person, subject: str = "alice") -> None:
    ProviderAccount.objects.create(
        person=person,
        organization_id=person.organization_id,
        issuer=sign_in_settings.ISSUER,
        subject=subject,
        created_at=people.NOW,
    )


def live(actor: Actor) -> bool:
    assert actor.session is not None
    return Session.objects.filter(public_id=actor.session).exists()


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


def test_configuration_is_stored_without_the_secret_in_clear(alice: Person) -> None:
    row = configuration(role_claim="groups", role_values=(("admins", "Role of alice"),)).run(strong(alice))

    assert "a-secret" not in row.sealed_client_secret
    assert unseal(CLIENT_SECRET, row.sealed_client_secret) == "a-secret-of-at-least-32-characters"
    shown = configuration_of("acme")
    assert shown is not None
    assert (shown.enabled, shown.role_values, shown.default_role) == (
        False,
        (("admins", "Role of alice"),),
        "Role of alice",
    )
    assert event().changes == {
        "issuer": [None, "https://login.acme.example"],
        "client_id": [None, "watchword"],
        "role_claim": [None, "groups"],
        "role_values": [None, "admins: Role of alice"],
        "default_role": [None, "Role of alice"],
        "client_secret": [None, "set anew"],
    }


def test_stored_secret_is_never_sent_to_another_issuer(alice: Person) -> None:
    actor = strong(alice)
    configuration().run(actor)
    for other in ({"issuer": "https://evil.example"}, {"client_id": "other"}):
        refusal = refused(configuration(client_secret="", expected_version=1, **other), actor)
        assert list(refusal.field_errors) == ["client_secret"]
    kept = configuration(client_secret="", expected_version=1, role_claim="groups").run(actor)
    assert unseal(CLIENT_SECRET, kept.sealed_client_secret) == "a-secret-of-at-least-32-characters"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"client_secret": ""}, "client_secret"),
        ({"issuer": "http://login.acme.example"}, "issuer"),
        ({"default_role": ""}, "default_role"),
        ({"default_role": "Role of charlie"}, "default_role"),
        ({"role_claim": "groups", "role_values": (("admins", "Role of charlie"),)}, "role_values"),
        ({"role_claim": "groups", "role_values": (("admins", ""),)}, "role_values"),
    ],
)
def test_faults_of_a_configuration(alice: Person, charlie: Person, changes: dict[str, Any], field: str) -> None:
    assert charlie.role is not None
    assert list(refused(configuration(**changes), strong(alice)).field_errors) == [field]


@pytest.mark.parametrize("change", [{"issuer": "https://new.acme.example"}, {"client_id": "new"}])
def test_another_issuer_or_client_unlinks_people(alice: Person, bob: Person, change: dict[str, Any]) -> None:
    actor = strong(alice)
    row = enabled(actor)
    account(bob)
    by_provider = acting(bob, Factor.SINGLE_SIGN_ON)

    kept = configuration(expected_version=row.version).run(actor)
    assert ProviderAccount.objects.exists()
    assert live(by_provider)
    configuration(expected_version=kept.version, **change).run(actor)

    assert not ProviderAccount.objects.exists()
    assert not live(by_provider)
    assert live(actor)


def test_disabling_and_removing_end_the_sessions_of_single_sign_on(alice: Person, bob: Person) -> None:
    row = enabled(strong(alice))
    account(bob)
    actor, by_provider, by_password = (
        acting(alice, Factor.SINGLE_SIGN_ON),
        acting(bob, Factor.SINGLE_SIGN_ON),
        acting(bob),
    )

    row = SetSingleSignOnEnabled(organization_id="acme", enabled=False, expected_version=row.version).run(actor)
    assert [live(each) for each in (actor, by_provider, by_password)] == [True, False, True]
    assert ProviderAccount.objects.exists()

    RemoveSingleSignOn(organization_id="acme", expected_version=row.version).run(actor)
    assert configuration_of("acme") is None
    assert not ProviderAccount.objects.exists()
    assert event().changes["issuer"] == ["https://login.acme.example", None]


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


def test_operator_assigns_a_domain_to_one_organization(
    operator: Person, acme: Organization, globex: Organization
) -> None:
    actor = people.acting(operator)
    AssignEmailDomain(organization_id="acme", domain="ACME.example").run(actor)

    assert (event().action, event().target, event().organization) == ("email_domain_assigned", "acme.example", "acme")
    for organization in ("acme", "globex"):
        refusal = refused(AssignEmailDomain(organization_id=organization, domain="acme.example"), actor)
        assert refusal.field_errors == {"domain": "acme.example is already assigned to Acme."}
    assert list(refused(AssignEmailDomain(organization_id="acme", domain="com"), actor).field_errors) == ["domain"]
    assert refused(RemoveEmailDomain(organization_id="globex", domain="acme.example"), actor).code == "not_found"

    RemoveEmailDomain(organization_id="acme", domain="acme.example").run(actor)
    assert (event().action, event().target) == ("email_domain_removed", "acme.example")
    AssignEmailDomain(organization_id="globex", domain="acme.example").run(actor)


def test_administrators_assign_no_domain(alice: Person) -> None:
    actor = strong(alice)
    assert refused(AssignEmailDomain(organization_id="acme", domain="acme.example"), actor).code == "permission_missing"
    assign()
    assert refused(RemoveEmailDomain(organization_id="acme", domain="acme.example"), actor).code == "permission_missing"
    assert EmailDomain.objects.count() == 1


def test_removing_a_domain_ends_its_sessions_of_single_sign_on(alice: Person, bob: Person) -> None:
    assign()
    bob.email = "bob@sub.acme.example"
    bob.save()
    ended = acting(alice, Factor.SINGLE_SIGN_ON)
    kept = [acting(alice, *STRONG), acting(bob, Factor.SINGLE_SIGN_ON)]
    RemoveEmailDomain(organization_id="acme", domain="acme.example").run(command_line())
    assert [live(each) for each in [ended, *kept]] == [False, True, True]


def test_policy_without_an_emergency_administrator_cannot_be_stored(acme: Organization) -> None:
    with pytest.raises(Exception, match="identity_policy_keeps_an_emergency_person"):
        SignInPolicy.objects.create(organization_id="acme", single_sign_on_only=True)
