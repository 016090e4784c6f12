from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import connections

from kit import people
from kit.people import NOW, PASSWORD
from watchword.control.audit.models import AuditEvent
from watchword.control.base.actor import OPERATOR_PERMISSIONS, Actor, Interface, Permission, command_line
from watchword.control.base.refusals import Refusal
from watchword.control.identity.factor_rules import Factor
from watchword.control.identity.models import Person, PersonKind, Role, Session, SignInLink, SignInThrottle
from watchword.control.identity.operator_commands import CreateOperator
from watchword.control.identity.people_commands import CreateAdministrator
from watchword.control.identity.role_commands import FULL_ROLE, CreateRole
from watchword.control.identity.sign_in_commands import SignedIn
from watchword.control.identity.sign_in_link_commands import CreateSignInLink, RedeemSignInLink, purge, usable_link
from watchword.control.web.shell.signed_in import actor_of

if TYPE_CHECKING:
    from django.test import RequestFactory

    from watchword.control.organizations.models import Organization

NEW_PASSWORD = "tangerine gravel orbit"


def test_the_first_administrator_gets_every_permission(acme: Organization, shell: Actor) -> None:
    alice = CreateAdministrator(organization_id="acme", email=" Alice@Acme.Example", name="Alice").run(shell)

    actor = people.acting(alice)
    assert alice.email == "alice@acme.example"
    assert alice.kind == PersonKind.ADMINISTRATOR
    assert actor.permissions == frozenset(Permission)
    assert actor.organization == "acme"
    assert not alice.has_usable_password()
    assert [event.action for event in AuditEvent.objects.order_by("-sequence")[:2]] == [
        "administrator_created", "role_created",
    ]  # fmt: skip


def test_the_second_gets_the_same_role(acme: Organization, shell: Actor) -> None:
    for name in ("alice", "bob"):
        CreateAdministrator(organization_id="acme", email=f"{name}@acme.example").run(shell)

    assert Role.objects.get().name == FULL_ROLE


def test_a_role_that_does_not_exist_is_refused(acme: Organization, globex: Organization, shell: Actor) -> None:
    CreateRole(organization_id="globex", name="Auditor", permissions=frozenset()).run(shell)

    with pytest.raises(Refusal) as refused:
        CreateAdministrator(organization_id="acme", email="alice@acme.example", role="Auditor").run(shell)

    assert set(refused.value.field_errors) == {"role"}


def test_email_address_is_unique_across_organizations(alice: Person, globex: Organization, shell: Actor) -> None:
    for command in (
        CreateAdministrator(organization_id="globex", email="ALICE@acme.example"),
        CreateOperator(email="alice@ACME.example"),
    ):
        with pytest.raises(Refusal) as refused:
            command.run(shell)
        assert refused.value.code == "name_taken"


def test_invalid_person_and_role_get_one_error_per_field(acme: Organization, shell: Actor) -> None:
    with pytest.raises(Refusal) as refused:
        CreateAdministrator(organization_id="acme", email="alice", name="A" * 121).run(shell)
    assert set(refused.value.field_errors) == {"email", "name"}

    with pytest.raises(Refusal) as refused:
        CreateRole(organization_id="acme", name="", permissions=frozenset()).run(shell)
    assert set(refused.value.field_errors) == {"role"}


def test_role_name_is_unique_ignoring_case(acme: Organization, shell: Actor) -> None:
    CreateRole(organization_id="acme", name="Auditor", permissions=frozenset()).run(shell)

    with pytest.raises(Refusal) as refused:
        CreateRole(organization_id="acme", name="AUDITOR", permissions=frozenset()).run(shell)

    assert refused.value.code == "name_taken"


