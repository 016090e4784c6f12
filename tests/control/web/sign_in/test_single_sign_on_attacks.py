"""What must not sign a person in, tried at a real OpenID provider over TLS."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.utils import timezone

from kit import people
from kit.identity_provider import PEOPLE, AtIdentityProvider
from kit.sign_in_settings import assign
from kit.single_sign_on import (
    COOKIE,
    REDIRECT_URI,
    WATCHWORD,
    SignOn,
    browser,
    configured,
    linked,
    refused,
    running,
    server,
    signed_in,
    text_of,
)
from watchword.control.audit.models import AuditEvent
from watchword.control.base.actor import command_line
from watchword.control.identity.ceremonies import opened
from watchword.control.identity.models import Person, ProviderAccount, SignInThrottle
from watchword.control.identity.people_commands import DeactivateAdministrator
from watchword.control.identity.rules import FREE_PER_ADDRESS
from watchword.control.identity.single_sign_on.ceremony import KIND
from watchword.control.identity.single_sign_on.domain_commands import RemoveEmailDomain
from watchword.core import base64url

if TYPE_CHECKING:
    from kit.authorization_server import AuthorizationServer


__all__ = ["browser", "running", "server"]

pytestmark = pytest.mark.enable_socket


CLAIMS = dict(PEOPLE["alice"])


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        (CLAIMS | {"email_verified": False}, "email_unverified"),
        (CLAIMS | {"email_verified": "true"}, "email_unverified"),
        (CLAIMS | {"email_verified": False, "xms_edov": True}, "email_unverified"),
        ({"email": "alice@acme.example"}, "email_unverified"),
        ({"email_verified": True}, "email_unverified"),
        (CLAIMS | {"email": ["alice@acme.example"]}, "email_unverified"),
        (CLAIMS | {"email": "alice@acme.example\u200b"}, "email_unverified"),
        (CLAIMS | {"email": "alice@acme.example, bob@acme.example"}, "email_unverified"),
        # The lower case of this letter is an ASCII k.
        (CLAIMS | {"email": "\N{KELVIN SIGN}im@acme.example"}, "email_unverified"),
        (CLAIMS | {"email": "alice@evil.example"}, "email_outside_domains"),
        (CLAIMS | {"email": "alice@sub.acme.example"}, "email_outside_domains"),
        (CLAIMS | {"email": "alice@evil.example@acme.example"}, "email_unverified"),
        (CLAIMS | {"email": "alice@acme.example.evil.example"}, "email_outside_domains"),
        # A domain of another organization, and a person there.
        (CLAIMS | {"email": "charlie@globex.example"}, "email_outside_domains"),
        # A person of another organization, and an operator, with an address in Acme's domain.
        (CLAIMS | {"email": "moved@acme.example"}, "person_taken"),
        (CLAIMS | {"email": "operator@acme.example"}, "person_taken"),
        # Linked with another account of this provider.
        (CLAIMS | {"email": "bob@acme.example"}, "person_taken"),
        (CLAIMS | {"email": "gone@acme.example"}, "person_deactivated"),
    ],
)  # fmt: skip
def test_p_60_identity_that_is_none_of_the_organizations_people_is_refused(
    *,
    browser: SignOn,
    server: AuthorizationServer,
    bob: Person,
    charlie: Person,
    claims: dict[str, object],
    reason: str,
) -> None:
    assign()
    assign("globex.example", "globex")
    configured(server, default_role=bob.role)
    linked(bob, server, "bob")
    moved = people.administrator("moved", "globex")
    operator = people.operator()
    gone = people.administrator("gone", "acme")
    Person.objects.filter(pk=moved.pk).update(email="moved@acme.example")
    Person.objects.filter(pk=operator.pk).update(email="operator@acme.example")
    Person.objects.filter(pk=gone.pk).update(is_active=False)
    server.set_people({"alice": claims})

    refused(browser, browser.sign_in("alice"), reason)

    assert ProviderAccount.objects.count() == 1
    assert not Person.objects.filter(email__contains="alice").exists()


def test_p_61_provider_of_one_organization_signs_nobody_into_another(
    browser: SignOn, server: AuthorizationServer, alice: Person, charlie: Person
) -> None:
    """Both organizations use the same provider and client, so issuer and subject are equal."""
    assign()
    assign("globex.example", "globex")
    configured(server, default_role=alice.role)
    configured(server, "globex", default_role=charlie.role)
    linked(alice, server, "alice")

    refused(browser, browser.sign_in("alice", "globex"), "email_outside_domains", "globex")

    linked(charlie, server, "alice")
    browser.sign_in("alice", "globex")
    assert signed_in(browser) == charlie.email
    other = SignOn(server)
    other.sign_in("alice")
    assert signed_in(other) == alice.email


def test_p_62_account_whose_person_belongs_elsewhere_signs_nobody_in(
    browser: SignOn, server: AuthorizationServer, alice: Person, charlie: Person
) -> None:
    """A row that the commands never write: the provider's organization and the person's differ."""
    assign()
    configured(server, default_role=alice.role)
    linked(charlie, server, "alice")
    ProviderAccount.objects.update(organization_id="acme")
    refused(browser, browser.sign_in("alice"), "person_taken")


def test_p_63_domain_that_was_taken_away_signs_nobody_in(
    browser: SignOn, server: AuthorizationServer, alice: Person
) -> None:
    assign()
    configured(server, default_role=alice.role)
    browser.sign_in("alice")
    RemoveEmailDomain(organization_id="acme", domain="acme.example").run(command_line())
    assert signed_in(browser) is None
    refused(browser, browser.sign_in("alice"), "email_outside_domains")


def test_p_64_deactivated_person_is_refused(
    browser: SignOn, server: AuthorizationServer, alice: Person, bob: Person
) -> None:
    assign()
    configured(server, default_role=alice.role)
    linked(bob, server, "bob")
    DeactivateAdministrator(organization_id="acme", person_id=bob.pk).run(command_line())
    assert "deactivated" in refused(browser, browser.sign_in("bob"), "person_deactivated")


def test_p_65_response_is_accepted_once(browser: SignOn, server: AuthorizationServer, alice: Person) -> None:
    assign()
    configured(server, default_role=alice.role)
    url = browser.respond("alice")
    cookie = browser.ceremony
    browser.open(url)
    assert signed_in(browser) == alice.email

    thief = SignOn(server)
    thief.portal.cookies[COOKIE] = cookie
    refused(thief, thief.open(url), "code_refused")
    # A new code for the same ceremony, which the cookie would still open.
    thief.portal.cookies[COOKIE] = cookie
    again = AtIdentityProvider(server).sign_in(browser_request(cookie, server), "bob")
    refused(thief, thief.open(again), "ceremony_expired")


def browser_request(cookie: str, server: AuthorizationServer) -> str:
    """The authorization request of a ceremony, sent a second time."""
    values = opened(KIND, cookie).values
    challenge = base64url.encode(hashlib.sha256(values["verifier"].encode()).digest())
    query = {
        "response_type": "code", "client_id": WATCHWORD.id, "redirect_uri": REDIRECT_URI, "state": values["state"],
        "nonce": values["nonce"], "scope": "openid email profile", "code_challenge": challenge,
        "code_challenge_method": "S256",
    }  # fmt: skip
    return f"{server.issuer}/auth?{urlencode(query)}"


def test_p_66_response_of_another_browsers_sign_in_is_refused(
    browser: SignOn, server: AuthorizationServer, alice: Person, bob: Person
) -> None:
    """An attacker who lets a victim's browser open their own response would sign the victim in as the attacker."""
    assign()
    configured(server, default_role=alice.role)
    attacker = SignOn(server)
    url = attacker.respond("bob")

    # Without a ceremony, nothing is known and nothing is recorded.
    before = AuditEvent.objects.count()
    answer = browser.open(url)
    assert (answer.status_code, signed_in(browser), AuditEvent.objects.count()) == (422, None, before)
    browser.begin()
    refused(browser, browser.open(url), "state_mismatch")
    # The victim's own sign-in still works, and the attacker's does in the attacker's browser.
    browser.open(browser.respond("alice"))
    assert signed_in(browser) == alice.email
    attacker.open(url)
    assert signed_in(attacker) == bob.email


