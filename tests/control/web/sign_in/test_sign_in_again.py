"""FH-01: signing in again over a page whose session has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.test import Client

from kit.browser_session import BrowserSession
from kit.people import PASSWORD
from kit.signing_in import give_app, next_code
from watchword.control.identity.models import Session

if TYPE_CHECKING:
    from watchword.control.identity.models import Person

PATH = "/sign-in-again"


def test_field_h_it_tells_who_is_signed_in_and_gives_a_token(alice: Person, client: Client) -> None:
    assert BrowserSession.of(alice).client.get(PATH).json()["email"] == alice.email
    stranger = client.get(PATH)
    assert stranger.json()["email"] is None
    assert len(stranger.json()["token"]) == 64
    assert stranger.headers["Cache-Control"] == "no-store"


def test_field_h_sign_in_again_needs_only_a_form_token(alice: Person) -> None:
    client = Client(enforce_csrf_checks=True)
    typed = {"email": alice.email, "password": PASSWORD}
    assert client.post(PATH, typed).status_code == 403
    token = client.get(PATH).json()["token"]
    assert client.post(PATH, typed | {"csrfmiddlewaretoken": token, "password": "wrong"}).status_code == 422
    answer = client.post(PATH, typed | {"csrfmiddlewaretoken": token})
    assert answer.json()["email"] == alice.email
    renewed = {"csrfmiddlewaretoken": answer.json()["token"], "current_password": "x", "password": "y"}
    assert client.post("/your-sign-in/change-password/", renewed).status_code == 422
    assert client.post("/your-sign-in/change-password/", renewed | {"csrfmiddlewaretoken": token}).status_code == 403


@pytest.mark.usefixtures("no_time_passes")
def test_field_h_guessing_is_slowed_down_as_at_the_sign_in(alice: Person, client: Client) -> None:
    guesses = [client.post(PATH, {"email": alice.email, "password": "wrong"}).status_code for _ in range(12)]
    assert guesses[0] == 422
    assert guesses[-1] == 429
    assert "sentence" in client.post(PATH, {"email": alice.email, "password": "wrong"}).json()


def test_field_h_parts_of_a_page_say_that_signing_in_again_helps(alice: Person) -> None:
    browser = BrowserSession.of(alice)
    Session.objects.all().delete()
    answer = browser.scripted.post("servers:validate", "acme", name="Typed").answer
    assert answer.headers["X-Sign-In-Again"] == "session-ended"
    strict = Client(enforce_csrf_checks=True)
    assert strict.post("/sign-in", {"email": alice.email}).headers["X-Sign-In-Again"] == "form-expired"


def test_second_factor_follows_the_password(operator: Person, client: Client) -> None:
    give_app(operator)
    typed = {"email": operator.email, "password": PASSWORD}

    first = client.post(PATH, typed).json()
    assert first["email"] is None
    assert first["choice"] == {"passkey": False, "app": True, "options": "/sign-in/second-factor/options"}
    assert client.get(PATH).json()["email"] is None
    wrong = client.post(PATH, {"code": "000000"})
    assert (wrong.status_code, wrong.json()["starts_over"]) == (422, False)
    assert client.post(PATH, {"code": next_code(operator)}).json()["email"] == operator.email
    assert client.get(PATH).json()["email"] == operator.email


def test_second_factor_without_a_password_starts_over(operator: Person, client: Client) -> None:
    answer = client.post(PATH, {"code": next_code(give_app(operator))})

    assert (answer.status_code, answer.json()["starts_over"]) == (401, True)


def test_first_enrolment_needs_the_sign_in_page(operator: Person, client: Client) -> None:
    answer = client.post(PATH, {"email": operator.email, "password": PASSWORD})

    assert answer.status_code == 422
    assert "You must add a second factor" in answer.json()["sentence"]
    assert client.get("/sign-in/second-factor").headers["Location"] == "/sign-in"