def test_administrator_cannot_grant_permissions_not_held(acme: Organization, shell: Actor) -> None:
    manager = people.administrator("bob", "acme", Permission.ADMINISTRATORS)
    acting = people.acting(manager)
    CreateAdministrator(organization_id="acme", email="alice@acme.example").run(shell)

    for command in (
        CreateRole(organization_id="acme", name="Keys", permissions=frozenset({Permission.API_KEY_MANAGEMENT})),
        CreateAdministrator(organization_id="acme", email="bob2@acme.example"),
        CreateSignInLink(email="alice@acme.example"),
    ):
        with pytest.raises(Refusal) as refused:
            command.run(acting)
        assert refused.value.code == "permission_missing"

    own = CreateAdministrator(organization_id="acme", email="bob2@acme.example", role="Role of bob").run(acting)
    assert own.role == manager.role


def test_creating_people_needs_permission(acme: Organization, acting_bob: Actor) -> None:
    for command in (
        CreateRole(organization_id="acme", name="Own", permissions=frozenset()),
        CreateAdministrator(organization_id="acme", email="bob2@acme.example"),
        CreateSignInLink(email="bob@acme.example"),
        CreateOperator(email="bob2@acme.example"),
    ):
        with pytest.raises(Refusal) as refused:
            command.run(acting_bob)
        assert refused.value.code == "permission_missing"


def test_m_11_no_link_for_a_person_of_another_organization(alice: Person, acting_charlie: Actor) -> None:
    for email in ("alice@acme.example", "nobody@acme.example"):
        with pytest.raises(Refusal) as refused:
            CreateSignInLink(email=email).run(acting_charlie)
        assert refused.value.code == "not_found"


def test_administrator_cannot_create_link_for_operator(operator: Person, acting_alice: Actor) -> None:
    with pytest.raises(Refusal) as refused:
        CreateSignInLink(email=operator.email).run(acting_alice)

    assert refused.value.code == "not_found"


def test_the_link_sets_the_password_once(alice: Person, shell: Actor) -> None:
    secret = CreateSignInLink(email="ALICE@acme.example").run(shell, now=NOW)

    redeemed = RedeemSignInLink(secret=secret, password=NEW_PASSWORD, address="192.0.2.1").run(now=NOW)

    assert isinstance(redeemed, SignedIn)
    assert (redeemed.person, redeemed.factors) == (alice, frozenset({Factor.PASSWORD}))
    assert Person.objects.get(pk=alice.pk).check_password(NEW_PASSWORD)
    events = AuditEvent.objects.order_by("-sequence")[:2]
    assert [(event.action, event.actor, event.address) for event in events] == [
        ("signed_in", "alice@acme.example", "192.0.2.1"),
        ("password_set", "alice@acme.example", "192.0.2.1"),
    ]
    with pytest.raises(Refusal) as refused:
        RedeemSignInLink(secret=secret, password=NEW_PASSWORD).run(now=NOW)
    assert refused.value.code == "link_unusable"


def test_only_the_hash_of_a_link_is_stored(alice: Person, shell: Actor) -> None:
    secret = CreateSignInLink(email=alice.email).run(shell)

    assert len(secret) == 43
    assert secret not in str(list(SignInLink.objects.values())) + str(list(AuditEvent.objects.values()))
    with pytest.raises(Refusal):
        usable_link(SignInLink.objects.get().secret_hash, NOW)


def test_a_link_ends_after_a_day(alice: Person, shell: Actor) -> None:
    secret = CreateSignInLink(email=alice.email).run(shell, now=NOW)

    assert usable_link(secret, NOW + timedelta(hours=24) - timedelta(seconds=1)).person == alice
    with pytest.raises(Refusal):
        RedeemSignInLink(secret=secret, password=NEW_PASSWORD).run(now=NOW + timedelta(hours=24))


def test_a_new_link_ends_the_earlier_one(alice: Person, shell: Actor) -> None:
    first = CreateSignInLink(email=alice.email).run(shell, now=NOW)
    CreateSignInLink(email=alice.email).run(shell, now=NOW)

    with pytest.raises(Refusal):
        usable_link(first, NOW)


def test_a_deactivated_person_gets_no_link_and_uses_none(alice: Person, shell: Actor) -> None:
    secret = CreateSignInLink(email=alice.email).run(shell, now=NOW)
    Person.objects.update(is_active=False)

    with pytest.raises(Refusal):
        usable_link(secret, NOW)
    with pytest.raises(Refusal):
        CreateSignInLink(email=alice.email).run(shell)


