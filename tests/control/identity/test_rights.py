"""FK-01: rights that are lost while a request is in progress are lost for its change, too."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from django.contrib.auth import authenticate
from django.db import connection, connections
from django.urls import reverse
from django.utils import timezone

from kit import people
from kit.browser_session import BrowserSession
from watchword.control.audit.chain import verify_chain
from watchword.control.audit.models import AuditEvent
from watchword.control.base.actor import Actor, Interface, Permission, command_line
from watchword.control.base.refusals import AccessLost, Refusal
from watchword.control.identity.models import Person, Role, Session, SignInLink
from watchword.control.identity.operator_commands import DeactivateOperator
from watchword.control.identity.passwords import hashed_password
from watchword.control.identity.people_commands import (
    ChangeRole,
    DeactivateAdministrator,
    InviteAdministrator,
    ReactivateAdministrator,
)
from watchword.control.identity.role_commands import CreateRole, EditRole
from watchword.control.identity.session_commands import ChangePassword, EndSession
from watchword.control.identity.session_rules import ABSOLUTE, IDLE
from watchword.control.identity.session_store import SessionStore
from watchword.control.identity.sign_in_commands import SignIn
from watchword.control.identity.sign_in_link_commands import CreateSignInLink, RedeemSignInLink
from watchword.control.organizations.commands import Suspend
from watchword.control.organizations.models import Suspension, SuspensionReason
from watchword.control.servers.validate import BeginValidation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from watchword.control.organizations.models import Organization

CHOSEN = "eleven purple bicycles sing"


def deactivated(bob: Person, actor: Actor) -> None:
    DeactivateAdministrator(organization_id="acme", person_id=bob.pk).run(command_line())


def demoted(bob: Person, actor: Actor) -> None:
    ChangeRole(organization_id="acme", person_id=bob.pk, role="Newcomer").run(command_line())


def role_edited(bob: Person, actor: Actor) -> None:
    role = Role.objects.get(name="Role of bob")
    EditRole(
        organization_id="acme", role_id=role.pk, expected_version=1, name=role.name, permissions=frozenset()
    ).run(command_line())  # fmt: skip


def signed_out_elsewhere(bob: Person, actor: Actor) -> None:
    assert actor.session is not None
    EndSession(session_id=actor.session).run(people.acting(bob))


def password_reset(bob: Person, actor: Actor) -> None:
    secret = CreateSignInLink(email=bob.email).run(command_line())
    RedeemSignInLink(secret=secret, password=CHOSEN).run(now=timezone.now())


def idle(bob: Person, actor: Actor) -> None:
    Session.objects.filter(person=bob).update(seen_at=timezone.now() - IDLE)


def too_old(bob: Person, actor: Actor) -> None:
    Session.objects.filter(person=bob).update(started_at=timezone.now() - ABSOLUTE)


def moved(bob: Person, actor: Actor) -> None:
    people.organization("globex")
    role = Role.objects.create(organization_id="globex", name="Full", permissions=list(Permission.values))
    Person.objects.filter(pk=bob.pk).update(organization_id="globex", role=role)


LOSSES = [
    (deactivated, "session_ended"),
    (signed_out_elsewhere, "session_ended"),
    (password_reset, "session_ended"),
    (idle, "session_ended"),
    (too_old, "session_ended"),
    (demoted, "permission_missing"),
    (role_edited, "permission_missing"),
    (moved, "not_found"),
]


@pytest.fixture
def full_bob(alice: Person) -> Person:
    CreateRole(organization_id="acme", name="Newcomer", permissions=frozenset()).run(command_line())
    return people.administrator("bob", "acme", *Permission)


@pytest.mark.parametrize(("lose", "code"), LOSSES, ids=[lose.__name__ for lose, _ in LOSSES])
def test_fk_01_rights_lost_since_the_request_began_are_refused(
    full_bob: Person, lose: Callable[[Person, Actor], None], code: str
) -> None:
    acting = people.acting(full_bob, address="192.0.2.2")
    lose(full_bob, acting)

    for run in (
        lambda: InviteAdministrator(
            organization_id="acme", email="new@acme.example", name="", role="Newcomer"
        ).run(acting),
        lambda: ReactivateAdministrator(organization_id="acme", person_id=full_bob.pk).run(acting),
        lambda: BeginValidation(organization_id="acme").run(acting, timezone.now()),
    ):  # fmt: skip
        with pytest.raises(AccessLost) as lost:
            run()
        assert lost.value.refusal.code == code
        event = AuditEvent.objects.latest("sequence")
        assert (event.actor, event.result, event.address) == (full_bob.email, "refused", "192.0.2.2")
        assert event.changes == {"reason": [None, code]}
    assert not Person.objects.filter(email="new@acme.example").exists()


def test_fk_01_deactivated_operator_cannot_suspend(acme: Organization, operator: Person) -> None:
    acting = people.acting(operator)
    people.knows_password(
        Person.objects.create(email="second@provider.example", kind="operator", created_at=people.NOW)
    )
    DeactivateOperator(person_id=operator.pk).run(command_line())

    with pytest.raises(AccessLost):
        Suspend(organization_id="acme", reason=SuspensionReason.TERMS_VIOLATED).run(acting)
    assert not Suspension.objects.exists()


def test_fk_01_portal_changes_need_own_session(alice: Person, full_bob: Person) -> None:
    acting = people.acting(alice)
    for session in (None, uuid4(), people.acting(full_bob).session):
        with pytest.raises(AccessLost):
            CreateRole(organization_id="acme", name="New", permissions=frozenset()).run(
                replace(acting, session=session)
            )
    made_up = Actor(name="x", interface=Interface.PORTAL, organization="acme", permissions=frozenset(Permission))
    with pytest.raises(AccessLost):
        CreateRole(organization_id="acme", name="New", permissions=frozenset()).run(made_up)


def test_fk_01_command_uses_present_rights(full_bob: Person) -> None:
    """And those of the actor that the command sees are the present ones: a lost permission cannot be handed out."""
    acting = people.acting(full_bob)
    role = Role.objects.get(name="Role of bob")
    EditRole(
        organization_id="acme",
        role_id=role.pk,
        expected_version=1,
        name=role.name,
        permissions=frozenset({Permission.ADMINISTRATORS.value}),
    ).run(command_line())

    CreateRole(organization_id="acme", name="Managers", permissions=frozenset({"Administrators"})).run(acting)
    with pytest.raises(Refusal, match="Audit Logs"):
        CreateRole(organization_id="acme", name="Auditors", permissions=frozenset({"Audit Logs"})).run(acting)


def test_fk_01_person_cannot_reactivate_own_account(acting_alice: Actor, alice: Person) -> None:
    with pytest.raises(Refusal) as refusal:
        ReactivateAdministrator(organization_id="acme", person_id=alice.pk).run(acting_alice)
    assert refusal.value.code == "own_account"


class TestPasswordReplacedWhileItWasChecked:
    def test_fk_01_replaced_password_does_not_sign_in(self, alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
        def slowly(request: None, **credentials: str) -> object:
            found = authenticate(request, **credentials)
            secret = CreateSignInLink(email=alice.email).run(command_line())
            RedeemSignInLink(secret=secret, password=CHOSEN).run(now=timezone.now())
            return found

        monkeypatch.setattr("watchword.control.identity.sign_in_commands.authenticate", slowly)
        assert SignIn(email=alice.email, password=people.PASSWORD).run(now=timezone.now()) is None

    def test_fk_01_replaced_password_does_not_change_the_new_one(
        self, alice: Person, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        acting = people.acting(alice)
        assert acting.session is not None

        def slowly(password: str, person: Person) -> str:
            hashed = hashed_password(password, person)
            Person.objects.filter(pk=alice.pk).update(password="another")
            return hashed

        monkeypatch.setattr("watchword.control.identity.session_commands.hashed_password", slowly)
        with pytest.raises(AccessLost):
            ChangePassword(current=people.PASSWORD, password=CHOSEN, kept=acting.session).run(acting)


@contextmanager
def deactivated_before_the_lock(person: Person) -> Iterator[None]:
    """The person is found active first, and is deactivated by the time that the organization's row is locked."""

    def deactivate(execute: Callable[..., object], sql: str, *rest: object) -> object:
        if 'FROM "organizations_organization"' in sql:
            Person.objects.filter(pk=person.pk).update(is_active=False)
        return execute(sql, *rest)

    with connection.execute_wrapper(deactivate):
        yield


