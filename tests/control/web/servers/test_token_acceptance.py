"""The first line of the page: it says what a verifier decides about a good token at that time."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from kit import forge, registrations
from kit.browser_session import BrowserSession
from watchword.control.organizations.models import Subscription
from watchword.control.servers.models import AuthorizationServer, KeySetState
from watchword.control.servers.trust import trust_of
from watchword.core.decision import Allow
from watchword.core.verify import verify_token

if TYPE_CHECKING:
    from collections.abc import Callable

    from watchword.control.identity.models import Person
    from watchword.control.organizations.models import Organization

pytestmark = pytest.mark.django_db

KEY = forge.ec_key("first")


def registered() -> AuthorizationServer:
    return registrations.add(KEY)


def disabled() -> None:
    registrations.add(KEY, enabled=False)


def without_keys() -> None:
    server = registered()
    KeySetState.objects.filter(pk=server.pk).update(document=None, fetched_at=None, good_until=None)


def with_old_keys() -> None:
    server, now = registered(), timezone.now()
    KeySetState.objects.filter(pk=server.pk).update(
        fetched_at=now - timedelta(days=1), good_until=now - timedelta(seconds=1)
    )


def expired() -> None:
    registered()
    registrations.expire()


def not_started() -> None:
    registered()
    Subscription.objects.filter(pk="acme").update(starts_at=timezone.now() + timedelta(hours=1))


def without_subscription() -> None:
    registered()
    Subscription.objects.filter(pk="acme").delete()


def suspended() -> None:
    registered()
    registrations.suspend()


def suspended_and_expired() -> None:
    expired()
    registrations.suspend()


STATES: tuple[tuple[Callable[[], object], str, str], ...] = (
    (registered, "Tokens are accepted from ProdOkta.", "Enabled"),
    (lambda: None, "Tokens are refused: no authorization server is enabled.", ""),
    (disabled, "Tokens are refused: no authorization server is enabled.", "Disabled"),
    (without_keys, "Tokens are refused: the signing keys of ProdOkta have not been fetched yet.", "not in force"),
    (with_old_keys, "Tokens are refused: the signing keys of ProdOkta are too old, last fetched on ", "not in force"),
    (expired, "Tokens are refused: the API subscription expired on ", "not in force"),
    (not_started, "Tokens are refused: the API subscription starts on ", "not in force"),
    (without_subscription, "Tokens are refused: there is no API subscription.", "not in force"),
    (suspended, "Tokens are refused: the organization was disabled on ", "Disabled"),
    (suspended_and_expired, "Tokens are refused: the organization was disabled on ", "Disabled"),
)


@pytest.fixture
def desks(acme: Organization, alice: Person, operator: Person) -> tuple[tuple[BrowserSession, str], ...]:
    """Who sees Acme's servers, and on which page."""
    return (BrowserSession.of(alice), "servers:list"), (BrowserSession.of(operator), "console:organization")


@pytest.mark.parametrize(("prepare", "sentence", "badge"), STATES)
def test_the_pages_say_what_a_verifier_decides(
    desks: tuple[tuple[BrowserSession, str], ...], prepare: Callable[[], object], sentence: str, badge: str
) -> None:
    prepare()
    pages = [browser.get(route, "acme") for browser, route in desks]

    now = timezone.now().timestamp()
    token = forge.token(KEY, "ES256", iat=now - 10, exp=now + 300)
    decision = verify_token(token, trust_of("acme"), now=now, snapshot_good_until=now + 60)
    assert isinstance(decision, Allow) is sentence.startswith("Tokens are accepted")
    for shown in pages:
        assert shown.text.count(sentence) == 1
        assert ("badge-good" in shown.html.partition("<table")[2]) is isinstance(decision, Allow)
        assert ("Enabled , not in force" in shown.text) is (badge == "not in force")
        assert badge in shown.text


@pytest.mark.parametrize("prepare", [expired, not_started, without_subscription, suspended])
@pytest.mark.parametrize("route", ["people:administrators", "activity:list", "audit:list"])
def test_each_page_of_the_organization_says_that_tokens_are_refused(
    acme: Organization, alice: Person, prepare: Callable[[], object], route: str
) -> None:
    prepare()
    page = BrowserSession.of(alice).get(route, acme.pk)
    assert page.text.count("Tokens are refused.") + page.text.count("Tokens are rejected;") == 1


@pytest.mark.parametrize(
    ("prepare", "said"),
    [
        (expired, "The API subscription expired on "),
        (not_started, "The API subscription starts on "),
        (without_subscription, "There is no API subscription"),
    ],
)
def test_page_on_which_changes_are_possible_does_not_call_them_locked(
    acme: Organization, alice: Person, prepare: Callable[[], object], said: str
) -> None:
    prepare()
    text = BrowserSession.of(alice).get("people:administrators", acme.pk).text
    assert re.search(f"{said}.*: authorization servers cannot be changed. Tokens are refused.", text)
    assert "changes are locked" not in text


@pytest.mark.parametrize("prepare", [expired, not_started, without_subscription])
def test_the_page_of_the_servers_says_once_that_tokens_are_refused(
    acme: Organization, alice: Person, prepare: Callable[[], object]
) -> None:
    prepare()
    assert BrowserSession.of(alice).get("servers:list", acme.pk).text.count("Tokens are refused") == 1


@pytest.mark.parametrize("prepare", [expired, not_started, without_subscription, suspended, suspended_and_expired])
def test_call_the_api_says_once_why_tokens_are_refused(
    acme: Organization, alice: Person, prepare: Callable[[], object]
) -> None:
    prepare()
    page = BrowserSession.of(alice).get("servers:calling", acme.pk)
    assert page.text.count("Tokens are refused") + page.text.count("Tokens are rejected;") == 1
    assert page.html.count('id="tokens"') == 0
    assert page.text.count("isabled on ") <= 1


def test_finished_fetch_updates_the_first_line(acme: Organization, alice: Person) -> None:
    server = registered()
    html = BrowserSession.of(alice).scripted.get("servers:fetch", acme.pk, server.pk).html
    assert 'id="tokens" hx-swap-oob="true"' in html
    assert "Tokens are accepted from ProdOkta." in html