@pytest.mark.parametrize("weak", ["", "short", "1234567890123", "password1234", "alice@acme.example"])
def test_a_weak_password_is_refused_and_the_link_still_works(alice: Person, shell: Actor, weak: str) -> None:
    secret = CreateSignInLink(email=alice.email).run(shell, now=NOW)

    with pytest.raises(Refusal) as refused:
        RedeemSignInLink(secret=secret, password=weak).run(now=NOW)

    assert set(refused.value.field_errors) == {"password"}
    assert usable_link(secret, NOW).person == alice


def test_operators_get_a_link_from_operators(operator: Person, shell: Actor) -> None:
    secret = CreateSignInLink(email=operator.email).run(shell, now=NOW)

    redeem = RedeemSignInLink(secret=secret, password=NEW_PASSWORD, interface=Interface.COMMAND_LINE)

    assert redeem.run(now=NOW) is None
    assert Person.objects.get(pk=operator.pk).check_password(NEW_PASSWORD)
    assert AuditEvent.objects.latest("sequence").interface == "command_line"


def test_operator_acts_in_every_organization_except_on_servers(operator: Person) -> None:
    actor = people.acting(operator)

    assert actor.operator
    assert actor.permissions == OPERATOR_PERMISSIONS
    assert Permission.API_KEY_MANAGEMENT not in actor.permissions
    assert actor.reaches("acme")


def test_a_role_of_another_organization_grants_nothing(alice: Person, charlie: Person) -> None:
    alice.role = charlie.role

    assert alice.actor(interface=Interface.PORTAL, address=None).permissions == frozenset()


def test_a_stored_permission_that_is_unknown_grants_nothing(alice: Person) -> None:
    assert alice.role is not None
    alice.role.permissions = ["Everything", "Activity"]

    assert alice.actor(interface=Interface.PORTAL, address=None).permissions == {Permission.ACTIVITY}


def test_unguarded_view_fails(rf: RequestFactory) -> None:
    from django.contrib.auth.models import AnonymousUser  # noqa: PLC0415 - needs Django to be set up.

    request = rf.get("/")
    request.user = AnonymousUser()
    with pytest.raises(RuntimeError):
        actor_of(request)


def test_purge_deletes_expired_rows(alice: Person, shell: Actor) -> None:
    CreateSignInLink(email=alice.email).run(shell, now=NOW - timedelta(days=32))
    for name, hours in (("forgotten", 37), ("over", 35)):
        then = NOW - timedelta(hours=hours)
        Session.objects.create(key_hash=name, content="", started_at=then, seen_at=then)
    then = NOW - timedelta(days=2)
    SignInThrottle.objects.create(subject="x", last_failed_at=then, blocked_until=then, reserved_at=then)
    # An attempt is under way: without its row it would end uncounted.
    SignInThrottle.objects.create(subject="y", last_failed_at=then, blocked_until=then, reserved_at=NOW)

    purge(NOW)

    assert list(Session.objects.values_list("key_hash", flat=True)) == ["over"]
    assert not SignInLink.objects.exists()
    assert [throttle.subject for throttle in SignInThrottle.objects.all()] == ["y"]


@pytest.mark.django_db(transaction=True)
def test_one_of_parallel_uses_of_a_link_succeeds() -> None:
    people.organization("acme")
    CreateAdministrator(organization_id="acme", email="alice@acme.example").run(command_line())
    secret = CreateSignInLink(email="alice@acme.example").run(command_line(), now=NOW)
    together = threading.Barrier(20)

    def use(number: int) -> str | None:
        together.wait(timeout=10)
        try:
            RedeemSignInLink(secret=secret, password=f"{PASSWORD} {number}").run(now=NOW)
        except Refusal as refusal:
            return refusal.code
        else:
            return None
        finally:
            connections.close_all()

    with ThreadPoolExecutor(20) as pool:
        outcomes = list(pool.map(use, range(20)))

    assert outcomes.count(None) == 1
    assert outcomes.count("link_unusable") == 19
