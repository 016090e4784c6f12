"""One organization in the console: subscription, suspension, servers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from kit import registrations
from kit.browser_session import BrowserSession
from kit.people import NOW
from watchword.control.audit.models import AuditEvent
from watchword.control.base.actor import command_line
from watchword.control.base.times import spoken
from watchword.control.organizations.commands import Reinstate, SetSubscription, Suspend
from watchword.control.organizations.models import Subscription, Suspension, SuspensionReason
from watchword.control.organizations.rules import a_year_after
from watchword.control.servers.models import KeySetState

if TYPE_CHECKING:
    from pytest_django import DjangoAssertNumQueries

    from watchword.control.identity.models import Person
    from watchword.control.organizations.models import Organization

PAGE = "console:organization"


@pytest.fixture
def browser(operator: Person) -> BrowserSession:
    return BrowserSession.of(operator)


def suspend(public_text: str = "Stop the export.") -> Suspension:
    return Suspend(
        organization_id="acme",
        reason=SuspensionReason.TERMS_VIOLATED,
        public_text=public_text,
        private_note="Spoke to Alice.",
    ).run(command_line())


def test_the_page_shows_subscription_servers_and_people(
    browser: BrowserSession, acme: Organization, alice: Person
) -> None:
    registrations.add(name="ProdOkta")
    server = registrations.add(name="Standby", enabled=False, jwks_location=registrations.OTHER_LOCATION)
    KeySetState.objects.filter(server=server).update(failing_since=NOW, failures=1, problem="host_not_found")

    page = browser.get(PAGE, "acme")

    assert "Operator Console Organizations Acme" in page.text
    assert "29 days left" in page.text
    assert f"Expires {spoken(NOW + timedelta(days=30))}" in page.text
    assert "1,000 per day" in page.text
    assert "ProdOkta Enabled login.acme.example /keys 1 · ES256" in page.text
    assert "Standby Disabled login.acme.example /other-keys 1 · ES256 Failing since" in page.text
    assert "Administrators 1 active" in page.text
    assert "/acme/administration/api-configuration/" in page.html
    assert "Reinstate" not in page.text


def test_page_of_an_empty_organization_says_what_is_missing(browser: BrowserSession, initech: Organization) -> None:
    page = browser.get(PAGE, "initech")

    assert "No API subscription Without one, Initech cannot change its authorization servers" in page.text
    assert "none active, so no administrator can sign in" in page.text
    assert "Set API Subscription" in page.text
    assert "Renew" not in page.text


def test_an_organization_that_does_not_exist_is_not_found(browser: BrowserSession) -> None:
    assert browser.get(PAGE, "nowhere").status == 404
    assert browser.post("console:suspend", "nowhere", reason="other").status == 404


def test_a_suspension_is_shown_whole_and_so_are_the_earlier_ones(browser: BrowserSession, acme: Organization) -> None:
    earlier = suspend("<b>First</b> warning")
    Reinstate(organization_id="acme").run(command_line())
    live = suspend()

    page = browser.get(PAGE, "acme")

    assert "Suspended: terms and conditions violated" in page.text
    assert live.reference in page.text
    assert "Public text Stop the export. Private note Spoke to Alice." in page.text
    assert f"{earlier.reference} terms and conditions violated <b>First</b> warning" in page.text
    assert "&lt;b&gt;First" in page.html
    assert "from the command line" in page.text


def test_the_budget_of_queries(
    browser: BrowserSession, acme: Organization, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    registrations.add(name="ProdOkta")
    for _ in range(5):
        suspend()
        Reinstate(organization_id="acme").run(command_line())

    # Session, person, organization; standing (2), subscription, suspensions, servers and their keys (2), e-mail
    # domains, people, verifiers.
    with django_assert_max_num_queries(14):
        browser.get(PAGE, "acme")


# ------------------------------------------------------------------ API subscription


def stored() -> Subscription:
    return Subscription.objects.get(pk="acme")


def test_renew_shows_what_is_stored_suggests_a_year_more_and_renews(
    browser: BrowserSession, acme: Organization
) -> None:
    before = stored()
    dialog = browser.get("console:renew", "acme")
    assert f"Currently expires {spoken(before.expires_at)}" in dialog.text
    suggested = dialog.value("expires_at")
    assert suggested == a_year_after(before.expires_at).strftime("%Y-%m-%dT%H:%M:%S")

    answer = browser.post("console:renew", "acme", expires_at=suggested, version=dialog.value("version"))

    assert answer.leads_to == "/operator-console/organizations/acme/"
    after = stored()
    assert after.expires_at == a_year_after(before.expires_at)
    assert (after.starts_at, after.api_call_threshold) == (before.starts_at, before.api_call_threshold)
    told = f"API subscription renewed: {spoken(before.expires_at)} → {spoken(after.expires_at)}."
    assert told in browser.get(PAGE, "acme").text
    event = AuditEvent.objects.latest("sequence")
    assert (event.action, event.actor) == ("subscription_renewed", "operator@provider.example")


def test_an_expired_subscription_is_renewed_from_now(browser: BrowserSession, acme: Organization) -> None:
    Subscription.objects.update(expires_at=NOW - timedelta(days=20))

    suggested = datetime.fromisoformat(browser.get("console:renew", "acme").value("expires_at")).replace(tzinfo=UTC)

    assert abs(suggested - a_year_after(NOW)) < timedelta(hours=1)


def test_set_changes_all_three_and_begins_where_there_was_none(browser: BrowserSession, initech: Organization) -> None:
    dialog = browser.get("console:set-subscription", "initech")
    assert "now" not in dialog.text.partition("Set API Subscription")[2].partition("Cancel")[0].replace("no longer", "")

    browser.post(
        "console:set-subscription",
        "initech",
        starts_at="2026-01-01T00:00:00",
        expires_at="2999-01-01T00:00",
        api_call_threshold="5000",
        version=dialog.value("version"),
    )

    made = Subscription.objects.get(pk="initech")
    assert made.starts_at == datetime(2026, 1, 1, tzinfo=UTC)
    assert made.expires_at == datetime(2999, 1, 1, tzinfo=UTC)
    assert made.api_call_threshold == 5000


def test_the_threshold_is_changed_alone_and_blank_is_no_limit(browser: BrowserSession, acme: Organization) -> None:
    dialog = browser.get("console:threshold", "acme")
    assert "Current threshold 1,000 per day" in dialog.text
    assert dialog.value("api_call_threshold") == "1000"

    answer = browser.scripted.post(
        "console:threshold", "acme", api_call_threshold="", version=dialog.value("version")
    )  # fmt: skip

    assert "API call threshold changed: 1,000 per day → no limit." in answer.text
    assert stored().api_call_threshold is None
    assert AuditEvent.objects.latest("sequence").changes == {"api_call_threshold": [1000, None]}


@pytest.mark.parametrize(
    ("route", "typed", "sentence"),
    [
        ("renew", {"expires_at": ""}, "Enter a date and time, in UTC."),
        ("renew", {"expires_at": "31.1.2027"}, "Enter a date and time such as"),
        ("renew", {"expires_at": "2026-10-30T00:00:00"}, "The new expiry must be in the future"),
        ("set-subscription", {"expires_at": "2027-01-01"}, "Enter a date and time, in UTC."),
        ("set-subscription", {"starts_at": "2027-01-02", "expires_at": "2027-01-01"}, "must end after its start"),
        ("threshold", {"api_call_threshold": "-1"}, "Enter a whole number"),
        ("threshold", {"api_call_threshold": "0"}, "at least 1"),
    ],
)
def test_invalid_input_stays_in_the_open_dialog(
    browser: BrowserSession, acme: Organization, route: str, typed: dict[str, str], sentence: str
) -> None:
    Subscription.objects.update(starts_at=datetime(2026, 10, 1, tzinfo=UTC))

    page = browser.scripted.post(f"console:{route}", "acme", version="1", **typed)

    assert page.status == 422
    assert sentence in page.text
    for name, value in typed.items():
        assert page.value(name) == value


def test_stale_change_is_refused_once_and_then_saved(browser: BrowserSession, acme: Organization) -> None:
    dialog = browser.get("console:renew", "acme")
    SetSubscription(
        organization_id="acme", starts_at=NOW - timedelta(days=1), expires_at=NOW + timedelta(days=7)
    ).run(command_line(), now=NOW)  # fmt: skip

    page = browser.post("console:renew", "acme", expires_at="2999-01-01T00:00:00", version=dialog.value("version"))

    assert page.status == 409
    assert f"command line changed this on {spoken(NOW)}" in page.text
    assert f"Currently expires {spoken(NOW + timedelta(days=7))}" in page.text
    assert page.value("expires_at") == "2999-01-01T00:00:00"
    assert stored().expires_at == NOW + timedelta(days=7)
    browser.post("console:renew", "acme", expires_at=page.value("expires_at"), version=page.value("version"))
    assert stored().expires_at.year == 2999


@pytest.mark.parametrize("version", ["", "x", "-1", "99"])
def test_a_version_that_was_tampered_with_is_stale(browser: BrowserSession, acme: Organization, version: str) -> None:
    Subscription.objects.update(updated_by=None, updated_at=None)

    page = browser.post("console:renew", "acme", expires_at="2999-01-01T00:00:00", version=version)

    assert page.status == 409
    assert "Another person changed this on an unknown date" in page.text


@pytest.mark.parametrize("route", ["renew", "threshold"])
def test_there_is_nothing_to_renew_or_change_without_a_subscription(
    browser: BrowserSession, initech: Organization, route: str
) -> None:
    page = browser.get(f"console:{route}", "initech")

    assert page.status == 409
    assert "There is no API subscription to renew or change. Set one first." in page.text


def test_a_subscription_dialog_of_a_suspended_organization_says_that_it_stays_suspended(
    browser: BrowserSession, acme: Organization
) -> None:
    suspend()

    assert "Acme stays suspended until an operator reinstates it." in browser.get("console:renew", "acme").text


# ------------------------------------------------------------------ Suspension


def test_field_p_suspend_preselects_no_reason(browser: BrowserSession, acme: Organization) -> None:
    dialog = browser.get("console:suspend", "acme")
    assert 'type="radio"' in dialog.html
    assert " checked" not in dialog.html

    refused = browser.post("console:suspend", "acme", public_text="", private_note="")

    assert refused.status == 422
    assert "Choose a reason." in refused.text


def test_field_p_a_subscription_that_ends_with_the_last_year_can_still_be_opened(
    browser: BrowserSession, acme: Organization
) -> None:
    Subscription.objects.update(expires_at=datetime(9999, 12, 1, tzinfo=UTC))
    assert browser.get("console:renew", "acme").value("expires_at") == "9999-12-01T00:00:00"


def test_suspending_says_what_stops_and_what_the_organization_will_read(
    browser: BrowserSession, acme: Organization
) -> None:
    registrations.add(name="ProdOkta")

    dialog = browser.get("console:suspend", "acme")

    assert "All API requests of Acme with tokens issued by ProdOkta are rejected within 5 seconds" in dialog.text
    assert "Only an operator can reinstate it." in dialog.text
    assert "UTC: …. Tokens are rejected; contact support (reference ········)." in dialog.text
    for label in ("API call threshold exceeded", "Terms and conditions violated", "Other reason"):
        assert label in dialog.text


def test_the_preview_is_the_banner_and_knows_no_private_note(browser: BrowserSession, acme: Organization) -> None:
    typed = {"reason": "terms_violated", "public_text": "Stop <now>.", "private_note": "Spoke to Alice."}

    preview = browser.scripted.post("console:suspend-preview", "acme", **typed)
    browser.post("console:suspend", "acme", **typed)

    read = Suspension.objects.get()
    banner = (
        f"terms and conditions violated. Stop <now>. Tokens are rejected; contact support (reference {read.reference})."
    )
    assert banner.replace(read.reference, "········") in preview.html.replace("&lt;", "<").replace("&gt;", ">")
    assert "Spoke to Alice" not in preview.html
    assert browser.get("console:suspend-preview", "acme").status == 405


def test_suspended_the_organizations_own_page_has_that_banner_and_every_button_locked(
    browser: BrowserSession, acme: Organization, alice: Person
) -> None:
    registrations.add(name="ProdOkta")
    browser.post("console:suspend", "acme", reason="other", public_text="The contract ended.")
    reference = Suspension.objects.get().reference

    page = BrowserSession.of(alice).get("servers:list", "acme")

    assert (
        f"other reason. The contract ended. Tokens are rejected; contact support (reference {reference})" in page.text
    )
    assert "while suspended" in page.text
    assert 'id="edit-' not in page.html
    assert page.html.count('aria-disabled="true"') >= 5


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"reason": ""}, "reason"),
        ({"reason": "dislike"}, "reason"),
        ({"reason": "other", "public_text": " "}, "public_text"),
        ({"reason": "other", "public_text": "x" * 501}, "public_text"),
        ({"reason": "terms_violated", "private_note": "x" * 2001}, "private_note"),
    ],
)
def test_invalid_text_shows_its_error_at_the_field(
    browser: BrowserSession, acme: Organization, typed: dict[str, str], field: str
) -> None:
    page = browser.post("console:suspend", "acme", **typed)

    assert page.status == 422
    assert f'id="id_{field}-error"' in page.html
    if typed["reason"] == "other":
        assert page.value("public_text") == typed["public_text"]
        assert 'value="other" checked' in page.html
    assert not Suspension.objects.exists()


def test_a_line_break_is_kept_and_counted_once(browser: BrowserSession, acme: Organization) -> None:
    browser.post("console:suspend", "acme", reason="other", public_text="One.\r\nTwo." + "x" * 490)

    assert Suspension.objects.get().public_text == "One.\nTwo." + "x" * 490


def test_second_suspension_is_refused(browser: BrowserSession, acme: Organization) -> None:
    suspend()

    for answer in (
        browser.get("console:suspend", "acme"),
        browser.post("console:suspend", "acme", reason="terms_violated"),
    ):
        assert answer.status == 409
        assert "The organization is already suspended." in answer.text
    assert Suspension.objects.count() == 1


def test_reinstating_says_what_comes_back_and_brings_it_back(
    browser: BrowserSession, acme: Organization, alice: Person
) -> None:
    server = registrations.add(name="ProdOkta")
    suspension = suspend()
    dialog = browser.get("console:reinstate", "acme")
    assert "ProdOkta is enabled as it was before" in dialog.text

    answer = browser.post("console:reinstate", "acme", reference=dialog.value("reference"))

    assert answer.leads_to == "/operator-console/organizations/acme/"
    suspension.refresh_from_db()
    server.refresh_from_db()
    assert suspension.lifted_by == "operator@provider.example"
    assert server.enabled
    assert "Disable ProdOkta" in BrowserSession.of(alice).get("servers:list", "acme").html


def test_reinstating_promises_no_tokens_without_server_or_subscription(
    browser: BrowserSession, acme: Organization
) -> None:
    suspend()
    assert "No authorization server is enabled" in browser.get("console:reinstate", "acme").text

    Subscription.objects.update(expires_at=NOW)

    assert "nothing else changes. API subscription expired on" in browser.get("console:reinstate", "acme").text


def test_a_later_suspension_is_not_lifted_by_a_dialog_about_an_earlier_one(
    browser: BrowserSession, acme: Organization
) -> None:
    suspend()
    dialog = browser.get("console:reinstate", "acme")
    Reinstate(organization_id="acme").run(command_line())
    later = suspend("Something worse.")

    page = browser.post("console:reinstate", "acme", reference=dialog.value("reference"))

    assert page.status == 409
    assert "command line changed this on" in page.text
    assert later.reference in page.text
    later.refresh_from_db()
    assert later.lifted_at is None
    browser.post("console:reinstate", "acme", reference=page.value("reference"))
    later.refresh_from_db()
    assert later.lifted_at is not None


def test_only_a_suspended_organization_can_be_reinstated(browser: BrowserSession, acme: Organization) -> None:
    for answer in (browser.get("console:reinstate", "acme"), browser.post("console:reinstate", "acme", reference="K7")):
        assert answer.status == 409
        assert "The organization is not suspended." in answer.text


def test_an_operator_acts_without_any_entitlement_of_the_organization(
    browser: BrowserSession, initech: Organization
) -> None:
    assert browser.post("console:suspend", "initech", reason="terms_violated").leads_to
    reference = Suspension.objects.get().reference
    assert browser.post("console:reinstate", "initech", reference=reference).leads_to


@pytest.mark.parametrize("route", ["suspend", "suspend-preview", "reinstate", "set-subscription", "renew", "threshold"])
def test_m_08_administrators_cannot_do_any_of_it_and_attempts_are_audited(
    acme: Organization, alice: Person, charlie: Person, route: str
) -> None:
    suspension = suspend()
    typed = {"reference": suspension.reference, "reason": "other", "expires_at": "2999-01-01T00:00:00", "version": "1"}
    before = stored()

    for person in (alice, charlie):
        answer = BrowserSession.of(person).post(f"console:{route}", "acme", **typed)
        assert answer.status == 403
        event = AuditEvent.objects.latest("sequence")
        assert (event.result, event.actor) == ("refused", person.email)
    suspension.refresh_from_db()
    assert suspension.lifted_at is None
    assert stored().version == before.version


def test_operator_assigns_and_removes_a_domain(
    browser: BrowserSession, acme: Organization, globex: Organization
) -> None:
    assert "No e-mail domains" in browser.get(PAGE, "acme").text
    assert "Check first that Acme controls the domain" in browser.get("console:assign-domain", "acme").text

    refused = browser.post("console:assign-domain", "acme", domain="alice@acme.example")
    assert (refused.status, refused.value("domain")) == (422, "alice@acme.example")
    assert "Enter a domain such as acme.example" in refused.text

    assert browser.post("console:assign-domain", "acme", domain="Acme.Example").leads_to == (
        "/operator-console/organizations/acme/"
    )
    page = browser.get(PAGE, "acme")
    assert "acme.example is assigned to Acme." in page.text
    assert "by operator@provider.example" in page.text

    taken = browser.scripted.post("console:assign-domain", "globex", domain="acme.example")
    assert (taken.status, "acme.example is already assigned to Acme." in taken.text) == (409, True)

    assert (
        "can no longer sign in by single sign-on" in browser.get("console:remove-domain", "acme", "acme.example").text
    )
    assert browser.get("console:remove-domain", "globex", "acme.example").status == 404
    assert browser.post("console:remove-domain", "globex", "acme.example").status == 404
    browser.post("console:remove-domain", "acme", "acme.example")
    assert "No e-mail domains" in browser.get(PAGE, "acme").text
