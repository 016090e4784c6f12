"""Passkeys in the forms of the sign-in: alone, as second factor, and the first enrolment."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client

from kit import people
from kit.authenticator import Authenticator
from kit.browser_session import Shown
from kit.factors import add_passkey
from kit.people import PASSWORD
from kit.signing_in import SECOND_FACTOR, give_app
from watchword.control.identity.models import Passkey, Person, Session, SignInPolicy

if TYPE_CHECKING:
    from pytest_django import Settings

ORIGIN = "https://portal.example"
ENROL = "/sign-in/enrol"
ALONE = "/sign-in/passkey"
REFUSED = "The passkey could not be verified."
NOT_HERE = "Passkeys do not work at this address, because it is an IP address."
BUTTON = "Sign in with a passkey"


@pytest.fixture
def named(settings: Settings) -> Client:
    """A browser at a portal with a host name; the portal of other tests has an IP address."""
    settings.WATCHWORD = settings.WATCHWORD.model_copy(update={"public_origin": ORIGIN})
    return Client()


def enrolled(person: Person) -> Authenticator:
    authenticator = Authenticator(ORIGIN)
    add_passkey(people.acting(person), person, authenticator)
    return authenticator


def with_password(client: Client, person: Person) -> Any:
    return client.post("/sign-in", {"email": person.email, "password": PASSWORD})


def options(client: Client, path: str) -> dict[str, Any]:
    answer = client.post(f"{path}/options")
    assert answer.status_code == 200, answer.content
    read: dict[str, Any] = json.loads(answer.content)
    return read


def sessions(person: Person) -> list[list[str]]:
    return list(Session.objects.filter(person=person, address="127.0.0.1").values_list("factors", flat=True))


def test_passkey_alone_signs_in(named: Client, alice: Person) -> None:
    laptop = enrolled(alice)
    assert BUTTON in Shown(named.get("/sign-in")).text
    asked = options(named, ALONE)
    assert asked["allowCredentials"] == []

    answer = named.post(ALONE, {"passkey": laptop.get(asked), "next": "/sessions/"})

    assert answer.headers["Location"] == "/sessions/"
    assert sessions(alice) == [["passkey"]]
    assert named.cookies["__Host-watchword_browser"].value


def test_ceremony_is_kept_in_a_cookie_for_five_minutes_and_in_no_row(named: Client, alice: Person) -> None:
    options(named, ALONE)

    cookie = named.cookies["__Host-watchword_passkey"]
    assert (cookie["httponly"], cookie["secure"], cookie["samesite"], cookie["max-age"]) == (True, True, "Lax", 300)
    assert not Session.objects.exists()


@pytest.mark.parametrize("sent", ["", "x", "{}", "[]", "null", '{"id": 1}', "9" * 5000])
def test_anything_else_is_refused_with_a_sentence(named: Client, alice: Person, sent: str) -> None:
    options(named, ALONE)

    answer = Shown(named.post(ALONE, {"passkey": sent}))

    assert (answer.status, REFUSED in answer.text) == (422, True)


def test_response_without_its_ceremony_is_refused(named: Client, alice: Person) -> None:
    laptop = enrolled(alice)
    asked = options(named, ALONE)

    assert Client().post(ALONE, {"passkey": laptop.get(asked)}).status_code == 422
    assert sessions(alice) == []


def test_late_response_is_refused(named: Client, alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    laptop = enrolled(alice)
    asked = options(named, ALONE)
    late = time.time() + 301
    monkeypatch.setattr(time, "time", lambda: late)

    answer = Shown(named.post(ALONE, {"passkey": laptop.get(asked)}))

    assert (answer.status, "This took too long" in answer.text) == (422, True)


def test_passkey_as_second_factor(named: Client, alice: Person) -> None:
    laptop = enrolled(alice)
    assert with_password(named, alice).headers["Location"] == SECOND_FACTOR
    assert "Use a passkey" in Shown(named.get(SECOND_FACTOR)).text
    asked = options(named, SECOND_FACTOR)
    assert len(asked["allowCredentials"]) == 1

    assert named.post(SECOND_FACTOR, {"passkey": laptop.get(asked)}).status_code == 302
    assert sessions(alice) == [["password", "passkey"]]


def test_p_45_ceremonies_of_two_people_in_one_browser_are_not_mixed(named: Client, alice: Person, bob: Person) -> None:
    alices, bobs = enrolled(alice), enrolled(bob)
    with_password(named, alice)
    for_alice = options(named, SECOND_FACTOR)
    with_password(named, bob)

    # The cookie is still that of Alice's ceremony.
    assert named.post(SECOND_FACTOR, {"passkey": bobs.get(for_alice)}).status_code == 422
    assert named.post(SECOND_FACTOR, {"passkey": alices.get(for_alice)}).status_code == 422
    alone = options(named, ALONE)
    assert named.post(SECOND_FACTOR, {"passkey": bobs.get(alone)}).status_code == 422
    assert (sessions(alice), sessions(bob)) == ([], [])
    assert named.post(SECOND_FACTOR, {"passkey": bobs.get(options(named, SECOND_FACTOR))}).status_code == 302
    assert sessions(bob) == [["password", "passkey"]]


class TestFirstEnrolment:
    @pytest.fixture
    def required(self, alice: Person) -> Person:
        SignInPolicy.objects.create(organization_id="acme", second_factor_required=True)
        return alice

    def test_passkey_is_added_signs_in_and_shows_the_recovery_codes(self, named: Client, required: Person) -> None:
        with_password(named, required)
        assert "Create a passkey" in Shown(named.get(ENROL)).text
        created = Authenticator(ORIGIN).create(options(named, ENROL))

        shown = Shown(named.post(ENROL, {"passkey": created, "name": " Laptop "}))

        assert (shown.status, "Keep your recovery codes" in shown.text) == (200, True)
        assert Passkey.objects.get().name == "Laptop"
        assert sessions(required) == [["password", "passkey"]]

    def test_faulty_name_is_said_at_the_field(self, named: Client, required: Person) -> None:
        with_password(named, required)
        created = Authenticator(ORIGIN).create(options(named, ENROL))

        shown = Shown(named.post(ENROL, {"passkey": created, "name": "x" * 65}))
        assert (shown.status, 'id="name-error"' in shown.html) == (422, True)

    def test_registration_of_another_person_in_one_browser_is_refused(
        self, named: Client, required: Person, bob: Person
    ) -> None:
        with_password(named, required)
        created = Authenticator(ORIGIN).create(options(named, ENROL))
        with_password(named, bob)

        shown = Shown(named.post(ENROL, {"passkey": created, "name": "Laptop"}))
        assert (shown.status, "This took too long, or was answered before." in shown.text) == (422, True)
        assert not Passkey.objects.exists()


def test_portal_at_an_ip_address_offers_no_passkeys_and_says_so(client: Client, operator: Person) -> None:
    assert BUTTON not in Shown(client.get("/sign-in")).text
    assert client.post(f"{ALONE}/options").status_code == 404
    with_password(client, operator)
    assert NOT_HERE in Shown(client.get(ENROL)).text
    Passkey.objects.create(
        person=give_app(operator),
        user_handle="00000000-0000-4000-8000-000000000001",
        name="Laptop",
        credential_id="bGFwdG9w",
        public_key=b"",
        created_at=operator.created_at,
    )
    shown = Shown(client.get(SECOND_FACTOR))
    assert NOT_HERE in shown.text
    assert "Use a passkey" not in shown.text


def test_form_sent_before_its_script_was_loaded_enrols_nothing_and_can_be_sent_again(
    named: Client, operator: Person
) -> None:
    with_password(named, operator)

    early = Shown(named.post(ENROL, {"passkey": "", "name": "Laptop"}))

    assert (early.status, REFUSED in early.text) == (422, True)
    assert 'value="Laptop"' in early.html
    made = Authenticator(ORIGIN).create(options(named, ENROL))
    assert named.post(ENROL, {"passkey": made, "name": "Laptop"}).status_code == 200
    assert Passkey.objects.get().person == operator
