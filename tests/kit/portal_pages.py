"""The Admin Portal as a person uses it, in the specification's words. Everything is found by role and label."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from playwright.sync_api import expect

from watchword.control.identity.factors.totp import code_at, step_at

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

PASSWORD = "correct horse battery staple"
# Longer than a fetch may take by the wall clock, which is 5 seconds.
VALIDATION_MILLISECONDS = 40_000


@dataclass(frozen=True, kw_only=True)
class Registration:
    """What an administrator types into the Add Authorization Server dialog."""

    name: str
    jwks_location: str
    enable: bool = True
    description: str = ""
    verify_certificate: bool = True
    audience: str = ""
    issuer: str = ""
    client_id: str = ""


def set_password(page: Page, link: str, password: str = PASSWORD) -> str | None:
    """Follow the one-time link that the command line printed, and choose a password.

    Returns:
        The secret of the authenticator app that operators must add; None for other people.
    """
    page.goto(link)
    page.get_by_label("New password", exact=True).fill(password)
    page.get_by_label("Confirm new password", exact=True).fill(password)
    page.get_by_role("button", name="Set password and sign in").click()
    enrolment = page.get_by_role("heading", name="Add a second factor", exact=True)
    expect(page.get_by_role("button", name="Sign out").or_(enrolment)).to_be_visible()
    return add_app(page) if enrolment.is_visible() else None


def add_app(page: Page) -> str:
    """Add an authenticator app on the page that demands a second factor; returns its secret."""
    secret = page.locator("#setup-secret").inner_text()
    page.get_by_label("Code that the app shows").fill(code_at(secret, step_at(datetime.now(UTC))))
    page.get_by_role("button", name="Add the app").click()
    page.get_by_role("link", name="I have kept them").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    return secret


def sign_in(page: Page, email: str, password: str = PASSWORD) -> None:
    page.goto("/sign-in")
    page.get_by_label("E-mail address", exact=True).fill(email)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in").click()
    expect(page).not_to_have_url(re.compile("/sign-in$"))


class ServersPage:
    """The tab "OAuth 2.0 Authorization Servers"."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def follow_the_menu(self) -> None:
        """Administration > API Configuration > Legacy API > Internet & SaaS API > OAuth 2.0 Authorization Servers."""
        rail = self.page.get_by_role("navigation", name="Main")
        for heading in ("Administration", "API Configuration", "Legacy API"):
            expect(rail.get_by_text(heading, exact=True)).to_be_visible()
        rail.get_by_role("link", name="Internet & SaaS API").click()
        self.page.get_by_role("link", name="OAuth 2.0 Authorization Servers").click()
        expect(self.page.get_by_role("heading", name="OAuth 2.0 Authorization Servers").first).to_be_visible()

    def add(self) -> ServerDialog:
        self.page.get_by_role("button", name="Add Authorization Server").click()
        return ServerDialog(self.page, "Add Authorization Server")

    def edit(self, name: str) -> ServerDialog:
        self.page.get_by_role("button", name=f"Edit {name}", exact=True).click()
        return ServerDialog(self.page, "Edit Authorization Server")

    def delete(self, name: str) -> Locator:
        """Click the Delete icon; the confirmation dialog."""
        self.page.get_by_role("button", name=f"Delete {name}", exact=True).click()
        return self.page.get_by_role("alertdialog", name=f"Delete authorization server {name}?")

    def names(self) -> list[str]:
        """The registered servers' names, as the list shows them after a reload: each row has its Edit icon."""
        self.page.reload()
        expect(self.page.get_by_text("used · ")).to_be_visible()
        labels = [
            icon.get_attribute("aria-label") or "" for icon in self.page.get_by_role("button", name="Edit ").all()
        ]
        return [label.removeprefix("Edit ") for label in labels]

    def paths_of(self, action: str) -> list[str]:
        """Where `enable`, `disable` … of each server is posted to, relative to the page."""
        hrefs = self.page.get_by_role("button", name="Edit ").evaluate_all("icons => icons.map(icon => icon.pathname)")
        here = urlsplit(self.page.url).path
        return [href.removeprefix(here).replace("edit/", f"{action}/") for href in hrefs]

    def enable(self, name: str, *, displacing: bool = False) -> None:
        """If another server is enabled, the portal asks first, because this disables it."""
        self.page.get_by_role("button", name=f"Enable {name}", exact=True).click()
        if displacing:
            self.page.get_by_role("alertdialog").get_by_role("button", name="Enable", exact=True).click()
        expect(self.page.get_by_role("button", name=f"Disable {name}", exact=True)).to_be_visible()

    def disable(self, name: str) -> None:
        self.page.get_by_role("button", name=f"Disable {name}", exact=True).click()
        confirmation = self.page.get_by_role("alertdialog")
        confirmation.get_by_role("button", name="Disable", exact=True).click()
        expect(self.page.get_by_role("button", name=f"Enable {name}", exact=True)).to_be_visible()

    def refresh_keys(self, name: str) -> None:
        self.show_keys(name)
        self.page.get_by_role("button", name=f"Refresh now: {name}").click()
        expect(self.page.get_by_text(f"The keys of {name} are being fetched now.")).to_be_visible()

    def show_keys(self, name: str) -> Locator:
        """The table with the server's keys, expanded if it is not yet."""
        disclosure = self.page.get_by_role("button", name=f"signing keys of {name}")
        if disclosure.get_attribute("aria-expanded") != "true":
            disclosure.click()
        return self.page.get_by_role("table", name=f"Signing keys of {name}", exact=True)


