"""Administrators: invited, given roles, deactivated; and somebody with every permission always stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kit import people, sample_portal
from kit.people import NOW, PASSWORD
from watchword.control.audit.models import AuditEvent
from watchword.control.base.actor import Actor, Interface, Permission
from watchword.control.base.refusals import Refusal
from watchword.control.identity.models import Person, PersonKind, Role, Session, SignInLink
from watchword.control.identity.people_commands import (
    ChangeRole,
    CreateAdministrator,
    DeactivateAdministrator,
    InviteAdministrator,
    ReactivateAdministrator,
    RenameAdministrator,
    SignOutAdministrator,
)
from watchword.control.identity.role_commands import CreateRole, EditRole
from watchword.control.identity.safeguards import full_administrators
from watchword.control.identity.sign_in_commands import SignedIn, SignIn
from watchword.control.identity.sign_in_link_commands import CreateSignInLink, RedeemSignInLink, usable_link

if TYPE_CHECKING:
    from collections.abc import Callable


OF_ALICE = "Role of alice"
OF_BOB = "Role of bob"


def acting(person: Person) -> Actor:
    fresh = Person.objects.select_related("role").get(pk=person.pk)
    return people.acting(fresh, address="192.0.2.7")


def event() -> AuditEvent:
    return AuditEvent.objects.latest("sequence")


def invite(email: str, role: str, actor: Actor, name: str = "") -> Person:
    return InviteAdministrator(organization_id="acme", email=email, name=name, role=role).run(actor).person


def code_of(run: Callable[[], object]) -> str:
    with pytest.raises(Refusal) as refused:
        run()
    return refused.value.code


@pytest.fixture
def manager(alice: Person) -> Actor:
    """Somebody who may manage administrators and holds nothing else."""
    return acting(people.administrator("bob2", "acme", Permission.ADMINISTRATORS))


class TestInvite:
    def test_invitation_creates_person_and_link(self, bob: Person, acting_alice: Actor) -> None:
        command = InviteAdministrator(
            organization_id="acme", email=" Bob2@acme.example", name="Bob Two", role="role of BOB"
        )
        invitation = command.run(acting_alice)

        person = usable_link(invitation.secret, NOW).person
        assert (person.email, person.name, person.role, person.kind) == (
            "bob2@acme.example", "Bob Two", bob.role, PersonKind.ADMINISTRATOR,
        )  # fmt: skip
        assert not person.has_joined
        assert invitation.secret not in repr(invitation)
        created, link = AuditEvent.objects.order_by("-sequence")[1], event()
        assert (created.action, created.target) == ("administrator_created", "bob2@acme.example")
        assert created.changes == {"name": [None, "Bob Two"], "role": [None, OF_BOB]}
        assert (link.action, link.target, link.changes) == ("sign_in_link_created", "bob2@acme.example", {})

    def test_refused_invitation_writes_nothing(self, bob: Person, acting_alice: Actor) -> None:
        before = AuditEvent.objects.count()
        for email, role, field in (("bob", OF_BOB, "email"), (bob.email, OF_BOB, "email"), ("x@y", "None", "role"),
                                   ("x@y", "", "role")):  # fmt: skip
            with pytest.raises(Refusal) as refused:
                invite(email, role, acting_alice)
            assert set(refused.value.field_errors) == {field}
        assert Person.objects.count() == 2
        assert not SignInLink.objects.exists()
        assert AuditEvent.objects.count() == before

    @pytest.mark.usefixtures("charlie")
    def test_a_role_of_another_organization_cannot_be_given(self, acting_alice: Actor) -> None:
        assert code_of(lambda: invite("x@acme.example", "Role of charlie", acting_alice)) == "fields_invalid"

    @pytest.mark.usefixtures("acme")
    def test_a_new_organizations_first_role_comes_with_its_first_administrator(self, shell: Actor) -> None:
        first = invite("alice@acme.example", "Administrator", shell)

        assert first.role is not None
        assert first.role.held() == frozenset(Permission)
        assert list(AuditEvent.objects.order_by("-sequence").values_list("action", flat=True)[:3]) == [
            "sign_in_link_created", "administrator_created", "role_created",
        ]  # fmt: skip

    @pytest.mark.usefixtures("acme")
    def test_administrator_without_role_gets_every_permission(self, shell: Actor) -> None:
        # The role with the usual name may have lost permissions; asking for a full one must not give that.
        CreateRole(organization_id="acme", name="administrator", permissions=frozenset()).run(shell)
        first = CreateAdministrator(organization_id="acme", email="alice@acme.example").run(shell)
        second = CreateAdministrator(organization_id="acme", email="bob@acme.example").run(shell)

        assert first.role is not None
        assert first.role.name == "Administrator 2"
        assert first.role.held() == frozenset(Permission)
        assert second.role == first.role


class TestChangeRole:
    @pytest.mark.usefixtures("alice")
    def test_the_role_changes_with_before_and_after(self, bob: Person, acting_alice: Actor) -> None:
        ChangeRole(organization_id="acme", person_id=bob.pk, role=OF_ALICE).run(acting_alice)

        assert acting(bob).permissions == frozenset(Permission)
        assert (event().action, event().target, event().changes) == (
            "role_changed", bob.email, {"role": [OF_BOB, OF_ALICE]},
        )  # fmt: skip

    def test_missing_role_is_reported_at_its_field(self, bob: Person, acting_alice: Actor) -> None:
        with pytest.raises(Refusal) as refused:
            ChangeRole(organization_id="acme", person_id=bob.pk, role="Emperor").run(acting_alice)
        assert refused.value.field_errors == {"role": "There is no role “Emperor”."}

    def test_own_role_can_be_reduced_while_another_full_administrator_stays(
        self, alice: Person, bob: Person, acting_alice: Actor
    ) -> None:
        demotion = ChangeRole(organization_id="acme", person_id=alice.pk, role=OF_BOB)
        assert code_of(lambda: demotion.run(acting_alice)) == "last_administrator"
        ChangeRole(organization_id="acme", person_id=bob.pk, role=OF_ALICE).run(acting_alice)
        demotion.run(acting_alice)
        assert acting(alice).permissions == {Permission.AUDIT_LOGS}


class TestName:
    def test_a_name_is_changed(self, bob: Person, acting_alice: Actor) -> None:
        RenameAdministrator(organization_id="acme", person_id=bob.pk, name="Robert").run(acting_alice)

        assert Person.objects.get(pk=bob.pk).name == "Robert"
        assert (event().action, event().changes) == ("administrator_renamed", {"name": ["Bob", "Robert"]})

    def test_an_impossible_name_is_refused(self, bob: Person, acting_alice: Actor) -> None:
        for name in ("B" * 121, "Bob\0", "Bob\n"):
            with pytest.raises(Refusal) as refused:
                RenameAdministrator(organization_id="acme", person_id=bob.pk, name=name).run(acting_alice)
            assert set(refused.value.field_errors) == {"name"}


class TestDeactivate:
    def test_sessions_and_links_end_and_signing_in_fails(self, bob: Person, acting_alice: Actor, shell: Actor) -> None:
        secret = CreateSignInLink(email=bob.email).run(shell, now=NOW)
        alice = Person.objects.get(email="alice@acme.example")
        for person in (bob, alice):
            sample_portal.session_of(person)

        DeactivateAdministrator(organization_id="acme", person_id=bob.pk).run(acting_alice)

        assert {session.person for session in Session.objects.all()} == {alice}
        assert code_of(lambda: usable_link(secret, NOW)) == "link_unusable"
        assert SignIn(email=bob.email, password=PASSWORD).run(now=NOW) is None
        changed = AuditEvent.objects.filter(action="administrator_deactivated").get()
        assert (changed.target, changed.changes) == (bob.email, {"active": [True, False]})

    def test_reactivated_administrator_signs_in_with_the_earlier_password(
        self, bob: Person, acting_alice: Actor
    ) -> None:
        sample_portal.session_of(bob)
        DeactivateAdministrator(organization_id="acme", person_id=bob.pk).run(acting_alice)
        ReactivateAdministrator(organization_id="acme", person_id=bob.pk).run(acting_alice)

        assert event().changes == {"active": [False, True]}
        assert not Session.objects.filter(person=bob).exists()
        signed_in = SignIn(email=bob.email, password=PASSWORD).run(now=NOW)
        assert isinstance(signed_in, SignedIn)
        assert signed_in.person == bob

    def test_person_cannot_deactivate_own_account(self, alice: Person, acting_alice: Actor, bob: Person) -> None:
        ChangeRole(organization_id="acme", person_id=bob.pk, role=OF_ALICE).run(acting_alice)
        command = DeactivateAdministrator(organization_id="acme", person_id=alice.pk)
        assert code_of(lambda: command.run(acting_alice)) == "own_account"

    def test_the_password_of_a_used_link_signs_in_at_that_time(self, bob: Person, shell: Actor) -> None:
        for interface, expected in ((Interface.COMMAND_LINE, None), (Interface.PORTAL, NOW)):
            secret = CreateSignInLink(email=bob.email).run(shell, now=NOW)
            RedeemSignInLink(secret=secret, password=PASSWORD, interface=interface).run(now=NOW)
            assert Person.objects.get(pk=bob.pk).last_login == expected


class TestSignOut:
    def test_all_sessions_of_that_administrator_end_and_the_account_stays_active(
        self, alice: Person, bob: Person, acting_alice: Actor
    ) -> None:
        for person in (alice, bob, bob):
            sample_portal.session_of(person)

        SignOutAdministrator(organization_id="acme", person_id=bob.pk).run(acting_alice)

        assert {session.person for session in Session.objects.all()} == {alice}
        assert Person.objects.get(pk=bob.pk).is_active
        assert (event().organization, event().action, event().target) == ("acme", "sessions_ended", bob.email)


class TestNobodyReachesBeyondTheirOwn:
    """Whoever may manage administrators and nothing else must not become, weaken or strengthen anybody above."""

    def test_people_with_more_permissions_cannot_be_changed(self, alice: Person, bob: Person, manager: Actor) -> None:
        for person in (alice, bob):
            for command in (
                ChangeRole(organization_id="acme", person_id=person.pk, role="Role of bob2"),
                RenameAdministrator(organization_id="acme", person_id=person.pk, name="Bobby"),
                DeactivateAdministrator(organization_id="acme", person_id=person.pk),
                ReactivateAdministrator(organization_id="acme", person_id=person.pk),
                SignOutAdministrator(organization_id="acme", person_id=person.pk),
                CreateSignInLink(email=person.email),
            ):
                assert code_of(lambda c=command: c.run(manager)) == "permission_missing", command  # type: ignore[misc]
                assert (event().actor, event().result) == (manager.name, "refused")

    @pytest.mark.usefixtures("alice")
    def test_roles_with_more_permissions_cannot_be_assigned(self, manager: Actor, shell: Actor) -> None:
        CreateRole(organization_id="acme", name="Newcomer", permissions=frozenset()).run(shell)
        newcomer = invite("new@acme.example", "Newcomer", manager)

        assert code_of(lambda: invite("new2@acme.example", OF_ALICE, manager)) == "permission_missing"
        command = ChangeRole(organization_id="acme", person_id=newcomer.pk, role=OF_ALICE)
        assert code_of(lambda: command.run(manager)) == "permission_missing"
        ChangeRole(organization_id="acme", person_id=newcomer.pk, role="Role of bob2").run(manager)

    @pytest.mark.usefixtures("alice")
    def test_changing_people_needs_permission(self, bob: Person, acting_bob: Actor) -> None:
        for command in (
            InviteAdministrator(organization_id="acme", email="x@acme.example", name="", role=OF_BOB),
            ChangeRole(organization_id="acme", person_id=bob.pk, role=OF_BOB),
            RenameAdministrator(organization_id="acme", person_id=bob.pk, name="x"),
            DeactivateAdministrator(organization_id="acme", person_id=bob.pk),
            ReactivateAdministrator(organization_id="acme", person_id=bob.pk),
            SignOutAdministrator(organization_id="acme", person_id=bob.pk),
        ):
            assert code_of(lambda c=command: c.run(acting_bob)) == "permission_missing"  # type: ignore[misc]

    @pytest.mark.usefixtures("charlie")
    def test_m_11_people_of_another_organization_are_not_found(self, alice: Person, acting_charlie: Actor) -> None:
        for person_id in (alice.pk, 0, 10**30):
            for organization in ("acme", "globex"):
                for kind in (DeactivateAdministrator, SignOutAdministrator):
                    command = kind(organization_id=organization, person_id=person_id)
                    assert code_of(lambda c=command: c.run(acting_charlie)) == "not_found"  # type: ignore[misc]

    def test_operators_are_not_found_as_administrators(self, acting_alice: Actor, operator: Person) -> None:
        command = DeactivateAdministrator(organization_id="acme", person_id=operator.pk)
        assert code_of(lambda: command.run(acting_alice)) == "not_found"


class TestTheLastFullAdministrator:
    def losses(self, alice: Person) -> list[Callable[[Actor], object]]:
        role = alice.role
        assert role is not None
        fewer = frozenset(Permission.values) - {Permission.ACTIVITY.value}
        edit = EditRole(organization_id="acme", role_id=role.pk, expected_version=1, name=role.name, permissions=fewer)
        return [
            DeactivateAdministrator(organization_id="acme", person_id=alice.pk).run,
            ChangeRole(organization_id="acme", person_id=alice.pk, role=OF_BOB).run,
            edit.run,
        ]

    @pytest.mark.usefixtures("bob")
    def test_p_09_last_full_administrator_stays(self, alice: Person, shell: Actor) -> None:
        for lose in self.losses(alice):
            assert code_of(lambda f=lose: f(shell)) == "last_administrator"  # type: ignore[misc]
        assert acting(alice).permissions == frozenset(Permission)
        assert Role.objects.get(name=OF_ALICE).version == 1

    @pytest.mark.usefixtures("bob")
    def test_invited_administrator_does_not_count(self, alice: Person, shell: Actor) -> None:
        invited = invite("bob2@acme.example", OF_ALICE, shell)
        assert full_administrators("acme") == {alice.pk}
        for lose in self.losses(alice):
            assert code_of(lambda f=lose: f(shell)) == "last_administrator"  # type: ignore[misc]

        secret = CreateSignInLink(email=invited.email).run(shell, now=NOW)
        RedeemSignInLink(secret=secret, password="tangerine gravel orbit").run(now=NOW)
        self.losses(alice)[0](shell)
        assert full_administrators("acme") == {invited.pk}

    def test_administrator_without_usable_password_does_not_count(self, alice: Person) -> None:
        Person.objects.filter(pk=alice.pk).update(password="")
        alice.refresh_from_db()
        assert not alice.has_joined
        assert full_administrators("acme") == frozenset()

    def test_deactivated_administrator_does_not_count(self, alice: Person, bob: Person, shell: Actor) -> None:
        ChangeRole(organization_id="acme", person_id=bob.pk, role=OF_ALICE).run(shell)
        DeactivateAdministrator(organization_id="acme", person_id=bob.pk).run(shell)
        for lose in self.losses(alice):
            assert code_of(lambda f=lose: f(shell)) == "last_administrator"  # type: ignore[misc]

    @pytest.mark.usefixtures("charlie")
    def test_full_administrators_of_others_do_not_help(self, alice: Person, shell: Actor) -> None:
        command = DeactivateAdministrator(organization_id="acme", person_id=alice.pk)
        assert code_of(lambda: command.run(shell)) == "last_administrator"

    @pytest.mark.usefixtures("acme")
    def test_organization_without_full_administrator_can_change(self, shell: Actor) -> None:
        invited = CreateAdministrator(organization_id="acme", email="typo@acme.example").run(shell)
        DeactivateAdministrator(organization_id="acme", person_id=invited.pk).run(shell)
        assert not Person.objects.get(pk=invited.pk).is_active

    def test_p_09_operator_recovers_organization_and_it_is_audited(self, alice: Person, operator: Person) -> None:
        """The last full administrator has left for good: a new one is invited, then the old account is closed."""
        rescuer = acting(operator)
        invitation = InviteAdministrator(
            organization_id="acme", email="bob@acme.example", name="Bob", role=OF_ALICE
        ).run(rescuer)
        RedeemSignInLink(secret=invitation.secret, password="tangerine gravel orbit").run(now=NOW)
        DeactivateAdministrator(organization_id="acme", person_id=alice.pk).run(rescuer)

        assert full_administrators("acme") == {invitation.person.pk}
        told = AuditEvent.objects.filter(organization="acme", actor=operator.email).values_list("action", flat=True)
        assert list(told.order_by("sequence")) == [
            "administrator_created", "sign_in_link_created", "administrator_deactivated",
        ]  # fmt: skip
