"""Proving again at a real OpenID provider who one is: people who have neither password nor second factor."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape as html_unescape
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from kit.identity_provider import AtIdentityProvider
from kit.sign_in_settings import assign
from kit.signing_in import give_app
from kit.single_sign_on import (
    COOKIE,
    SignOn,
    browser,
    configured,
    event,
    linked,
    running,
    server,
    signed_in,
    text_of,
)
from watchword.control.identity.models import Person, Session
from watchword.control.identity.single_sign_on import ceremony
from watchword.openid.id_token import verify_id_token

if TYPE_CHECKING:
    from kit.authorization_server import AuthorizationServer

__all__ = ["browser", "running", "server"]

pytestmark = pytest.mark.enable_socket


def change(browser: SignOn) -> Any:
    """A change that needs proof."""
    return browser.portal.get("/acme/administration/administrators/invite/")


def late(person: Person) -> None:
    Session.objects.filter(person=person).update(proven_at=timezone.now() - timedelta(hours=1))


def proof_link(browser: SignOn) -> str:
    page = browser.portal.get(change(browser).headers["Location"])
    found = re.search(r'href="(/confirm/single-sign-on[^"]*)"', page.content.decode())
    assert found is not None, text_of(page)
    assert 'name="password"' not in page.content.decode()
    return html_unescape(found[1])


@pytest.fixture
def proving(browser: SignOn, server: AuthorizationServer, alice: Person) -> SignOn:
    """Alice without a password, signed in through the provider an hour ago."""
    assign()
    configured(server, default_role=alice.role)
    alice.set_unusable_password()
    alice.save()
    browser.sign_in("alice")
    late(alice)
    return browser


def test_person_without_password_proves_at_the_provider(proving: SignOn, alice: Person) -> None:
    begun = proving.portal.get(proof_link(proving))
    assert "prompt=login" in begun.headers["Location"]
    assert "max_age=0" in begun.headers["Location"]
    key = proving.portal.cookies["watchword_session"].value

    answer = proving.open(proving.at_provider.sign_in(begun.headers["Location"], "alice"))

    assert answer.headers["Location"] == "/acme/administration/administrators/invite/"
    assert change(proving).status_code == 200
    # A stolen old key has no part in it.
    assert proving.portal.cookies["watchword_session"].value != key
    assert event("identity_confirmed").changes == {"factors": [None, "single sign-on"]}


def test_proof_over_typed_text_opens_in_a_tab_of_its_own(proving: SignOn) -> None:
    sent = proving.portal.post("/acme/administration/administrators/invite/", headers={"HX-Request": "true"})
    assert 'href="/confirm/single-sign-on"' in sent.content.decode()
    assert 'target="_blank"' in sent.content.decode()
    begun = proving.portal.get("/confirm/single-sign-on")
    answer = proving.open(proving.at_provider.sign_in(begun.headers["Location"], "alice"))
    assert "press the button of your change again" in text_of(answer)
    assert change(proving).status_code == 200


def not_confirmed(browser: SignOn, answer: Any, reason: str) -> None:
    assert answer.status_code == 422
    log = event("identity_confirmed")
    assert (log.result, log.changes["reason"]) == ("refused", [None, reason])
    opened_dialog = browser.portal.get("/acme/administration/administrators/invite/")
    assert opened_dialog.headers["Location"].startswith("/confirm")


def test_p_76_proof_of_another_person_at_the_provider_is_refused(
    proving: SignOn, server: AuthorizationServer, bob: Person
) -> None:
    linked(bob, server, "bob")
    begun = proving.portal.get("/confirm/single-sign-on").headers["Location"]
    not_confirmed(proving, proving.open(AtIdentityProvider(server).sign_in(begun, "bob")), "other_person")
    # Nor does it sign Bob in.
    assert signed_in(proving) == "alice@acme.example"


def test_p_76_proof_that_was_begun_for_another_person_is_refused(
    proving: SignOn, server: AuthorizationServer, bob: Person
) -> None:
    linked(bob, server, "bob")
    other = SignOn(server)
    other.sign_in("bob")
    url = other.at_provider.sign_in(other.portal.get("/confirm/single-sign-on").headers["Location"], "bob")
    proving.portal.cookies[COOKIE] = other.ceremony
    not_confirmed(proving, proving.open(url), "other_person")


def test_p_76_proof_without_a_session_signs_nobody_in(proving: SignOn, server: AuthorizationServer) -> None:
    url = proving.at_provider.sign_in(proving.portal.get("/confirm/single-sign-on").headers["Location"], "alice")
    thief = SignOn(server)
    thief.portal.cookies[COOKIE] = proving.ceremony
    assert thief.open(url).status_code == 422
    assert signed_in(thief) is None


def test_p_77_sign_in_that_was_begun_without_proof_proves_nothing(
    proving: SignOn, server: AuthorizationServer, alice: Person
) -> None:
    """The provider must ask the person again, although it remembers the last sign-in."""
    begun = proving.portal.get("/confirm/single-sign-on").headers["Location"]
    quiet = begun.replace("prompt=login", "prompt=none").replace("&max_age=0", "")
    not_confirmed(proving, proving.open(proving.at_provider.sign_in(quiet, "alice")), "id_token_auth_time")
    # A sign-in of another kind, in the same browser, is no proof either: it would begin a new session.
    SignOn(server).sign_in("alice")
    dialog = proving.portal.get("/acme/administration/administrators/invite/")
    assert dialog.headers["Location"].startswith("/confirm")


def test_p_77_provider_does_not_replace_a_second_factor(proving: SignOn, alice: Person) -> None:
    url = proving.at_provider.sign_in(proving.portal.get("/confirm/single-sign-on").headers["Location"], "alice")
    give_app(alice)
    not_confirmed(proving, proving.open(url), "single_sign_on_unknown")
    assert proving.portal.get("/confirm").content.decode().count("confirm/single-sign-on") == 0


def test_p_77_proof_counts_once(proving: SignOn, server: AuthorizationServer, alice: Person) -> None:
    begun = proving.portal.get("/confirm/single-sign-on").headers["Location"]
    cookie = proving.ceremony
    assert proving.open(proving.at_provider.sign_in(begun, "alice")).status_code == 200
    Session.objects.filter(person=alice).update(proven_at=timezone.now() - timedelta(hours=1))
    proving.portal.cookies[COOKIE] = cookie
    not_confirmed(proving, proving.open(proving.at_provider.sign_in(begun, "alice")), "ceremony_expired")


def test_proof_of_a_person_who_was_signed_out_leads_to_the_sign_in(
    browser: SignOn, alice: Person, server: AuthorizationServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert browser.portal.get("/confirm/single-sign-on").headers["Location"].startswith("/sign-in")
    assign()
    configured(server, default_role=alice.role)
    alice.set_unusable_password()
    alice.save()
    browser.sign_in("alice")
    begun = browser.portal.get("/confirm/single-sign-on?next=/sessions/")

    def verify_and_sign_out(*arguments: Any, **named: Any) -> Any:
        Session.objects.all().delete()
        return verify_id_token(*arguments, **named)

    monkeypatch.setattr(f"{ceremony.__name__}.verify_id_token", verify_and_sign_out)
    answer = browser.open(browser.at_provider.sign_in(begun.headers["Location"], "alice"))
    assert (answer.status_code, answer.headers["Location"]) == (302, "/sign-in?next=/sessions/")