def test_p_66_another_site_cannot_sign_its_visitors_in_without_asking(
    browser: SignOn, server: AuthorizationServer, alice: Person
) -> None:
    assign()
    configured(server, default_role=alice.role)
    address = "/sign-in/single-sign-on?organization=acme"
    page = browser.portal.get(address, headers={"sec-fetch-site": "cross-site"})
    assert page.status_code == 200
    assert "Another site led you here, to sign in for acme ." in text_of(page)
    assert "http-equiv" not in page.content.decode()
    for site in ("none", "same-origin", "same-site"):
        assert browser.portal.get(address, headers={"sec-fetch-site": site}).status_code == 302


def test_p_67_code_of_another_ceremony_is_refused(browser: SignOn, server: AuthorizationServer, alice: Person) -> None:
    assign()
    configured(server, default_role=alice.role)
    first = parse_qs(urlsplit(browser.respond("alice")).query)
    second = parse_qs(urlsplit(browser.respond("alice")).query)
    query = {"code": first["code"][0], "state": second["state"][0], "iss": server.issuer}
    refused(browser, browser.portal.get("/sign-in/single-sign-on/callback", query), "code_refused")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"state": None}, "state_missing"),
        ({"state": ""}, "state_missing"),
        ({"state": "x"}, "state_mismatch"),
        ({"state": ["x", "y"]}, "parameter_repeated"),
        ({"iss": None}, "issuer_missing"),
        ({"iss": "https://evil.example"}, "issuer_mismatch"),
        ({"code": None}, "code_missing"),
        ({"code": "made-up"}, "code_refused"),
        ({"error": "access_denied"}, "access_denied"),
        ({"error": "server_error"}, "unavailable"),
        ({"error": "<script>alert(1)</script>"}, "request_refused"),
    ],
)
def test_p_68_response_that_was_changed_is_refused(
    browser: SignOn, server: AuthorizationServer, alice: Person, change: dict[str, Any], reason: str
) -> None:
    assign()
    configured(server, default_role=alice.role)
    query: dict[str, Any] = {
        name: values[0] for name, values in parse_qs(urlsplit(browser.respond("alice")).query).items()
    }
    sent = {name: value for name, value in {**query, **change}.items() if value is not None}
    answer = browser.portal.get("/sign-in/single-sign-on/callback", sent)
    assert "script>alert" not in answer.content.decode()
    refused(browser, answer, reason)


