"""The operators' page: who they are, invite, let in again, sign out, reset the second factor, deactivate."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from kit import enrolled, people, sample_portal
from kit.browser_session import BrowserSession
from watchword.control.base.actor import command_line
from watchword.control.identity.models import Person, Session
from watchword.control.identity.operator_commands import CreateOperator, DeactivateOperator
from watchword.control.identity.sign_in_link_commands import usable_link

if TYPE_CHECKING:
    from pytest_django import DjangoAssertNumQueries

OPERATORS = "console:operators"


@pytest.fixture
def browser(operator: Person) -> BrowserSession:
    return BrowserSession.of(operator)


@pytest.fixture
def bob(operator: Person) -> Person:
    return people.knows_password(CreateOperator(email="bob@provider.example", name="Bob").run(command_line()))


def test_each_operator_shows_status_second_factor_and_last_sign_in(
    browser: BrowserSession, operator: Person, bob: Person
) -> None:
    CreateOperator(email="charlie@provider.example").run(command_line())
    DeactivateOperator(person_id=bob.pk).run(command_line())

    enrolled.passkey(operator)

    text = browser.get(OPERATORS).text

    assert "Bob bob@provider.example Deactivated not set up yet never" in text
    assert "charlie@provider.example Invited no sign-in link not set up yet never" in text
    assert "Operator You operator@provider.example Active Passkey" in text


def test_the_list_needs_the_same_queries_for_any_number_of_operators(
    browser: BrowserSession, bob: Person, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(5):
        CreateOperator(email=f"bob{number}@provider.example").run(command_line())
    with django_assert_num_queries(4):
        browser.get(OPERATORS)


def test_invitation_shows_a_link_once_that_works(browser: BrowserSession) -> None:
    page = browser.post("console:invite-operator", email="bob@provider.example", name="Bob")

    found = re.search(r"/sign-in/([\w-]+)", page.html)
    assert found is not None
    assert usable_link(found[1], timezone.now()).person.email == "bob@provider.example"
    assert found[1] not in browser.get(OPERATORS).html


def test_refused_invitation_keeps_what_was_typed(browser: BrowserSession, bob: Person) -> None:
    page = browser.scripted.post("console:invite-operator", email=bob.email, name="Another Bob")

    assert page.status == 409
    assert "is already in use" in page.text
    assert page.value("name") == "Another Bob"


@pytest.mark.parametrize("action", ["sign-in-link", "sign-out", "reset-factors", "deactivate", "reactivate"])
def test_each_change_asks_first_and_changes_nothing_when_asked(
    browser: BrowserSession, bob: Person, action: str
) -> None:
    sample_portal.session_of(bob)

    page = browser.get(f"console:operator-{action}", bob.pk)

    assert page.status == 200
    assert "Bob" in page.text
    assert Person.objects.get(pk=bob.pk).is_active
    assert Session.objects.filter(person=bob).exists()


def test_sign_out_ends_the_sessions(browser: BrowserSession, bob: Person) -> None:
    sample_portal.session_of(bob)

    page = browser.scripted.post("console:operator-sign-out", bob.pk)

    assert "All sessions of Bob have ended." in page.text
    assert not Session.objects.filter(person=bob).exists()


def test_reset_removes_all_factors_and_says_that_new_ones_must_be_set_up(
    browser: BrowserSession, operator: Person, bob: Person
) -> None:
    for person in (operator, bob):
        enrolled.passkey(person)
    sample_portal.session_of(bob)
    assert "Reset second factor Operator: You cannot reset your own." in browser.get(OPERATORS).html
    question = browser.get("console:operator-reset-factors", bob.pk).text
    assert "Bob must set up a second factor before anything else opens" in question

    page = browser.scripted.post("console:operator-reset-factors", bob.pk)

    assert "The second factor of Bob is reset." in page.text
    assert not bob.passkeys.exists()
    assert not Session.objects.filter(person=bob).exists()
    assert browser.scripted.post("console:operator-reset-factors", operator.pk).status == 409
    assert operator.passkeys.exists()


def test_deactivate_and_reactivate(browser: BrowserSession, bob: Person) -> None:
    assert "Bob is deactivated" in browser.scripted.post("console:operator-deactivate", bob.pk).text
    assert not Person.objects.get(pk=bob.pk).is_active
    assert "Bob can sign in again" in browser.scripted.post("console:operator-reactivate", bob.pk).text
    assert Person.objects.get(pk=bob.pk).is_active


def test_one_cannot_deactivate_oneself(browser: BrowserSession, operator: Person, bob: Person) -> None:
    assert "Deactivate Operator: You cannot deactivate yourself." in browser.get(OPERATORS).html

    page = browser.scripted.post("console:operator-deactivate", operator.pk)

    assert page.status == 409
    assert "You cannot deactivate or reactivate yourself" in page.text
    assert Person.objects.get(pk=operator.pk).is_active
