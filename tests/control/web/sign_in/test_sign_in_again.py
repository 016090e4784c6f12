"""FH-01: signing in again over a page whose session has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.test import Client

from kit.browser_session import BrowserSession
from kit.people import PASSWORD
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
    assert client.post("/sessions/change-password/", renewed).status_code == 422
    assert client.post("/sessions/change-password/", renewed | {"csrfmiddlewaretoken": token}).status_code == 403


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
