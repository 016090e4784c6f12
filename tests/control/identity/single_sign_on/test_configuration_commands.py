"""Identity providers and e-mail domains: how they are stored, and what ends with a change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from kit import people
from kit.sign_in_settings import (
    STRONG,
    account,
    acting,
    assign,
    configuration,
    enabled,
    event,
    live,
    refused,
    strong,
)
from watchword.control.base.actor import command_line
from watchword.control.identity.factor_rules import Factor
from watchword.control.identity.models import EmailDomain, ProviderAccount
from watchword.control.identity.sealing import unseal
from watchword.control.identity.single_sign_on.configuration_commands import (
    CLIENT_SECRET,
    RemoveSingleSignOn,
    SetSingleSignOnEnabled,
)
from watchword.control.identity.single_sign_on.domain_commands import AssignEmailDomain, RemoveEmailDomain
from watchword.control.identity.single_sign_on.queries import configuration_of

if TYPE_CHECKING:
    from watchword.control.identity.models import Person
    from watchword.control.organizations.models import Organization


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
