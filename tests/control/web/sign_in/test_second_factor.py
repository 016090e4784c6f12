"""The second factor of a sign-in: its pages open for a pending sign-in only, and end it once."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client
from django.utils import timezone

from kit.browser_session import Shown
from kit.people import PASSWORD
from kit.signing_in import SECOND_FACTOR, give_app, next_code
from watchword.control.audit.models import AuditEvent
from watchword.control.identity.factors.totp import code_at, step_at
from watchword.control.identity.models import Person, Session

if TYPE_CHECKING:
    from collections.abc import Callable


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


def test_password_alone_signs_no_operator_in(pending: Client) -> None:
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


def test_pending_sign_in_is_worth_nothing_after_its_completion(pending: Client, bob: Person) -> None:
    replayed = Client()
    replayed.cookies["watchword_session"] = pending.cookies["watchword_session"].value
    assert replayed.get(SECOND_FACTOR).status_code == 200
    pending.post(SECOND_FACTOR, {"code": next_code(bob)})

    assert replayed.post(SECOND_FACTOR, {"code": next_code(bob)}).headers["Location"] == "/sign-in"
    assert not is_signed_in(replayed)


def test_pending_sign_in_of_another_browser_does_not_help(pending: Client, bob: Person) -> None:
    other = Client()

    assert other.post(SECOND_FACTOR, {"code": next_code(bob)}).headers["Location"] == "/sign-in"


def deactivate(bob: Person) -> None:
    Person.objects.filter(pk=bob.pk).update(is_active=False)


def change_password(bob: Person) -> None:
    bob.set_password("tangerine gravel orbit")
    bob.save()


@pytest.mark.parametrize("meanwhile", [deactivate, change_password])
def test_change_of_the_account_meanwhile_ends_the_pending_sign_in(
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
def test_pending_sign_in_lasts_ten_minutes(
    client: Client, operator: Person, advance: Callable[[timedelta], None], path: str
) -> None:
    with_password(client, operator)
    advance(timedelta(minutes=9))
    assert client.get(ENROL).status_code == 200
    advance(timedelta(minutes=1))

    answer = Shown(client.get(path))
    assert (answer.status, EXPIRED in answer.text) == (401, True)
