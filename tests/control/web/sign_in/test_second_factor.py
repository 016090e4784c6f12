"""The second factor of a sign-in: its pages open for a pending sign-in only, and end it once."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

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
from watchword.control.audit.models import AuditEvent
from watchword.control.base.actor import command_line
from watchword.control.identity.factors.authenticator_app import EnrolAuthenticatorApp
from watchword.control.identity.factors.commands import ReplaceRecoveryCodes, ResetFactors
from watchword.control.identity.factors.totp import code_at, step_at
from watchword.control.identity.models import AuthenticatorApp, Person, Session, SignInLink, SignInPolicy
from watchword.control.identity.operator_commands import CreateOperator
from watchword.control.identity.sign_in_link_commands import CreateSignInLink

if TYPE_CHECKING:
    from collections.abc import Callable

    from watchword.control.base.actor import Actor


ENROL = "/sign-in/enrol"
HOME = "/operator-console/organizations/"
EXPIRED = "Your sign-in took too long, or your account was changed meanwhile. Sign in again."
WRONG = "This code is wrong, or it was used before."


def with_password(client: Client, person: Person, **more: str) -> Any:
    return client.post("/sign-in", {"email": person.email, "password": PASSWORD, **more})


def is_signed_in(client: Client) -> bool:
    return bool(client.get("/").headers["Location"] != "/sign-in")


def last_event() -> AuditEvent:
    return AuditEvent.objects.latest("sequence")


@pytest.fixture
def bob(operator: Person) -> Person:
    """An operator with an authenticator app."""
    return give_app(operator)


@pytest.fixture
def pending(client: Client, bob: Person) -> Client:
    """Bob's browser after the password."""
    assert with_password(client, bob).headers["Location"] == SECOND_FACTOR
    return client


def test_p_41_password_alone_signs_no_operator_in(pending: Client) -> None:
    assert not is_signed_in(pending)
    assert pending.get(HOME).headers["Location"].startswith("/sign-in?next=")
    assert Session.objects.get().person is None
    assert last_event().action == "password_accepted"


def test_code_of_the_app_completes_the_sign_in(pending: Client, bob: Person) -> None:
    before = pending.cookies["watchword_session"].value
    assert "Code of your authenticator app" in Shown(pending.get(SECOND_FACTOR)).text

    answer = pending.post(SECOND_FACTOR, {"code": next_code(bob)})

    assert answer.headers["Location"] == HOME
    assert is_signed_in(pending)
    session = Session.objects.get()
    assert (session.person, session.factors) == (bob, ["password", "authenticator app"])
    assert session.proven_at is not None
    assert pending.cookies["watchword_session"].value != before
    assert (last_event().action, last_event().changes) == (
        "signed_in",
        {"factors": [None, "password, authenticator app"]},
    )


def test_it_leads_back_to_the_page_asked_for(client: Client, bob: Person) -> None:
    with_password(client, bob, next="/sessions/")

    assert client.post(SECOND_FACTOR, {"code": next_code(bob)}).headers["Location"] == "/sessions/"


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


@pytest.mark.parametrize("path", [SECOND_FACTOR, ENROL, f"{SECOND_FACTOR}/options", f"{ENROL}/options"])
def test_pages_open_for_no_one_without_a_pending_sign_in(client: Client, bob: Person, path: str) -> None:
    assert client.post(path, {"code": next_code(bob)}).headers["Location"] == "/sign-in"


def test_p_42_pending_sign_in_is_worth_nothing_after_its_completion(pending: Client, bob: Person) -> None:
    replayed = Client()
    replayed.cookies["watchword_session"] = pending.cookies["watchword_session"].value
    assert replayed.get(SECOND_FACTOR).status_code == 200
    pending.post(SECOND_FACTOR, {"code": next_code(bob)})

    assert replayed.post(SECOND_FACTOR, {"code": next_code(bob)}).headers["Location"] == "/sign-in"
    assert not is_signed_in(replayed)


def test_p_42_pending_sign_in_of_another_browser_does_not_help(pending: Client, bob: Person) -> None:
    other = Client()

    assert other.post(SECOND_FACTOR, {"code": next_code(bob)}).headers["Location"] == "/sign-in"


def deactivate(bob: Person) -> None:
    Person.objects.filter(pk=bob.pk).update(is_active=False)


def change_password(bob: Person) -> None:
    bob.set_password("tangerine gravel orbit")
    bob.save()


@pytest.mark.parametrize("meanwhile", [deactivate, change_password])
def test_p_42_change_of_the_account_meanwhile_ends_the_pending_sign_in(
    pending: Client, bob: Person, meanwhile: Callable[[Person], None]
) -> None:
    code = next_code(bob)
    meanwhile(bob)

    answer = Shown(pending.post(SECOND_FACTOR, {"code": code}))

    assert answer.status == 401
    assert EXPIRED in answer.text
    assert not is_signed_in(pending)
    assert pending.get(SECOND_FACTOR).headers["Location"] == "/sign-in"


