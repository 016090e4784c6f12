"""The operators' page: who they are, invite, let in again, sign out, deactivate."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from kit import people, sample_portal
from kit.desk import Desk
from watchword.control.base.actor import command_line
from watchword.control.identity.models import Person, Session
from watchword.control.identity.operator_commands import CreateOperator, DeactivateOperator
from watchword.control.identity.sign_in_link_commands import usable_link

if TYPE_CHECKING:
    from pytest_django import DjangoAssertNumQueries

OPERATORS = "console:operators"


@pytest.fixture
def desk(operator: Person) -> Desk:
    return Desk.of(operator)


@pytest.fixture
def bob(operator: Person) -> Person:
    return people.knows_password(CreateOperator(email="bob@provider.example", name="Bob").run(command_line()))


def test_each_operator_shows_status_and_last_sign_in(desk: Desk, bob: Person) -> None:
    CreateOperator(email="charlie@provider.example").run(command_line())
    DeactivateOperator(person_id=bob.pk).run(command_line())

    text = desk.get(OPERATORS).text

    assert "Bob bob@provider.example Deactivated never" in text
    assert "charlie@provider.example Invited no sign-in link never" in text
    assert "Operator You operator@provider.example Active" in text


def test_the_list_needs_the_same_queries_for_any_number_of_operators(
    desk: Desk, bob: Person, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(5):
        CreateOperator(email=f"bob{number}@provider.example").run(command_line())
    with django_assert_num_queries(4):
        desk.get(OPERATORS)


def test_invitation_shows_a_link_once_that_works(desk: Desk) -> None:
    page = desk.post("console:invite-operator", email="bob@provider.example", name="Bob")

    found = re.search(r"/sign-in/([\w-]+)", page.html)
    assert found is not None
    assert usable_link(found[1], timezone.now()).person.email == "bob@provider.example"
    assert found[1] not in desk.get(OPERATORS).html


def test_refused_invitation_keeps_what_was_typed(desk: Desk, bob: Person) -> None:
    page = desk.scripted.post("console:invite-operator", email=bob.email, name="Another Bob")

    assert page.status == 409
    assert "is already in use" in page.text
    assert page.value("name") == "Another Bob"


@pytest.mark.parametrize("action", ["sign-in-link", "sign-out", "deactivate", "reactivate"])
def test_each_change_asks_first_and_changes_nothing_when_asked(desk: Desk, bob: Person, action: str) -> None:
    sample_portal.session_of(bob)

    page = desk.get(f"console:operator-{action}", bob.pk)

    assert page.status == 200
    assert "Bob" in page.text
    assert Person.objects.get(pk=bob.pk).is_active
    assert Session.objects.filter(person=bob).exists()


def test_sign_out_ends_the_sessions(desk: Desk, bob: Person) -> None:
    sample_portal.session_of(bob)

    page = desk.scripted.post("console:operator-sign-out", bob.pk)

    assert "All sessions of Bob have ended." in page.text
    assert not Session.objects.filter(person=bob).exists()


def test_deactivate_and_reactivate(desk: Desk, bob: Person) -> None:
    assert "Bob is deactivated" in desk.scripted.post("console:operator-deactivate", bob.pk).text
    assert not Person.objects.get(pk=bob.pk).is_active
    assert "Bob can sign in again" in desk.scripted.post("console:operator-reactivate", bob.pk).text
    assert Person.objects.get(pk=bob.pk).is_active


def test_one_cannot_deactivate_oneself(desk: Desk, operator: Person, bob: Person) -> None:
    assert "Deactivate Operator: You cannot deactivate yourself." in desk.get(OPERATORS).html

    page = desk.scripted.post("console:operator-deactivate", operator.pk)

    assert page.status == 409
    assert "You cannot deactivate or reactivate yourself" in page.text
    assert Person.objects.get(pk=operator.pk).is_active