def test_cancelled_sign_in_says_so(browser: SignOn, server: AuthorizationServer, alice: Person) -> None:
    assign()
    configured(server, default_role=alice.role)
    url = browser.at_provider.cancel(browser.begin())
    assert "The identity provider did not sign you in." in refused(browser, browser.open(url), "access_denied")


def test_p_74_frequent_failures_are_refused_before_anything_is_sent(
    browser: SignOn, server: AuthorizationServer, alice: Person
) -> None:
    assign()
    configured(server, default_role=alice.role)
    server.set_people({"alice": CLAIMS | {"email_verified": False}})
    assert SignOn(server).sign_in("alice").status_code == 422
    SignInThrottle.objects.update(failures=FREE_PER_ADDRESS)
    assert SignOn(server).sign_in("alice").status_code == 422
    # As after some more failures: a delay of a second may pass on a busy machine.
    counted = SignInThrottle.objects.filter(failures=FREE_PER_ADDRESS + 1)
    assert counted.update(blocked_until=timezone.now() + timedelta(hours=1)) == 1
    answer = browser.portal.get("/sign-in/single-sign-on", {"organization": "acme"})
    assert (answer.status_code, "Retry-After" in answer.headers) == (429, True)
    assert AuditEvent.objects.filter(action="signed_in", result="refused").count() == 2
