"""The second factor of a sign-in: its pages open for a pending sign-in only, and end it once."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client

from kit import people
from kit.browser_session import Shown
from kit.people import PASSWORD
from kit.signing_in import SECOND_FACTOR, give_app, next_code
from watchword.control.audit.models import AuditEvent
from watchword.control.identity.models import Person, Session, SignInLink, SignInPolicy
from watchword.control.identity.sign_in_link_commands import CreateSignInLink

if TYPE_CHECKING:
    from collections.abc import Callable

    from watchword.control.base.actor import Actor


ENROL = "/sign-in/enrol"
HOME = "/operator-console/organizations/"
EXPIRED = "Your sign-in took too long, or your account was changed meanwhile. Sign in again."


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


def test_no_passkey_is_asked_for_at_an_ip_address(pending: Client) -> None:
    assert pending.post(f"{SECOND_FACTOR}/options").status_code == 404


def test_wrong_recovery_code_leaves_its_field_open_and_focused(pending: Client) -> None:
    field = re.compile(
        r'<details class="more small"( open)?>.*?name="recovery_code"[^>]*?(autofocus)?>',
        re.DOTALL,
    )

    found = [
        field.search(Shown(pending.post(SECOND_FACTOR, form)).html)
        for form in ({"code": "000000"}, {"code": "", "recovery_code": "0000-0000-0000-0000-0000-0000"})
    ]

    assert [match and match.groups() for match in found] == [(None, None), (" open", "autofocus")]


def test_wrong_codes_are_slowed_down(pending: Client) -> None:
    statuses = [pending.post(SECOND_FACTOR, {"code": "000000"}).status_code for _ in range(12)]

    assert statuses[:6] == [422] * 6
    assert 429 in statuses