@pytest.mark.parametrize("path", [SECOND_FACTOR, ENROL])
def test_p_42_pending_sign_in_lasts_ten_minutes(
    client: Client, operator: Person, advance: Callable[[timedelta], None], path: str
) -> None:
    with_password(client, operator)
    advance(timedelta(minutes=9))
    assert client.get(ENROL).status_code == 200
    advance(timedelta(minutes=1))

    answer = Shown(client.get(path))
    assert (answer.status, EXPIRED in answer.text) == (401, True)


def test_sign_in_page_and_page_asked_for_stay_when_it_expires(
    client: Client, operator: Person, advance: Callable[[timedelta], None]
) -> None:
    with_password(client, operator, next="/sessions/")
    advance(timedelta(minutes=10))

    assert Shown(client.get(ENROL)).value("next") == "/sessions/"


def test_giving_up_ends_the_pending_sign_in(pending: Client) -> None:
    pending.post("/sign-out")

    assert pending.get(SECOND_FACTOR).headers["Location"] == "/sign-in"
    assert not Session.objects.exists()


def test_password_of_another_person_replaces_whoever_was_signed_in(client: Client, alice: Person, bob: Person) -> None:
    with_password(client, alice)
    assert is_signed_in(client)

    with_password(client, bob)

    assert not is_signed_in(client)


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
        deactivate(operator)
        return run(command, *arguments, **named)

    monkeypatch.setattr(EnrolAuthenticatorApp, "run", deactivating)
    assert client.post(ENROL, {"setup": page.value("setup"), "code": "000000"}).status_code == 401


def test_p_41_one_time_link_stops_at_the_second_factor(client: Client, bob: Person, shell: Actor) -> None:
    client.get(f"/sign-in/{CreateSignInLink(email=bob.email).run(shell)}")
    chosen = "tangerine gravel orbit"

    answer = client.post("/set-password", {"password": chosen, "password_again": chosen})

    assert answer.headers["Location"] == SECOND_FACTOR
    assert not is_signed_in(client)
    assert client.post(SECOND_FACTOR, {"code": next_code(bob)}).headers["Location"] == HOME


def test_one_time_link_of_a_person_with_single_sign_on_only_is_refused_and_stays_unused(
    client: Client, alice: Person, shell: Actor
) -> None:
    client.get(f"/sign-in/{CreateSignInLink(email=alice.email).run(shell)}")
    SignInPolicy.objects.create(
        organization_id="acme", single_sign_on_only=True, emergency_person=people.administrator("bob", "acme")
    )

    answer = Shown(client.post("/set-password", {"password": PASSWORD, "password_again": PASSWORD}))

    assert (answer.status, "Your organization requires single sign-on." in answer.text) == (403, True)
    assert SignInLink.objects.get().used_at is None


def test_requirement_turned_on_meanwhile_demands_enrolment(client: Client, alice: Person) -> None:
    SignInPolicy.objects.create(organization_id="acme", second_factor_required=True)

    assert with_password(client, alice).headers["Location"] == SECOND_FACTOR
    assert client.get(SECOND_FACTOR).headers["Location"] == ENROL


def test_p_43_single_sign_on_that_became_required_meanwhile_ends_the_pending_sign_in(
    client: Client, alice: Person
) -> None:
    with_password(client, give_app(alice))
    SignInPolicy.objects.create(
        organization_id="acme", single_sign_on_only=True, emergency_person=people.administrator("bob", "acme")
    )

    answer = Shown(client.post(SECOND_FACTOR, {"code": next_code(alice)}))

    assert (answer.status, "Your organization requires single sign-on." in answer.text) == (403, True)
    assert client.get(SECOND_FACTOR).headers["Location"] == "/sign-in"


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


def test_no_passkey_is_asked_for_at_an_ip_address(pending: Client) -> None:
    assert pending.post(f"{SECOND_FACTOR}/options").status_code == 404


def test_wrong_codes_are_slowed_down(pending: Client) -> None:
    statuses = [pending.post(SECOND_FACTOR, {"code": "000000"}).status_code for _ in range(12)]

    assert statuses[:6] == [422] * 6
    assert 429 in statuses


class TestNotices:
    def test_next_sign_in_says_once_that_a_second_factor_was_added(self, client: Client, operator: Person) -> None:
        with_password(client, operator)
        page = Shown(client.get(ENROL))
        secret = re.search(r'id="setup-secret">(\w{32})<', page.html)
        assert secret is not None
        code = code_at(secret[1], step_at(timezone.now()) - 1)
        client.post(ENROL, {"setup": page.value("setup"), "code": code})
        said = "Your second factor was added on"
        assert said not in Shown(client.get(HOME)).text

        texts = []
        for step in (0, 1):
            client.post("/sign-out")
            with_password(client, operator)
            client.post(SECOND_FACTOR, {"code": code_at(secret[1], step_at(timezone.now()) + step)})
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
