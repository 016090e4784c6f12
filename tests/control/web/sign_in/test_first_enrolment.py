"""The first second factor, enrolled after the password; and what the next sign-in says of added and reset factors."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from kit import people
from kit.browser_session import Shown
from kit.html_form import HtmlForm
from kit.people import PASSWORD, knows_password
from kit.portal_forms import browser_of
from kit.signing_in import SECOND_FACTOR, give_app, next_code
from watchword.control.base.actor import command_line
from watchword.control.identity.factors.authenticator_app import EnrolAuthenticatorApp
from watchword.control.identity.factors.commands import ReplaceRecoveryCodes, ResetFactors
from watchword.control.identity.factors.totp import code_at, step_at
from watchword.control.identity.models import AuthenticatorApp, Person, Session, SignInPolicy
from watchword.control.identity.operator_commands import CreateOperator

ENROL = "/sign-in/enrol"
HOME = "/operator-console/organizations/"


def with_password(client: Client, person: Person, **more: str) -> Any:
    return client.post("/sign-in", {"email": person.email, "password": PASSWORD, **more})


def is_signed_in(client: Client) -> bool:
    return bool(client.get("/").headers["Location"] != "/sign-in")


@pytest.fixture
def bob(operator: Person) -> Person:
    """An operator with an authenticator app."""
    return give_app(operator)


@pytest.fixture
def pending(client: Client, bob: Person) -> Client:
    """Bob's browser after the password."""
    assert with_password(client, bob).headers["Location"] == SECOND_FACTOR
    return client


def test_first_sign_in_enrols_an_app_and_shows_the_recovery_codes_once(client: Client, operator: Person) -> None:
    with_password(client, operator)
    assert client.get(SECOND_FACTOR).headers["Location"] == ENROL
    page = Shown(client.get(ENROL))
    secret = re.search(r'id="setup-secret">(\w{32})<', page.html)
    assert secret is not None
    assert "<svg" in page.html

    wrong = Shown(client.post(ENROL, {"setup": page.value("setup"), "code": "000000"}))
    assert wrong.status == 422
    assert secret[1] in wrong.html
    code = code_at(secret[1], step_at(timezone.now()))
    shown = Shown(client.post(ENROL, {"setup": page.value("setup"), "code": code}))

    assert shown.status == 200
    codes = re.findall(r"<li>([0-9A-Z-]{29})</li>", shown.html)
    assert len(set(codes)) == 10
    assert f'href="{HOME}"' in shown.html
    assert is_signed_in(client)
    assert Session.objects.get().factors == ["password", "authenticator app"]
    assert client.post(ENROL, {"setup": page.value("setup"), "code": code}).headers["Location"] == HOME
    other = Client()
    with_password(other, operator)
    assert other.post(SECOND_FACTOR, {"recovery_code": codes[3].lower()}).headers["Location"] == HOME
    with_password(other, operator)
    assert other.post(SECOND_FACTOR, {"recovery_code": codes[3]}).status_code == 422


def test_person_with_a_second_factor_enrols_no_first_one(pending: Client, bob: Person) -> None:
    assert pending.get(ENROL).headers["Location"] == SECOND_FACTOR
    assert pending.post(ENROL, {"code": next_code(bob)}).headers["Location"] == SECOND_FACTOR
    assert not is_signed_in(pending)


def test_p_44_second_of_two_first_enrolments_is_refused(client: Client, operator: Person) -> None:
    """Whoever else knows the password came first; the owner sees it and can ask for a reset."""
    with_password(client, operator)
    page = Shown(client.get(ENROL))
    secret = re.search(r'id="setup-secret">(\w{32})<', page.html)
    assert secret is not None
    give_app(operator)

    code = code_at(secret[1], step_at(timezone.now()))
    assert client.post(ENROL, {"setup": page.value("setup"), "code": code}).headers["Location"] == SECOND_FACTOR


