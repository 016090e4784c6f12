"""Operators: invited, signed out, deactivated, reactivated; one who can sign in always stays."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from django.db import connections

from kit import people, sample_portal
from kit.people import NOW, PASSWORD
from watchword.control.audit.models import AuditEvent
from watchword.control.base.actor import OPERATOR_PERMISSIONS, Actor, Permission, command_line
from watchword.control.base.refusals import AccessLost, Refusal
from watchword.control.identity.models import Person, Session, SignInLink
from watchword.control.identity.operator_commands import (
    CreateOperator,
    DeactivateOperator,
    InviteOperator,
    ReactivateOperator,
    SignOutOperator,
)
from watchword.control.identity.safeguards import able_operators
from watchword.control.identity.sign_in_commands import PasswordAccepted, SignIn
from watchword.control.identity.sign_in_link_commands import CreateSignInLink, RedeemSignInLink, usable_link

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 5


def acting(person: Person) -> Actor:
    return people.acting(Person.objects.get(pk=person.pk), address="192.0.2.7")


def colleague(name: str) -> Person:
    return people.knows_password(CreateOperator(email=f"{name}@provider.example", name=name).run(command_line()))


def code_of(run: Callable[[], object]) -> str:
    with pytest.raises(Refusal) as refused:
        run()
    return refused.value.code


@pytest.fixture
def bob(operator: Person) -> Person:
    return colleague("bob")


def test_invited_operator_chooses_a_password_with_the_link(operator: Person) -> None:
    invitation = InviteOperator(email=" Bob@Provider.Example", name="Bob").run(acting(operator))

    accepted = RedeemSignInLink(secret=invitation.secret, password=PASSWORD).run(now=NOW)

    assert isinstance(accepted, PasswordAccepted)
    joined = accepted.person
    assert (joined.email, joined.name) == ("bob@provider.example", "Bob")
    assert acting(joined).operator
    assert acting(joined).permissions == OPERATOR_PERMISSIONS
    actions = AuditEvent.objects.filter(target="bob@provider.example").order_by("sequence")
    assert [event.action for event in actions] == [
        "operator_created", "sign_in_link_created", "password_set", "password_accepted",
    ]  # fmt: skip


def test_invitation_with_a_taken_address_leaves_nothing_behind(operator: Person, bob: Person) -> None:
    assert code_of(lambda: InviteOperator(email=bob.email, name="").run(acting(operator))) == "name_taken"
    assert not SignInLink.objects.exists()


def test_deactivated_operator_is_signed_out_and_cannot_sign_in(operator: Person, bob: Person) -> None:
    sample_portal.session_of(bob)
    secret = CreateSignInLink(email=bob.email).run(command_line(), now=NOW)

    DeactivateOperator(person_id=bob.pk).run(acting(operator))

    assert not Session.objects.filter(person=bob).exists()
    assert code_of(lambda: usable_link(secret, NOW)) == "link_unusable"
    assert AuditEvent.objects.latest("sequence").action == "operator_deactivated"
    assert SignIn(email=bob.email, password=PASSWORD, address="192.0.2.9").run(now=NOW) is None


def test_reactivated_operator_signs_in_with_the_earlier_password(operator: Person, bob: Person) -> None:
    DeactivateOperator(person_id=bob.pk).run(acting(operator))
    ReactivateOperator(person_id=bob.pk).run(acting(operator))

    assert able_operators() == {operator.pk, bob.pk}
    assert Person.objects.get(pk=bob.pk).check_password(PASSWORD)


def test_signed_out_operator_stays_active(operator: Person, bob: Person) -> None:
    sample_portal.session_of(bob)
    mine = sample_portal.session_of(operator)

    SignOutOperator(person_id=bob.pk).run(acting(operator))

    assert not Session.objects.filter(person=bob).exists()
    assert Session.objects.filter(person=operator).exists(), mine
    assert Person.objects.get(pk=bob.pk).is_active
    assert AuditEvent.objects.latest("sequence").action == "sessions_ended"


def test_operator_cannot_deactivate_own_account(operator: Person, bob: Person) -> None:
    assert code_of(lambda: DeactivateOperator(person_id=operator.pk).run(acting(operator))) == "own_account"


def test_last_operator_who_can_sign_in_cannot_be_deactivated(operator: Person) -> None:
    InviteOperator(email="bob@provider.example", name="Bob").run(acting(operator))

    # Invited is not enough: the link may be lost.
    assert code_of(lambda: DeactivateOperator(person_id=operator.pk).run(command_line())) == "last_operator"
    assert able_operators() == {operator.pk}


@pytest.mark.parametrize("command", [DeactivateOperator, ReactivateOperator, SignOutOperator])
def test_only_operators_reach_operators(
    command: type[DeactivateOperator | ReactivateOperator | SignOutOperator], bob: Person, alice: Person
) -> None:
    full = people.administrator("charlie", "acme", *Permission)

    assert code_of(lambda: command(person_id=bob.pk).run(acting(full))) == "permission_missing"
    # And an administrator's account is not an operator's.
    assert code_of(lambda: command(person_id=alice.pk).run(acting(bob))) == "not_found"


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("committing")
def test_p_09_two_operators_who_deactivate_each_other_leave_one() -> None:
    alice, bob = colleague("alice"), colleague("bob")
    for _ in range(ROUNDS):
        Person.objects.update(is_active=True)
        actors = acting(alice), acting(bob)
        start = threading.Barrier(2)

        def deactivate(actor: Actor, target: Person, start: threading.Barrier = start) -> str:
            start.wait(timeout=30)
            try:
                DeactivateOperator(person_id=target.pk).run(actor)
            except AccessLost as lost:
                return lost.refusal.code
            else:
                return "done"
            finally:
                connections.close_all()

        with ThreadPoolExecutor(2) as pool:
            outcomes = list(pool.map(deactivate, actors, (bob, alice)))

        assert sorted(outcomes) == ["done", "session_ended"]
        assert len(able_operators()) == 1
