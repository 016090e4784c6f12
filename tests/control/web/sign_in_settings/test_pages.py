"""The page Sign-In Settings: what it shows, and its dialogs as browsers without scripts get them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kit import people, sign_in_settings
from kit.browser_session import BrowserSession
from kit.sign_in_settings import add_app, assign, configuration, enabled, strong
from watchword.control.base.actor import Permission
from watchword.control.identity.factor_rules import Factor, stored
from watchword.control.identity.models import ProviderAccount, Session, SignInPolicy, SingleSignOn

if TYPE_CHECKING:
    from pytest_django import DjangoAssertNumQueries

    from watchword.control.identity.models import Person

PAGE = "sign_in_settings:settings"
CONFIGURE = "sign_in_settings:configure"
FORM = {
    "issuer": sign_in_settings.ISSUER,
    "client_id": "watchword",
    "client_secret": "a-secret-of-at-least-32-characters",
    "role_claim": "groups",
    "value_0": "admins",
    "role_0": "Role of alice",
    "default_role": "",
    "version": "0",
}

SECRET_IS_LOST = "Enter the client secret again: it was not saved."


def browser_of(person: Person) -> BrowserSession:
    """The person's browser, in a session that began with a second factor."""
    return with_factors(person, *sign_in_settings.STRONG)


def with_factors(person: Person, *factors: Factor) -> BrowserSession:
    browser = BrowserSession.of(person)
    Session.objects.filter(person=person).update(factors=stored(factors))
    return browser


@pytest.fixture
def browser(alice: Person) -> BrowserSession:
    return browser_of(alice)


def account(person: Person) -> None:
    ProviderAccount.objects.create(
        person=person,
        organization_id="acme",
        issuer=sign_in_settings.ISSUER,
        subject=person.email,
        created_at=people.NOW,
    )


def test_page_before_anything_is_set(browser: BrowserSession, bob: Person) -> None:
    page = browser.get(PAGE, "acme")
    assert "Required No." in page.text
    assert "Alice alice@acme.example Bob bob@acme.example" in page.text
    assert "Status Not set up" in page.text
    assert "http://127.0.0.1:8080/sign-in/single-sign-on/callback" in page.text
    assert "http://127.0.0.1:8080/sign-in/single-sign-on?organization=acme" in page.text
    assert "None. Ask the API provider to assign the domain" in page.text
    assert "Other ways to sign in" not in page.text


def test_second_factor_is_required_and_no_longer(browser: BrowserSession, alice: Person, bob: Person) -> None:
    add_app(alice)
    with_factors(bob, *sign_in_settings.WEAK)
    asked = browser.get("sign_in_settings:second-factor", "acme")
    assert "Bob has none and must add one at the next sign-in." in asked.text
    assert "1 session that began without a second factor ends at once." in asked.text
    version = asked.value("version")

    stale = browser.post("sign_in_settings:second-factor", "acme", required="on", version="7")
    assert (stale.status, "changed this on" in stale.text) == (409, True)
    browser.post("sign_in_settings:second-factor", "acme", required="on", version=version)
    page = browser.get(PAGE, "acme")
    assert "A second factor is now required." in page.text
    assert "Required Yes." in page.text
    assert not Session.objects.filter(person=bob).exists()

    asked = browser.get("sign_in_settings:second-factor", "acme")
    assert "Stop requiring a second factor?" in asked.text
    browser.post("sign_in_settings:second-factor", "acme", required="off", version=asked.value("version"))
    assert not SignInPolicy.objects.get().second_factor_required


def test_dialog_says_which_second_factor_is_missing(browser: BrowserSession, alice: Person) -> None:
    refused = browser.scripted.post("sign_in_settings:second-factor", "acme", required="on", version="0")
    assert (refused.status, "of your own first, in Your sign-in." in refused.text) == (409, True)
    add_app(alice)
    assert (
        "All active administrators have a second factor." in browser.get("sign_in_settings:second-factor", "acme").text
    )


def test_provider_is_set_up_edited_enabled_and_removed(browser: BrowserSession, alice: Person) -> None:
    asked = browser.get(CONFIGURE, "acme")
    assert "Set Up Single Sign-On" in asked.text

    browser.post(CONFIGURE, "acme", **FORM)
    page = browser.get(PAGE, "acme")
    assert "Saved single sign-on." in page.text
    assert "Status Disabled" in page.text
    assert "admins → Role of alice" in page.text
    assert "People without such a value cannot sign in." in page.text
    assert FORM["client_secret"] not in page.html

    asked = browser.get(CONFIGURE, "acme")
    assert (asked.value("issuer"), asked.value("value_0"), asked.value("client_secret")) == (
        FORM["issuer"],
        "admins",
        "",
    )
    browser.post(
        CONFIGURE,
        "acme",
        **(FORM | {"client_secret": "", "version": asked.value("version"), "default_role": "Role of alice"}),
    )
    assert SingleSignOn.objects.get().default_role == alice.role

    asked = browser.get("sign_in_settings:enable", "acme")
    assert "No e-mail domain is assigned to this organization yet" in asked.text
    assign()
    asked = browser.get("sign_in_settings:enable", "acme")
    assert "People with a verified e-mail address in acme.example can sign in through login.acme.example." in asked.text
    browser.post("sign_in_settings:enable", "acme", enabled="on", version=asked.value("version"))
    page = browser.get(PAGE, "acme")
    assert "Single sign-on is enabled." in page.text
    assert "acme.example Assigned by the API provider." in page.text
    assert "Other ways to sign in" in page.text

    asked = browser.get("sign_in_settings:enable", "acme")
    assert "People without a password then cannot sign in." in asked.text
    browser.post("sign_in_settings:enable", "acme", enabled="off", version=asked.value("version"))
    asked = browser.get("sign_in_settings:remove", "acme")
    assert (browser.post("sign_in_settings:remove", "acme", version="1").status) == 409
    browser.post("sign_in_settings:remove", "acme", version=asked.value("version"))
    assert "Status Not set up" in browser.get(PAGE, "acme").text
    assert browser.get("sign_in_settings:remove", "acme").status == 404


