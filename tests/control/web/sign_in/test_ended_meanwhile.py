"""Changes that end a person's sessions, between the end of a sign-in and the browser's session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from kit import sign_in_settings
from kit.people import PASSWORD
from kit.signing_in import SECOND_FACTOR, give_app, next_code
from watchword.control.identity.factors.commands import ResetFactors
from watchword.control.identity.models import Session
from watchword.control.identity.session_store import end_sessions
from watchword.control.identity.single_sign_on.policy_commands import RequireSecondFactor
from watchword.control.web.sign_in import sessions

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest
    from django.test import Client

    from watchword.control.base.actor import Actor
    from watchword.control.identity.models import Person
    from watchword.control.identity.sign_in_commands import SignedIn


@pytest.fixture
def administrator(alice: Person) -> Actor:
    """Alice, who makes the change while Bob signs in."""
    return sign_in_settings.strong(alice)


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Any]], None]:
    """Run a change when the transaction of the sign-in has ended and the browser has no session yet."""

    def run(change: Callable[[], Any]) -> None:
        begin_session = sessions.begin_session

        def after_change(request: HttpRequest, signed_in: SignedIn) -> None:
            change()
            begin_session(request, signed_in)

        monkeypatch.setattr(sessions, "begin_session", after_change)

    return run


def sessions_of(person: Person) -> int:
    return Session.objects.filter(person=person).count()


def is_signed_in(client: Client) -> bool:
    return client.get("/sessions/").status_code == 200


def test_p_79_requirement_of_a_second_factor_reaches_a_sign_in_under_way(
    client: Client, bob: Person, administrator: Actor, meanwhile: Callable[[Callable[[], Any]], None]
) -> None:
    meanwhile(lambda: RequireSecondFactor(organization_id="acme", required=True, expected_version=0).run(administrator))

    answer = client.post("/sign-in", {"email": bob.email, "password": PASSWORD})

    assert (answer.status_code, is_signed_in(client), sessions_of(bob)) == (401, False, 0)


def test_p_79_reset_of_the_factors_reaches_a_sign_in_under_way(
    client: Client, bob: Person, administrator: Actor, meanwhile: Callable[[Callable[[], Any]], None]
) -> None:
    give_app(bob)
    client.post("/sign-in", {"email": bob.email, "password": PASSWORD})
    meanwhile(lambda: ResetFactors(person_id=bob.pk, organization_id="acme").run(administrator))

    answer = client.post(SECOND_FACTOR, {"code": next_code(bob)})

    assert (answer.status_code, is_signed_in(client), sessions_of(bob)) == (401, False, 0)


def test_p_79_sign_in_over_a_page_is_refused_in_json(
    client: Client, bob: Person, meanwhile: Callable[[Callable[[], Any]], None]
) -> None:
    meanwhile(lambda: end_sessions(bob.pk))

    answer = client.post("/sign-in-again", {"email": bob.email, "password": PASSWORD})

    assert (answer.status_code, answer.json()["starts_over"]) == (401, True)
    assert (is_signed_in(client), sessions_of(bob)) == (False, 0)


def test_stored_session_is_the_browsers(client: Client, bob: Person) -> None:
    client.post("/sign-in", {"email": bob.email, "password": PASSWORD})

    assert (is_signed_in(client), sessions_of(bob)) == (True, 1)
    row = Session.objects.get(person=bob)
    assert (row.factors, row.address, row.proven_at is not None) == (["password"], "127.0.0.1", True)