def test_p_45_setup_of_another_person_in_the_same_browser_is_refused(client: Client, operator: Person) -> None:
    colleague = knows_password(CreateOperator(email="charlie@provider.example", name="Charlie").run(command_line()))
    with_password(client, operator)
    of_operator = Shown(client.get(ENROL))
    secret = re.search(r'id="setup-secret">(\w{32})<', of_operator.html)
    assert secret is not None
    with_password(client, colleague)

    sent = {"setup": of_operator.value("setup"), "code": code_at(secret[1], step_at(timezone.now()))}
    answer = Shown(client.post(ENROL, sent))
    assert (answer.status, secret[1] in answer.html) == (422, False)
    assert not AuthenticatorApp.objects.exists()


def test_account_changed_during_the_enrolment_is_refused(
    client: Client, operator: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_password(client, operator)
    page = Shown(client.get(ENROL))
    run = EnrolAuthenticatorApp.run

    def deactivating(command: EnrolAuthenticatorApp, *arguments: Any, **named: Any) -> list[str]:
        Person.objects.filter(pk=operator.pk).update(is_active=False)
        return run(command, *arguments, **named)

    monkeypatch.setattr(EnrolAuthenticatorApp, "run", deactivating)
    assert client.post(ENROL, {"setup": page.value("setup"), "code": "000000"}).status_code == 401


def test_requirement_turned_on_meanwhile_demands_enrolment(client: Client, alice: Person) -> None:
    SignInPolicy.objects.create(organization_id="acme", second_factor_required=True)

    assert with_password(client, alice).headers["Location"] == SECOND_FACTOR
    assert client.get(SECOND_FACTOR).headers["Location"] == ENROL


def test_typed_text_survives_a_sign_in_with_first_enrolment(client: Client, operator: Person) -> None:
    address = reverse("console:create-verifier")
    form = HtmlForm(browser_of(operator).get(address).content.decode(), address)
    Session.objects.all().delete()
    met = Shown(client.post(address, form.fields | {"name": "Typed"}))
    with_password(client, operator, unsent=met.value("unsent"))
    page = Shown(client.get(ENROL))
    secret = re.search(r'id="setup-secret">(\w{32})<', page.html)
    assert secret is not None

    code = code_at(secret[1], step_at(timezone.now()))
    shown = Shown(client.post(ENROL, {"setup": page.value("setup"), "code": code}))

    assert f'href="{address}"' in shown.html
    assert HtmlForm(client.get(address).content.decode(), address).fields["name"] == ["Typed"]


class TestNotices:
    def test_next_sign_in_says_once_that_a_second_factor_was_added(self, client: Client, operator: Person) -> None:
        with_password(client, operator)
        page = Shown(client.get(ENROL))
        secret = re.search(r'id="setup-secret">(\w{32})<', page.html)
        assert secret is not None
        code = code_at(secret[1], step_at(timezone.now()))
        client.post(ENROL, {"setup": page.value("setup"), "code": code})
        said = "Your second factor was added on"
        assert said not in Shown(client.get(HOME)).text

        texts = []
        for _ in range(2):
            client.post("/sign-out")
            with_password(client, operator)
            # As if the code of this step had not been used.
            AuthenticatorApp.objects.update(last_step=0)
            client.post(SECOND_FACTOR, {"code": code_at(secret[1], step_at(timezone.now()))})
            texts.append(Shown(client.get(HOME)).text)

        assert [said in text for text in texts] == [True, False]
        assert "from 127.0.0.1. If that was not you, ask for a reset at once." in texts[0]

    def test_reset_is_said_where_it_leads_to(self, client: Client, bob: Person) -> None:
        ResetFactors(person_id=bob.pk, organization_id=None).run(command_line())

        with_password(client, bob)
        assert "Your second factors were reset from the command line on" in Shown(client.get(ENROL)).text

    def test_reset_of_a_person_who_needs_none_is_said_after_the_sign_in(self, client: Client, alice: Person) -> None:
        ResetFactors(person_id=give_app(alice).pk, organization_id="acme").run(command_line())

        with_password(client, alice)
        assert "Your second factors were reset from the command line on" in Shown(client.get("/", follow=True)).text

    def test_recovery_code_says_how_many_are_left(self, client: Client, bob: Person) -> None:
        codes = ReplaceRecoveryCodes().run(people.acting(bob))
        with_password(client, bob)
        client.post(SECOND_FACTOR, {"recovery_code": codes[0]})

        assert "You signed in with a recovery code; 9 are left." in Shown(client.get(HOME)).text
