"""Create Organization: with its API subscription and its first administrator, all of it or nothing."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from django.test import Client

from kit.browser_session import BrowserSession
from watchword.control.audit.models import AuditEvent
from watchword.control.fleet.models import TrustRecord
from watchword.control.identity.models import Person, Role, SignInLink
from watchword.control.organizations.models import Organization, Subscription

if TYPE_CHECKING:
    from kit.browser_session import Shown

CREATE = "console:create-organization"
GLOBEX = {
    "name": "Globex",
    "organization_id": "globex",
    "starts_at": "2026-01-01T00:00:00",
    "expires_at": "2999-01-31T12:00:00",
    "api_call_threshold": "1000000",
    "administrator_name": "Charlie",
    "administrator_email": "Charlie@globex.example",
}


@pytest.fixture
def browser(operator: Person) -> BrowserSession:
    return BrowserSession.of(operator)


def link_in(page: Shown) -> str:
    found = re.search(r"http://127\.0\.0\.1:8080(/sign-in/[\w-]+)", page.html)
    assert found is not None
    return found[1]


def test_organization_is_created_in_one_step_and_the_link_shown_once(browser: BrowserSession) -> None:
    page = browser.post(CREATE, **GLOBEX)

    assert page.status == 200
    assert "Created Globex One-time link for Charlie@globex.example" in page.text
    subscription = Subscription.objects.get(pk="globex")
    assert subscription.expires_at == datetime(2999, 1, 31, 12, tzinfo=UTC)
    assert subscription.api_call_threshold == 1_000_000
    charlie = Person.objects.select_related("role").get(organization="globex")
    assert (charlie.email, charlie.name) == ("charlie@globex.example", "Charlie")
    assert charlie.role is not None
    assert charlie.role.name == "Administrator"
    assert TrustRecord.objects.get(organization="globex").document["subscription"] is not None
    link = link_in(page)
    assert Client().get(link).status_code == 302
    for again in (
        browser.get("console:organizations"),
        browser.get("console:organization", "globex"),
        browser.get(CREATE),
    ):
        assert link not in again.html


def test_each_part_is_in_the_organizations_log_and_the_secret_nowhere(browser: BrowserSession) -> None:
    secret = link_in(browser.post(CREATE, **GLOBEX)).rpartition("/")[2]

    events = list(AuditEvent.objects.filter(organization="globex").order_by("sequence"))
    assert [event.action for event in events] == [
        "organization_created", "subscription_set", "role_created", "administrator_created", "sign_in_link_created",
    ]  # fmt: skip
    assert {event.actor for event in events} == {"operator@provider.example"}
    assert secret not in str([(event.target, event.changes) for event in AuditEvent.objects.all()])
    assert not SignInLink.objects.filter(secret_hash=secret).exists()


def test_with_scripts_the_link_lies_over_the_list_that_has_the_new_organization(browser: BrowserSession) -> None:
    page = browser.scripted.post(CREATE, **GLOBEX)

    assert page.answer.headers["HX-Retarget"] == "#content"
    assert page.html.lstrip().startswith('<div id="content">')
    assert "/operator-console/organizations/globex/" in page.html
    assert link_in(page)


def test_subscription_and_administrator_may_come_later(browser: BrowserSession) -> None:
    page = browser.post(CREATE, name="Globex", organization_id="globex")

    assert page.leads_to == "/operator-console/organizations/"
    assert "Created Globex." in browser.get("console:organizations").text
    assert not Subscription.objects.exists()
    assert not Person.objects.filter(organization="globex").exists()


def test_without_a_start_the_subscription_starts_now(browser: BrowserSession) -> None:
    page = browser.post(CREATE, **{**GLOBEX, "starts_at": ""})

    assert "globex Active" in page.text
    assert abs(Subscription.objects.get().starts_at - datetime.now(UTC)) < timedelta(minutes=2)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"organization_id": "Globex Inc"}, "The ID has 2 to 32 characters"),
        ({"organization_id": "www"}, "The ID www is reserved"),
        ({"organization_id": "xn--globex"}, "hyphens as its third and fourth characters"),
        ({"name": ""}, "Enter a name without leading or trailing spaces"),
        ({"expires_at": "soon"}, "Enter a date and time such as 2027-01-31T12:00, in UTC."),
        ({"expires_at": "9999-12-31T23:59:59-23:00"}, "Enter a date and time such as"),
        ({"expires_at": ""}, "Enter when the API subscription ends, or leave all three fields blank."),
        ({"expires_at": "2025-12-31"}, "The subscription must end after its start."),
        ({"api_call_threshold": "a million"}, "Enter a whole number such as 1000000"),
        ({"api_call_threshold": "0"}, "The API call threshold is at least 1"),
        ({"api_call_threshold": "9999999999999999"}, "cannot exceed 1,000,000,000,000,000 calls per day"),
        ({"administrator_email": "charlie"}, "Enter an e-mail address such as alice@acme.example."),
        ({"administrator_email": ""}, "or leave the name blank as well."),
        ({"administrator_name": "C\x01"}, "none of them invisible"),
    ],
)
@pytest.mark.parametrize("htmx", [False, True])
def test_invalid_input_keeps_the_dialog_with_typed_text_and_creates_nothing(
    browser: BrowserSession,
    changes: dict[str, str],
    sentence: str,
    htmx: bool,  # noqa: FBT001 - a row of the table.
) -> None:
    typed = {**GLOBEX, **changes}

    page = BrowserSession(browser.client, scripts=htmx).post(CREATE, **typed)

    assert page.status == 422
    assert sentence in page.text
    assert "Nothing was saved" in page.text
    for name, value in typed.items():
        assert page.value(name) == value
    assert not Organization.objects.exists()
    assert not Role.objects.exists()


def test_an_id_that_is_taken_is_named_at_its_field(browser: BrowserSession, globex: Organization) -> None:
    page = browser.post(CREATE, **{**GLOBEX, "name": "Another"})

    assert page.status == 409
    assert 'id="id_organization_id-error"' in page.html
    assert "The name “globex” is already taken." in page.text
    assert Organization.objects.get().name == "Globex"


def test_taken_email_address_creates_no_organization(browser: BrowserSession, alice: Person) -> None:
    page = browser.post(CREATE, **{**GLOBEX, "administrator_email": "alice@acme.example"})

    assert page.status == 409
    assert 'id="id_administrator_email-error"' in page.html
    assert not Organization.objects.filter(pk="globex").exists()


def test_the_dialog_opens_alone_for_scripts_and_on_its_page_without(browser: BrowserSession) -> None:
    assert browser.scripted.get(CREATE).html.lstrip().startswith("<dialog")
    assert "<title>Organizations" in browser.get(CREATE).html


def test_administrator_cannot_create_an_organization_and_is_audited(alice: Person) -> None:
    page = BrowserSession.of(alice).post(CREATE, **GLOBEX)

    assert page.status == 403
    assert not Organization.objects.filter(pk="globex").exists()
    event = AuditEvent.objects.latest("sequence")
    assert (event.action, event.result, event.actor) == ("change_attempted", "refused", "alice@acme.example")
