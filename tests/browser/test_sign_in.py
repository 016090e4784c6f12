"""Signing in and out in a real browser: by keyboard, without scripts, after time has run out, and what Back shows."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from kit.browser import portal_page
from kit.portal_alone import ALICE, BOB, CHARLIE, Portal, running_portal
from kit.portal_pages import PASSWORD, ServersPage, sign_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.enable_socket, pytest.mark.timeout(180)]

CHOSEN = "tangerine gravel orbit"
IDLE = "You were signed out after 30 minutes without activity."
UNSAVED = "What you sent last was not saved."


@pytest.fixture(scope="module")
def portal(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    with running_portal(tmp_path_factory.mktemp("portal"), browser) as running:
        yield running


@contextmanager
def browser_of(portal: Portal, email: str | None, name: str, *, scripts: bool = True) -> Iterator[Page]:
    """A new browser, signed in or not."""
    with portal_page(portal.browser, portal.product.portal, name=name, scripts=scripts) as page:
        if email is not None:
            sign_in(page, email)
        yield page


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def tab_to(page: Page, role: str, name: str) -> None:
    """Press Tab until it has the focus."""
    wanted = page.get_by_role(role, name=name, exact=True)  # type: ignore[arg-type]
    for _ in range(60):
        if wanted.evaluate("element => element === document.activeElement"):
            return
        press(page, "Tab")
    raise AssertionError(f"{name} cannot be reached by Tab")


def change_password(page: Page, current: str, chosen: str) -> None:
    page.get_by_role("link", name="Your sign-in").click()
    page.get_by_role("button", name="Change password").click()
    dialog = page.get_by_role("dialog", name="Change password")
    dialog.get_by_label("Current password").fill(current)
    dialog.get_by_label("New password", exact=True).fill(chosen)
    dialog.get_by_label("Confirm new password").fill(chosen)
    dialog.get_by_role("button", name="Change password").click()


def test_everything_about_signing_in_is_done_by_keyboard_alone(portal: Portal) -> None:
    with browser_of(portal, CHARLIE, "keyboard-other") as other, browser_of(portal, None, "keyboard") as page:
        page.goto("/sessions/")
        expect(page.get_by_label("E-mail address")).to_be_focused()
        page.keyboard.type(CHARLIE)
        press(page, "Tab")
        page.keyboard.type(PASSWORD)
        press(page, "Enter")
        expect(page.get_by_role("heading", name="Your account")).to_be_visible()

        tab_to(page, "link", "Your sign-in")
        press(page, "Enter")
        expect(page.get_by_role("heading", name="Passkeys", exact=True)).to_be_visible()
        tab_to(page, "button", "Change password")
        press(page, "Space")
        dialog = page.get_by_role("dialog", name="Change password")
        expect(dialog.get_by_label("Current password")).to_be_focused()
        page.keyboard.type("not the password")
        press(page, "Tab")
        page.keyboard.type(CHOSEN)
        press(page, "Tab")
        page.keyboard.type(CHOSEN)
        press(page, "Enter")
        expect(dialog.get_by_label("Current password")).to_be_focused()
        expect(dialog.get_by_label("Current password")).to_have_accessible_description(
            "This is not your current password."
        )
        press(page, "Escape")
        expect(dialog).to_have_count(0)
        expect(page.get_by_role("button", name="Change password")).to_be_focused()

        tab_to(page, "link", "Sessions")
        press(page, "Enter")
        expect(page.get_by_role("table", name="Your live sessions")).to_be_visible()
        tab_to(page, "button", "End all other sessions")
        press(page, "Enter")
        asking = page.get_by_role("alertdialog", name="End all other sessions?")
        # Nothing destructive is focused first.
        expect(asking.get_by_role("button", name="Cancel")).to_be_focused()
        press(page, "Tab", "Enter")
        expect(page.get_by_text("Ended one other session.")).to_be_visible()
        expect(asking).to_have_count(0)

        other.goto("/sessions/")
        expect(other.get_by_text("Your session was ended. Sign in to continue.")).to_be_visible()
        tab_to(page, "button", "Sign out here")
        press(page, "Enter")
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_dialog_that_outlives_its_session_keeps_what_was_typed(portal: Portal) -> None:
    with browser_of(portal, ALICE, "idle") as page:
        ServersPage(page).follow_the_menu()
        dialog = ServersPage(page).add()
        dialog.fill(portal.registration())
        portal.product.desk("idle")
        dialog.validate()

        again = page.get_by_role("dialog", name="Sign in again")
        expect(again.get_by_label("E-mail address")).to_have_value(ALICE)
        again.get_by_label("Password").fill(PASSWORD)
        again.get_by_role("button", name="Sign in").click()

        expect(again).to_have_count(0)
        dialog.expect_typed(portal.registration())
        dialog.validate()
        dialog.expect_validated()
        # The page has given the reason; the next visit does not repeat it.
        page.context.clear_cookies(name="watchword_session")
        page.goto("/sign-in")
        expect(page.get_by_text(IDLE)).to_have_count(0)


def test_opening_a_page_after_the_session_says_why_and_comes_back(portal: Portal) -> None:
    with browser_of(portal, ALICE, "idle-reading") as page:
        page.goto("/sessions/")
        portal.product.desk("idle")
        page.reload()

        expect(page.get_by_text(IDLE)).to_be_visible()
        expect(page.get_by_text(UNSAVED)).to_have_count(0)
        page.reload()
        # Said once: it is no longer news.
        expect(page.get_by_text(IDLE)).to_have_count(0)


def test_back_button_after_sign_out_shows_no_page(portal: Portal) -> None:
    with browser_of(portal, ALICE, "back") as page:
        ServersPage(page).follow_the_menu()
        page.goto("/sessions/")
        page.get_by_role("button", name="Sign out", exact=True).click()
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        for _ in range(2):
            page.go_back()
            expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
            expect(page.get_by_text(ALICE)).to_have_count(0)


def test_signing_out_in_one_tab_ends_the_other_tab_too(portal: Portal) -> None:
    with browser_of(portal, ALICE, "tabs") as page:
        second = page.context.new_page()
        second.goto("/your-sign-in/")
        page.goto("/sessions/")
        page.get_by_role("button", name="Sign out", exact=True).click()
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()

        second.get_by_role("button", name="Change password").click()

        expect(second.get_by_role("heading", name="Sign in")).to_be_visible()


def test_without_scripts_sessions_are_ended_and_the_password_is_changed(portal: Portal) -> None:
    alice = "alice@initech.example"
    with (
        browser_of(portal, alice, "plain", scripts=False) as page,
        browser_of(portal, alice, "plain-second") as second,
        browser_of(portal, alice, "plain-third") as third,
    ):
        page.goto("/sessions/")
        page.get_by_role("button", name=re.compile(r"^End session: Chrome on Linux")).first.click()
        expect(page.get_by_text("Ended the session of Chrome on Linux.")).to_be_visible()
        page.get_by_role("button", name="End all other sessions").click()
        page.get_by_role("alertdialog").get_by_role("button", name="End all other sessions").click()
        expect(page.get_by_text("Ended one other session.")).to_be_visible()
        for other in (second, third):
            other.goto("/sessions/")
            expect(other.get_by_role("heading", name="Sign in")).to_be_visible()

        change_password(page, "not the password", CHOSEN)
        expect(page.get_by_text("This is not your current password.")).to_be_visible()
        dialog = page.get_by_role("dialog", name="Change password")
        dialog.get_by_label("Current password").fill(PASSWORD)
        dialog.get_by_label("New password", exact=True).fill(CHOSEN)
        dialog.get_by_label("Confirm new password").fill(CHOSEN)
        dialog.get_by_role("button", name="Change password").click()
        expect(page.get_by_text("Password changed.")).to_be_visible()


def test_the_browsers_own_session_is_first_and_the_new_password_works(portal: Portal) -> None:
    # No other test signs in as Bob: the tests run in any order, and this one changes the password.
    with browser_of(portal, BOB, "password-other") as other, browser_of(portal, BOB, "password") as page:
        page.get_by_role("link", name="Bob").click()
        rows = page.get_by_role("table", name="Your live sessions").get_by_role("row")
        expect(rows).to_have_count(3)
        expect(rows.nth(1)).to_contain_text("This session")
        expect(rows.nth(2)).not_to_contain_text("This session")

        change_password(page, PASSWORD, CHOSEN)

        expect(page.get_by_text("Password changed. All your other sessions have ended.")).to_be_visible()
        page.get_by_role("link", name="Sessions", exact=True).click()
        expect(rows).to_have_count(2)
        other.reload()
        expect(other.get_by_role("heading", name="Sign in")).to_be_visible()
        sign_in(other, BOB, CHOSEN)
        other.goto("/sessions/")
        expect(other.get_by_role("heading", name="Your account")).to_be_visible()


def test_throttled_password_change_says_only_how_long_to_wait(portal: Portal) -> None:
    with browser_of(portal, None, "guessing") as page:
        page.goto("/sign-in")
        for _ in range(6):
            page.get_by_label("E-mail address").fill("nobody@acme.example")
            page.get_by_label("Password").fill("a guess")
            page.get_by_role("button", name="Sign in").click()
            expect(page.get_by_role("alert")).to_contain_text("The e-mail address or the password is wrong.")
            expect(page.get_by_label("Password")).to_be_focused()
            expect(page.get_by_label("Password")).to_have_value("")
            expect(page.get_by_label("E-mail address")).to_have_value("nobody@acme.example")
