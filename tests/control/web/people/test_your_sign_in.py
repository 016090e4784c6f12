"""The tab Your sign-in: a person's own passkeys, authenticator app, recovery codes, password and single sign-on."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final
from uuid import uuid4

import pytest
from django.utils import timezone

from kit import enrolled
from kit.authenticator import Authenticator
from kit.browser_session import BrowserSession
from kit.factors import add_passkey, code_of
from kit.people import acting
from watchword.control.audit.models import AuditEvent
from watchword.control.identity.factors.recovery_codes import use_code
from watchword.control.identity.factors.rules import PASSKEYS_MAX
from watchword.control.identity.models import AuthenticatorApp, Passkey, Person, RecoveryCode, SignInPolicy
from watchword.settings.load import load_control_settings

if TYPE_CHECKING:
    from pytest_django import DjangoAssertNumQueries, Settings

    from kit.browser_session import Shown

PAGE: Final = "people:your-sign-in"
ORIGIN: Final = "https://portal.example"
CODE: Final = re.compile(r"<li>([0-9A-Z-]{29})</li>")


@pytest.fixture(autouse=True)
def _portal_with_a_name(settings: Settings) -> None:
    """Passkeys are bound to a host name."""
    settings.WATCHWORD = settings.WATCHWORD.model_copy(update={"public_origin": ORIGIN})


@pytest.fixture
def browser(alice: Person) -> BrowserSession:
    return BrowserSession.of(alice)


def require_second_factor(organization_id: str) -> None:
    SignInPolicy.objects.create(organization_id=organization_id, second_factor_required=True)


def shown_codes(page: Shown) -> list[str]:
    return CODE.findall(page.html)


def last_event() -> AuditEvent:
    return AuditEvent.objects.latest("sequence")


class TestPage:
    def test_person_with_a_password_alone_reads_what_to_do(self, browser: BrowserSession) -> None:
        page = browser.get(PAGE)

        assert "You sign in with your password alone. Add a passkey or set up an authenticator app." in page.text
        assert "No passkeys yet" in page.text
        assert "Not set up. An app on your phone" in page.text
        assert "Replace recovery codes: Set up a passkey or an authenticator app first." in page.text
        assert "Single sign-on" not in page.text

    def test_everything_that_is_set_up_is_listed(self, browser: BrowserSession, alice: Person) -> None:
        enrolled.passkey(alice, "Work laptop", last_used_at=timezone.now())
        enrolled.passkey(alice, "<b>Phone</b>")
        enrolled.authenticator_app(alice)
        enrolled.recovery_codes(alice, 7)
        account = enrolled.provider_account(alice)
        Passkey.objects.update(added_from="Firefox on Linux, 192.0.2.1")

        page = browser.get(PAGE)

        assert "You have a second factor." in page.text
        rows = re.findall(r"<tr>.*?</tr>", page.html, re.DOTALL)[1:]
        assert ["Work laptop" in rows[0], "&lt;b&gt;Phone&lt;/b&gt;" in rows[1]] == [True, True]
        assert "Firefox on Linux, 192.0.2.1" in rows[0]
        assert "never" in rows[1]
        assert "Authenticator app Set up" in page.text
        assert "7 of 10 left." in page.text
        assert account.issuer in page.text

    def test_other_people_s_factors_are_not_shown(self, browser: BrowserSession, bob: Person, charlie: Person) -> None:
        for person in (bob, charlie):
            enrolled.passkey(person, f"Passkey of {person.email}")
            enrolled.authenticator_app(person)
        page = browser.get(PAGE)
        assert "Passkey of" not in page.text
        assert "No passkeys yet" in page.text

    @pytest.mark.parametrize(("left", "word"), [(0, "None left"), (3, "Few left"), (4, None)])
    def test_few_recovery_codes_are_a_warning(
        self, browser: BrowserSession, alice: Person, left: int, word: str | None
    ) -> None:
        enrolled.passkey(alice)
        enrolled.recovery_codes(alice, left)
        page = browser.get(PAGE)
        assert f"{left} of 10 left." in page.text
        assert ("None left" in page.text, "Few left" in page.text) == (word == "None left", word == "Few left")

    def test_page_needs_the_same_queries_for_any_number_of_factors(
        self, browser: BrowserSession, alice: Person, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        with django_assert_num_queries(12):
            browser.get(PAGE)
        for number in range(PASSKEYS_MAX):
            enrolled.passkey(alice, f"Passkey {number}")
        enrolled.recovery_codes(alice)
        with django_assert_num_queries(12):
            browser.get(PAGE)

    def test_operator_has_the_page_in_the_console(self, operator: Person) -> None:
        enrolled.passkey(operator)
        page = BrowserSession.of(operator).get(PAGE)
        assert "You have a second factor. Your account requires one, so add another one" in page.text
        assert "Operator Console" in page.text

    def test_both_tabs_lead_to_each_other(self, browser: BrowserSession) -> None:
        for route, current in ((PAGE, "/your-sign-in/"), ("people:sessions", "/sessions/")):
            html = browser.get(route).html
            assert re.findall(r'<a href="([^"]+)" aria-current="page">', html) == [current]
            assert 'href="/your-sign-in/"' in html
            assert 'href="/sessions/"' in html


class TestPasskeys:
    def begin(self, browser: BrowserSession) -> dict[str, object]:
        options: dict[str, object] = json.loads(browser.post("people:passkey-options").html)
        return options

    def test_a_passkey_is_added_with_what_the_authenticator_made(self, browser: BrowserSession, alice: Person) -> None:
        assert browser.get("people:add-passkey").value("name") == "Unknown browser"
        made = Authenticator(ORIGIN).create(self.begin(browser))

        page = browser.scripted.post("people:add-passkey", name="Work laptop", passkey=made)

        assert page.status == 200
        assert [passkey.name for passkey in Passkey.objects.filter(person=alice)] == ["Work laptop"]
        assert "Added the passkey Work laptop." in page.text
        # The first factor brings recovery codes, which are shown in this response and on no page after it.
        codes = shown_codes(page)
        assert len(codes) == 10
        assert codes[0] not in browser.get(PAGE).html
        assert use_code(alice.pk, codes[0], timezone.now())

    def test_second_passkey_shows_no_codes(self, browser: BrowserSession, alice: Person) -> None:
        add_passkey(acting(alice), alice, Authenticator(ORIGIN))
        made = Authenticator(ORIGIN).create(self.begin(browser))
        page = browser.post("people:add-passkey", name="Phone", passkey=made)
        assert page.leads_to == "/your-sign-in/"
        assert "Added the passkey Phone." in browser.get(PAGE).text

    def test_dialog_proposes_a_name_that_is_free(self, browser: BrowserSession, alice: Person) -> None:
        for name in ("unknown browser", "Unknown browser 2", "Laptop"):
            enrolled.passkey(alice, name)
        assert browser.get("people:add-passkey").value("name") == "Unknown browser 3"

    def test_refused_passkey_keeps_the_name_and_says_why(self, browser: BrowserSession) -> None:
        made = Authenticator("https://portal.example.attacker.example").create(self.begin(browser))
        page = browser.scripted.post("people:add-passkey", name="Phone", passkey=made)
        assert (page.status, page.value("name")) == (422, "Phone")
        assert "The passkey could not be verified." in page.text
        assert browser.scripted.post("people:add-passkey", name="", passkey=made).status == 422
        assert not Passkey.objects.exists()

    def test_without_scripts_the_dialog_says_that_it_needs_them(self, browser: BrowserSession) -> None:
        assert "Adding a passkey needs JavaScript" in browser.get("people:add-passkey").text
        assert browser.post("people:add-passkey", name="Phone").status == 422

    def test_at_an_ip_address_no_passkey_can_be_added(self, browser: BrowserSession, settings: Settings) -> None:
        settings.WATCHWORD = load_control_settings()
        page = browser.get(PAGE)
        assert "Add passkey : Passkeys are not available here" in page.text
        assert 'href="/your-sign-in/passkeys/add/"' not in page.html
        assert browser.post("people:passkey-options").status == 404

    def test_one_more_than_the_most_cannot_be_added(self, browser: BrowserSession, alice: Person) -> None:
        for number in range(PASSKEYS_MAX):
            enrolled.passkey(alice, f"Passkey {number}")
        assert "the most that one person can have" in browser.get(PAGE).text

    def test_a_passkey_is_renamed(self, browser: BrowserSession, alice: Person) -> None:
        passkey = enrolled.passkey(alice)
        assert browser.get("people:rename-passkey", passkey.public_id).value("name") == "Laptop"
        page = browser.scripted.post("people:rename-passkey", passkey.public_id, name="Old laptop")
        assert "Saved the name Old laptop." in page.text
        refused = browser.scripted.post("people:rename-passkey", passkey.public_id, name="x" * 65)
        assert (refused.status, refused.value("name")) == (422, "x" * 65)
        assert Passkey.objects.get().name == "Old laptop"

    def test_a_passkey_is_removed_after_the_question(self, browser: BrowserSession, alice: Person) -> None:
        passkey = enrolled.passkey(alice, "Phone")
        enrolled.recovery_codes(alice)
        question = browser.get("people:remove-passkey", passkey.public_id)
        assert "You can no longer sign in with Phone." in question.text
        assert "You then sign in with your password alone; recovery codes stop working." in question.text
        assert Passkey.objects.exists()

        page = browser.scripted.post("people:remove-passkey", passkey.public_id)

        assert "Removed the passkey Phone." in page.text
        assert not Passkey.objects.exists()
        assert not RecoveryCode.objects.exists()
        assert (last_event().action, last_event().target) == ("factor_removed", alice.email)

    def test_one_of_two_factors_is_removed_without_the_warning(self, browser: BrowserSession, alice: Person) -> None:
        passkey = enrolled.passkey(alice)
        enrolled.authenticator_app(alice)
        assert "last second factor" not in browser.get("people:remove-passkey", passkey.public_id).text

    def test_last_factor_stays_where_one_is_required(self, browser: BrowserSession, alice: Person) -> None:
        passkey = enrolled.passkey(alice)
        require_second_factor("acme")
        page = browser.get(PAGE)
        reason = "You need a second factor. Add another one before you remove this one."
        assert f'aria-label="Remove Laptop: {reason}"' in page.html
        for method in (browser.get, browser.scripted.post):
            refused = method("people:remove-passkey", passkey.public_id)
            assert refused.status == 409
            assert "This is your last second factor, and you must have one." in refused.text
        assert Passkey.objects.exists()

    def test_passkey_of_another_person_is_not_found(self, browser: BrowserSession, bob: Person) -> None:
        theirs = enrolled.passkey(bob)
        for passkey in (theirs.public_id, uuid4()):
            for route in ("people:rename-passkey", "people:remove-passkey"):
                assert browser.get(route, passkey).status == 404
                assert browser.post(route, passkey, name="Mine").status == 404
        theirs.refresh_from_db()
        assert theirs.name == "Laptop"


class TestAuthenticatorApp:
    def test_an_app_is_set_up_without_scripts(self, browser: BrowserSession, alice: Person) -> None:
        dialog = browser.get("people:set-up-app")
        assert "<svg" in dialog.html
        secret = re.findall(r">([A-Z2-7]{32})<", dialog.html)[0]

        page = browser.post(
            "people:set-up-app",
            sealed_secret=dialog.value("sealed_secret"),
            code=code_of(secret, timezone.now()),
        )

        assert page.status == 200
        assert "The authenticator app is set up." in page.text
        assert len(shown_codes(page)) == 10
        assert AuthenticatorApp.objects.get().person == alice

    def test_wrong_code_shows_the_same_secret_again(self, browser: BrowserSession) -> None:
        dialog = browser.get("people:set-up-app")
        secret = re.findall(r">([A-Z2-7]{32})<", dialog.html)[0]
        page = browser.scripted.post("people:set-up-app", sealed_secret=dialog.value("sealed_secret"), code="no code")
        assert page.status == 422
        assert secret in page.html
        assert "no code" not in page.html
        assert 'id="code-error"' in page.html
        assert not AuthenticatorApp.objects.exists()

    def test_secret_of_another_person_sets_nothing_up(self, browser: BrowserSession, bob: Person) -> None:
        dialog = BrowserSession.of(bob).get("people:set-up-app")
        secret = re.findall(r">([A-Z2-7]{32})<", dialog.html)[0]
        page = browser.scripted.post(
            "people:set-up-app", sealed_secret=dialog.value("sealed_secret"), code=code_of(secret, timezone.now())
        )
        assert page.status == 422
        assert "This took too long" in page.text
        assert secret not in page.html
        assert not AuthenticatorApp.objects.exists()

    def test_an_app_is_replaced_and_removed(self, browser: BrowserSession, alice: Person) -> None:
        enrolled.authenticator_app(alice)
        enrolled.recovery_codes(alice)
        before = AuthenticatorApp.objects.get().sealed_secret
        dialog = browser.get("people:set-up-app")
        assert "Codes of the present app stop working" in dialog.text
        secret = re.findall(r">([A-Z2-7]{32})<", dialog.html)[0]
        replaced = browser.scripted.post(
            "people:set-up-app", sealed_secret=dialog.value("sealed_secret"), code=code_of(secret, timezone.now())
        )
        assert shown_codes(replaced) == []
        assert AuthenticatorApp.objects.get().sealed_secret != before

        assert "Codes of the app stop working at once." in browser.get("people:remove-app").text
        page = browser.scripted.post("people:remove-app")
        assert "Removed the authenticator app." in page.text
        assert not AuthenticatorApp.objects.exists()
        assert browser.scripted.post("people:remove-app").status == 404

    def test_last_factor_stays_where_one_is_required(self, browser: BrowserSession, alice: Person) -> None:
        enrolled.authenticator_app(alice)
        require_second_factor("acme")
        assert "Remove the authenticator app: You need a second factor." in browser.get(PAGE).text
        assert browser.get("people:remove-app").status == 409
        assert browser.scripted.post("people:remove-app").status == 409
        assert AuthenticatorApp.objects.exists()


class TestRecoveryCodes:
    def test_new_codes_are_shown_once_and_the_earlier_ones_stop_working(
        self, browser: BrowserSession, alice: Person
    ) -> None:
        earlier = add_passkey(acting(alice), alice, Authenticator(ORIGIN))
        assert "stop working at once" in browser.get("people:replace-codes").text
        assert RecoveryCode.objects.count() == 10

        page = browser.scripted.post("people:replace-codes")

        codes = shown_codes(page)
        assert len(set(codes)) == 10
        assert set(codes).isdisjoint(earlier)
        # Without scripts as well, the browser saves them without another request.
        assert f"data:text/plain;charset=utf-8,{'%0A'.join(codes)}" in page.html
        assert page.answer.headers["Cache-Control"] == "no-store"
        assert codes[0] not in browser.get(PAGE).html
        now = timezone.now()
        assert [use_code(alice.pk, code, now) for code in (earlier[0], codes[0])] == [False, True]

    def test_without_a_factor_there_are_none_to_replace(self, browser: BrowserSession) -> None:
        assert browser.scripted.post("people:replace-codes").status == 404
        assert not RecoveryCode.objects.exists()


def test_person_who_never_set_a_password_is_offered_no_other_one(alice: Person) -> None:
    Person.objects.filter(pk=alice.pk).update(password="!")
    enrolled.provider_account(alice)
    page = BrowserSession.of(Person.objects.get(pk=alice.pk)).get(PAGE)
    assert "You sign in through single sign-on." in page.text
    assert "You have no password." in page.text
    assert "Change password" not in page.text
