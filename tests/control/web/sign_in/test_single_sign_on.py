"""Full sign-ins through a real OpenID provider over TLS."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape as html_unescape
from typing import TYPE_CHECKING

import pytest
from django.test import RequestFactory

from kit.sign_in_settings import assign, enabled, response, strong
from kit.signing_in import give_app, sign_in
from kit.single_sign_on import (
    COOKIE,
    SignOn,
    browser,
    configured,
    event,
    linked,
    refused,
    running,
    server,
    signed_in,
    text_of,
)
from watchword.control.audit.models import AuditEvent
from watchword.control.identity.models import Person, ProviderAccount, Session, SignInPolicy
from watchword.control.identity.sealing import seal
from watchword.control.identity.session_store import SessionStore
from watchword.control.identity.single_sign_on import ceremony
from watchword.control.identity.single_sign_on.configuration_commands import CLIENT_SECRET
from watchword.control.identity.single_sign_on.request_slots import RequestSlots
from watchword.control.web.sign_in.provider_sign_out import keep_sign_out_address, sign_out_address

if TYPE_CHECKING:
    from pytest_django import DjangoAssertNumQueries

    from kit.authorization_server import AuthorizationServer


__all__ = ["browser", "running", "server"]

pytestmark = pytest.mark.enable_socket


def test_new_person_is_created_with_the_default_role(browser: SignOn, server: AuthorizationServer, bob: Person) -> None:
    assign()
    configured(server, default_role=bob.role)

    answer = browser.sign_in("alice")

    assert (answer.status_code, signed_in(browser)) == (302, "alice@acme.example")
    alice = Person.objects.get(email="alice@acme.example")
    assert (alice.name, alice.role, alice.organization_id, alice.has_joined) == ("Alice", bob.role, "acme", False)
    assert Session.objects.get(person=alice).factors == ["single sign-on"]
    assert event().changes == {"factors": [None, "single sign-on"]}
    assert event("provider_account_linked").changes["subject"] == [None, "alice"]
    assert event("administrator_created").target == alice.email


def test_person_is_found_by_subject_and_keeps_the_address(
    browser: SignOn, server: AuthorizationServer, bob: Person
) -> None:
    assign()
    configured(server, default_role=bob.role)
    linked(bob, server, "alice")

    browser.sign_in("alice")

    # The provider says alice@acme.example, and the account is Bob's.
    assert signed_in(browser) == bob.email
    assert not Person.objects.filter(email="alice@acme.example").exists()


def test_existing_person_is_linked_once_and_keeps_the_role(
    browser: SignOn, server: AuthorizationServer, alice: Person, bob: Person
) -> None:
    assign()
    configured(server, default_role=bob.role)

    browser.sign_in("alice", next="/sessions/")
    assert (signed_in(browser), Person.objects.get(pk=alice.pk).role) == (alice.email, alice.role)
    SignOn(server).sign_in("alice")
    assert ProviderAccount.objects.get().person == alice
    assert AuditEvent.objects.filter(action="provider_account_linked").count() == 1


def test_sign_in_goes_on_after_the_keys_were_rotated(
    browser: SignOn, server: AuthorizationServer, alice: Person
) -> None:
    assign()
    configured(server, default_role=alice.role)
    response = browser.respond("alice")
    server.publish("second", sign_with="second", algorithm="ES256")
    try:
        answer = browser.open(response)
        assert (answer.status_code, signed_in(browser)) == (302, alice.email)
    finally:
        server.publish("first", sign_with="first")


def test_onward_leads_to_own_pages_only(browser: SignOn, server: AuthorizationServer, alice: Person) -> None:
    assign()
    configured(server, default_role=alice.role)
    assert browser.sign_in("alice", next="/sessions/").headers["Location"] == "/sessions/"
    for onward in ("https://evil.example/", "//evil.example/", "/\\evil.example", "/" + "x" * 600):
        leads_to = SignOn(server).sign_in("alice", next=onward).headers["Location"]
        assert leads_to.startswith("/acme/administration/")


def test_address_leads_to_the_provider_of_its_domain(
    browser: SignOn, server: AuthorizationServer, alice: Person
) -> None:
    assign()
    configured(server, default_role=alice.role)
    page = browser.portal.post("/sign-in/single-sign-on", {"email": "Alice@ACME.example", "next": "/sessions/"})
    assert "Continue to localhost" in text_of(page)
    url = html_unescape(re.search(r'<a class="button button-main" href="([^"]+)"', page.content.decode())[1])  # type: ignore[index]
    assert "login_hint=Alice%40ACME.example" in url
    assert browser.open(browser.at_provider.sign_in(url)).headers["Location"] == "/sessions/"
    assert signed_in(browser) == alice.email


@pytest.mark.parametrize(
    "email",
    ["alice@globex.example", "alice@sub.acme.example", "alice@acme.example.evil.example", "alice", "", "@"],
)
def test_address_of_another_domain_leads_nowhere(
    browser: SignOn, server: AuthorizationServer, alice: Person, email: str
) -> None:
    assign()
    configured(server, default_role=alice.role)
    page = browser.portal.post("/sign-in/single-sign-on", {"email": email})
    assert (page.status_code, "not set up for this address" in text_of(page)) == (422, True)
    assert AuditEvent.objects.filter(action="signed_in").count() == 0


@pytest.mark.parametrize("organization", ["globex", "nowhere", "ACME", "", "a" * 65, "../acme"])
def test_unknown_organizations_and_those_without_single_sign_on_are_alike(
    browser: SignOn, acme: object, globex: object, organization: str
) -> None:
    page = browser.portal.get("/sign-in/single-sign-on", {"organization": organization})
    assert (page.status_code, "not set up for this address" in text_of(page)) == (422, True)


def test_wrong_client_secret_is_named_in_the_log(browser: SignOn, server: AuthorizationServer, alice: Person) -> None:
    assign()
    configured(server, default_role=alice.role, sealed_client_secret=seal(CLIENT_SECRET, "wrong"))
    assert "Ask the administrators of that provider." in refused(browser, browser.sign_in("alice"), "client_refused")


def test_secret_that_cannot_be_decrypted_is_as_if_there_was_none(
    browser: SignOn, server: AuthorizationServer, alice: Person
) -> None:
    configured(server, default_role=alice.role, sealed_client_secret="x")
    assert browser.portal.get("/sign-in/single-sign-on", {"organization": "acme"}).status_code == 422


def test_organization_without_other_ways(
    browser: SignOn, server: AuthorizationServer, alice: Person, bob: Person
) -> None:
    assign()
    configured(server, default_role=bob.role)
    give_app(alice)
    SignInPolicy.objects.create(organization_id="acme", single_sign_on_only=True, emergency_person=alice)

    by_password = SignOn(server)
    answer = sign_in(by_password.portal, bob)
    assert (signed_in(by_password), "requires single sign-on" in text_of(answer)) == (None, True)
    browser.sign_in("bob")
    assert signed_in(browser) == bob.email
    emergency = SignOn(server)
    sign_in(emergency.portal, alice)
    assert signed_in(emergency) == alice.email
    assert Session.objects.get(person=alice).factors == ["password", "authenticator app"]


def test_sign_out_offers_the_providers_sign_out(browser: SignOn, server: AuthorizationServer, alice: Person) -> None:
    assign()
    configured(server, default_role=alice.role)
    browser.sign_in("alice")
    browser.portal.post("/sign-out")
    page = browser.portal.get("/sign-in")
    assert "Also sign out at localhost" in text_of(page)
    assert f'href="{server.issuer}/session/end?client_id=watchword"' in page.content.decode()
    browser.portal.cookies["watchword_provider_sign_out"] = "forged"
    assert "Also sign out" not in text_of(browser.portal.get("/sign-in"))


# ------------------------------------------------------------------ around it


def test_signed_in_person_is_led_home(browser: SignOn, server: AuthorizationServer, alice: Person) -> None:
    assign()
    configured(server, default_role=alice.role)
    browser.sign_in("alice")
    again = browser.portal.get("/sign-in/single-sign-on", {"organization": "acme", "next": "/sessions/"})
    assert again.headers["Location"] == "/sessions/"
    # The dialog "Sign in again" of this session leads to the provider.
    page = browser.portal.get("/sessions/").content.decode()
    assert "You signed in by single sign-on." in page


def test_page_asks_for_the_address_and_begins_nothing(
    browser: SignOn, server: AuthorizationServer, alice: Person
) -> None:
    configured(server, default_role=alice.role)
    assert "You sign in at the identity provider" in text_of(browser.portal.get("/sign-in/single-sign-on"))
    assert browser.portal.head("/sign-in/single-sign-on", {"organization": "acme"}).status_code == 200
    assert COOKIE not in browser.portal.cookies


def test_busy_portal_says_so(
    browser: SignOn, server: AuthorizationServer, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    configured(server, default_role=alice.role)
    slots = RequestSlots(per_issuer=1, wait_seconds=0.01)
    monkeypatch.setattr(f"{ceremony.__name__}.REQUEST_SLOTS", slots)
    with slots.held(server.issuer):
        answer = browser.portal.get("/sign-in/single-sign-on", {"organization": "acme"})
    refused(browser, answer, "single_sign_on_busy")


def test_the_budget_of_queries(
    browser: SignOn, server: AuthorizationServer, alice: Person, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    assign()
    configured(server, default_role=alice.role)
    linked(alice, server, "alice")
    url = browser.respond("alice")
    # Throttle, provider (2); savepoints, lock, provider again, ceremony, account, domain; factors and policy; sessions,
    # last sign-in, audit log; the new session and its notices.
    with django_assert_max_num_queries(28):
        browser.open(url)


@pytest.mark.parametrize(
    ("endpoint", "kept"),
    [
        (None, ""),
        ("https://login.acme.example/end", "https://login.acme.example/end?client_id=watchword"),
        ("https://login.acme.example/end?x=1", "https://login.acme.example/end?x=1&client_id=watchword"),
        ("https://login.acme.example/" + "x" * 2048, ""),
    ],
)
def test_sign_out_address_keeps_its_own_query(alice: Person, endpoint: str | None, kept: str) -> None:
    assign()
    enabled(strong(alice))
    request = RequestFactory().get("/")
    request.session = SessionStore()
    keep_sign_out_address(request, replace(response(), sign_out_url=endpoint))
    assert sign_out_address(request) == kept