def test_fk_01_no_link_for_person_deactivated_meanwhile(alice: Person) -> None:
    with deactivated_before_the_lock(alice), pytest.raises(Refusal) as refused:
        CreateSignInLink(email=alice.email).run(command_line())

    assert refused.value.code == "not_found"
    assert not SignInLink.objects.exists()


def test_fk_01_link_sets_no_password_for_person_deactivated_meanwhile(alice: Person) -> None:
    secret = CreateSignInLink(email=alice.email).run(command_line())

    with deactivated_before_the_lock(alice), pytest.raises(Refusal) as refused:
        RedeemSignInLink(secret=secret, password=CHOSEN).run(now=timezone.now())

    assert refused.value.code == "link_unusable"
    assert not Person.objects.get(pk=alice.pk).check_password(CHOSEN)


def test_fk_01_an_ended_session_does_not_come_back_under_another_key(alice: Person) -> None:
    browser = BrowserSession.of(alice)
    store = SessionStore(browser.client.cookies["watchword_session"].value)
    assert store.public_id is not None
    Session.objects.all().delete()

    with pytest.raises(AccessLost):
        store.cycle_key()
    assert not Session.objects.exists()


class TestPages:
    """What the browser sees of it. The right is lost between the guard of the page and the command."""

    @pytest.fixture
    def losing(
        self, full_bob: Person, monkeypatch: pytest.MonkeyPatch
    ) -> Callable[[Callable[..., None]], BrowserSession]:
        def arrange(lose: Callable[..., None]) -> BrowserSession:
            browser = BrowserSession.of(full_bob)
            run = CreateRole.run

            def late(command: CreateRole, actor: Actor) -> Role:
                monkeypatch.setattr(CreateRole, "run", run)
                lose(full_bob, actor)
                return run(command, actor)

            monkeypatch.setattr(CreateRole, "run", late)
            return browser

        return arrange

    def test_ended_session_redirects_to_sign_in_with_reason(self, losing: Callable[..., BrowserSession]) -> None:
        browser = losing(deactivated)
        answer = browser.post("people:create-role", "acme", role="New", permissions="Activity")
        assert (answer.status, answer.leads_to) == (302, f"/sign-in?next={reverse('people:roles', args=['acme'])}")
        shown = browser.get("sign_in:sign-in")
        assert "Your session was ended. Sign in to continue. What you sent last was not saved." in shown.text

    def test_script_redirects_to_sign_in(self, losing: Callable[..., BrowserSession]) -> None:
        browser = losing(idle).scripted
        answer = browser.post("people:create-role", "acme", role="New", permissions="Activity")
        assert answer.leads_to == reverse("people:roles", args=["acme"])
        shown = browser.get("sign_in:sign-in")
        assert "You were signed out after 30 minutes without activity. What you sent last was not saved." in shown.text

    def test_lost_permission_is_named(self, losing: Callable[..., BrowserSession]) -> None:
        answer = losing(demoted).post("people:create-role", "acme", role="New", permissions="Activity")
        assert answer.status == 403
        assert "“Administrators”" in answer.text
        assert "Not allowed" in answer.text


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("committing")
def test_fk_01_after_a_deactivation_eight_connections_change_nothing_more() -> None:
    people.organization("acme")
    people.administrator("alice", "acme", *Permission)
    bob = people.administrator("bob", "acme", *Permission)
    desks = [BrowserSession.of(bob) for _ in range(8)]
    under_way = threading.Barrier(len(desks) + 1)
    over = threading.Event()

    def act(number: int) -> list[int]:
        """Create, invite and reactivate oneself until the deactivation is over, and once more."""
        statuses = []
        try:
            for round_ in range(1000):
                last = over.is_set()
                name = f"n{number}-{round_}"
                statuses += [
                    desks[number].post("people:create-role", "acme", role=name, permissions="Activity").status,
                    desks[number].post("people:reactivate", "acme", bob.pk).status,
                ]
                if round_ == 0:
                    under_way.wait(timeout=60)
                if last:
                    return statuses
        finally:
            connections.close_all()
        raise AssertionError("the deactivation never came")

    with ThreadPoolExecutor(len(desks)) as pool:
        acting = [pool.submit(act, number) for number in range(len(desks))]
        under_way.wait(timeout=60)
        DeactivateAdministrator(organization_id="acme", person_id=bob.pk).run(command_line())
        over.set()
        statuses = [status for future in acting for status in future.result(timeout=60)]

    # The log is in the order of commits: one row is locked for each event.
    end = AuditEvent.objects.get(action="administrator_deactivated").sequence
    done = AuditEvent.objects.filter(actor=bob.email, result="success", action="role_created")
    assert done.filter(sequence__lt=end).exists()
    assert not AuditEvent.objects.filter(actor=bob.email, result="success", sequence__gt=end).exists()
    assert not Person.objects.get(pk=bob.pk).is_active
    assert not Session.objects.filter(person=bob).exists()
    assert set(statuses) <= {302, 409}
    assert verify_chain() is None


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("committing")
def test_fk_01_an_operators_changes_and_the_deactivation_come_one_after_the_other() -> None:
    """Operators have no organization to lock; the row of the person serves."""
    for name in ("acme", "globex", "initech"):
        people.organization(name)
    leaving = people.operator()
    staying = people.knows_password(
        Person.objects.create(email="second@provider.example", kind="operator", created_at=people.NOW)
    )
    actors = {name: people.acting(leaving) for name in ("acme", "globex", "initech")}
    under_way = threading.Barrier(len(actors) + 1)

    def act(organization: str) -> None:
        try:
            for round_ in range(1000):
                try:
                    Suspend(organization_id=organization, reason=SuspensionReason.TERMS_VIOLATED).run(
                        actors[organization]
                    )
                except AccessLost:
                    return
                finally:
                    Suspension.objects.filter(organization_id=organization).update(
                        lifted_at=timezone.now() + timedelta(seconds=1), lifted_by="test"
                    )
                    if round_ == 0:
                        under_way.wait(timeout=60)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(actors)) as pool:
        acting = [pool.submit(act, organization) for organization in actors]
        under_way.wait(timeout=60)
        DeactivateOperator(person_id=leaving.pk).run(people.acting(staying))
        for future in acting:
            future.result(timeout=60)

    end = AuditEvent.objects.get(action="operator_deactivated").sequence
    own = AuditEvent.objects.filter(actor=leaving.email, result="success")
    assert own.filter(sequence__lt=end).exists()
    assert not own.filter(sequence__gt=end).exists()