def test_dialog_comes_back_with_faults_at_their_fields_and_without_the_secret(browser: BrowserSession) -> None:
    refused = browser.post(CONFIGURE, "acme", **(FORM | {"issuer": "http://x", "role_0": ""}))
    assert refused.status == 422
    assert (refused.value("issuer"), refused.value("value_0"), refused.value("client_secret")) == (
        "http://x",
        "admins",
        "",
    )
    assert "Enter the issuer as the provider states it" in refused.text
    assert "Choose a role." in refused.text
    # Blank would keep the stored one.
    assert SECRET_IS_LOST in refused.text
    assert SECRET_IS_LOST not in browser.post(CONFIGURE, "acme", **(FORM | {"issuer": "x", "client_secret": ""})).text


def test_stale_edit_shows_what_it_would_overwrite(browser: BrowserSession, alice: Person) -> None:
    configuration().run(strong(alice))
    refused = browser.post(CONFIGURE, "acme", **(FORM | {"client_id": "other"}))
    assert refused.status == 409
    assert "Client ID watchword → other" in refused.text
    assert "Roles by claim blank → admins: Role of alice" in refused.text
    again = browser.post(CONFIGURE, "acme", **(FORM | {"client_id": "other", "version": refused.value("version")}))
    assert again.status == 302


def test_single_sign_on_only_and_back(browser: BrowserSession, alice: Person, bob: Person) -> None:
    enabled(strong(alice))
    refused = browser.post("sign_in_settings:only", "acme", emergency_person=str(alice.pk), version="0")
    assert (refused.status, "sign in through it once" in refused.text) == (409, True)
    account(bob)
    asked = browser.get("sign_in_settings:only", "acme")
    assert f'<option value="{alice.pk}"' in asked.html
    assert f'<option value="{bob.pk}"' not in asked.html
    refused = browser.post("sign_in_settings:only", "acme", emergency_person="", version="0")
    assert (refused.status, "Choose an active administrator with every permission" in refused.text) == (422, True)

    browser.post("sign_in_settings:only", "acme", emergency_person=str(alice.pk), version="0")
    page = browser.get(PAGE, "acme")
    assert "Single sign-on is now the only way to sign in." in page.text
    assert "Emergency administrator alice@acme.example" in page.text
    for route in ("sign_in_settings:enable", "sign_in_settings:remove"):
        closed = browser.post(route, "acme", enabled="off", version=browser.get(route, "acme").value("version"))
        assert (closed.status, "Allow other ways first." in closed.text) == (409, True)

    asked = browser.get("sign_in_settings:allow-others", "acme")
    assert browser.post("sign_in_settings:allow-others", "acme", version="0").status == 409
    browser.post("sign_in_settings:allow-others", "acme", version=asked.value("version"))
    assert not SignInPolicy.objects.get().single_sign_on_only


def test_operator_reads_and_changes_nothing(operator: Person, alice: Person) -> None:
    enabled(strong(alice))
    page = browser_of(operator).get(PAGE, "acme")
    assert page.status == 200
    assert page.html.count("Only the organization&#x27;s administrators can change this.") == 12
    assert "hx-get" not in page.html.split('id="content"')[1]


def test_administrator_with_fewer_permissions_changes_the_second_factor_only(alice: Person) -> None:
    some = people.administrator("some", "acme", Permission.ADMINISTRATORS)
    browser = browser_of(some)
    page = browser.get(PAGE, "acme")
    assert "your role does not have the “API Key Management” permission" in page.text
    assert browser.get(CONFIGURE, "acme").status == 403
    assert browser.get("sign_in_settings:second-factor", "acme").status == 200


def test_button_is_locked_until_the_person_has_a_second_factor(alice: Person) -> None:
    button = 'id="second-factor"'
    weak = with_factors(alice, Factor.PASSWORD).get(PAGE, "acme")
    assert "This change needs a session that began with a second factor" in weak.text
    without = browser_of(alice).get(PAGE, "acme")
    assert "Add a passkey or an authenticator app of your own first" in without.text
    strong(alice)
    able = browser_of(alice).get(PAGE, "acme")
    assert [button in page.html for page in (weak, without, able)] == [False, False, True]


def test_the_budget_of_queries(
    browser: BrowserSession, alice: Person, bob: Person, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    enabled(strong(alice), role_claim="groups", role_values=(("x", "Role of bob"),))
    assign()
    account(bob)
    # Session, person, organization; standing (2) and notice; policy; configuration (3), domains, people; for
    # each of two locks the factors of the session.
    with django_assert_max_num_queries(15):
        browser.get(PAGE, "acme")


def test_sessions_by_single_sign_on_are_not_counted(browser: BrowserSession, bob: Person) -> None:
    with_factors(bob, Factor.SINGLE_SIGN_ON)
    assert "No session ends" in browser.get("sign_in_settings:second-factor", "acme").text