class ServerDialog:
    """The dialog "Add Authorization Server" or "Edit Authorization Server"."""

    def __init__(self, page: Page, title: str) -> None:
        self.dialog = page.get_by_role("dialog", name=title)
        expect(self.dialog).to_be_visible()

    @property
    def save_button(self) -> Locator:
        return self.dialog.get_by_role("button", name="Save", exact=True)

    def field(self, label: str) -> Locator:
        # After the label's own words comes a counter or "Optional. Leave blank to accept any value.".
        return self.dialog.get_by_label(re.compile(rf"^{re.escape(label)}\b"))

    def fill(self, registration: Registration) -> None:
        self.field("Enable").set_checked(registration.enable)
        self.field("Name").fill(registration.name)
        self.field("Description").fill(registration.description)
        self.field("OAuth 2.0 JWKS Location").fill(registration.jwks_location)
        self.field("JWKS Server Certificate Validation").set_checked(registration.verify_certificate)
        self.field("Audience URI").fill(registration.audience)
        self.field("Issuer URI").fill(registration.issuer)
        self.field("Client ID").fill(registration.client_id)

    def expect_typed(self, registration: Registration) -> None:
        """All typed text is still there."""
        expect(self.field("Name")).to_have_value(registration.name)
        expect(self.field("Description")).to_have_value(registration.description)
        expect(self.field("OAuth 2.0 JWKS Location")).to_have_value(registration.jwks_location)
        expect(self.field("JWKS Server Certificate Validation")).to_be_checked(checked=registration.verify_certificate)
        expect(self.field("Audience URI")).to_have_value(registration.audience)
        expect(self.field("Issuer URI")).to_have_value(registration.issuer)
        expect(self.field("Client ID")).to_have_value(registration.client_id)

    def validate(self) -> None:
        self.dialog.get_by_role("button", name="Validate", exact=True).click()

    def expect_validated(self) -> None:
        expect(self.save_button).to_be_visible(timeout=VALIDATION_MILLISECONDS)

    def expect_step(self, sentence: str | re.Pattern[str]) -> None:
        """One of the validation's steps has this text."""
        steps = self.dialog.get_by_role("group", name="Result of the validation").get_by_role("listitem")
        expect(steps.filter(has_text=sentence)).to_be_visible(timeout=VALIDATION_MILLISECONDS)

    def save(self) -> None:
        self.save_button.click()
        expect(self.dialog).to_be_hidden()
