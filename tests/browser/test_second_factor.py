"""The second factor in a real browser, whose authenticator is Chromium's virtual one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from kit.browser import portal_page
from kit.portal_pages import PASSWORD, set_password
from kit.product import Product
from watchword.control.identity.factors.totp import code_at, step_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, CDPSession, Page

pytestmark = [pytest.mark.enable_socket, pytest.mark.timeout(180)]

BOB = "bob@provider.example"
CHARLIE = "charlie@provider.example"


@dataclass
class Portal:
    """A portal at a host name, because browsers offer passkeys at no IP address."""

    product: Product
    browser: Browser

    @property
    def origin(self) -> str:
        return f"http://localhost:{self.product.portal_port}"

    def invite(self, email: str) -> str:
        """A new operator's one-time link."""
        return self.product.desk("watchword", "operator", "create", email).strip()


@pytest.fixture(scope="module")
def portal(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    product = Product(tmp_path_factory.mktemp("portal"))
    running = Portal(product, browser)
    product.environment["WATCHWORD_PUBLIC_ORIGIN"] = running.origin
    try:
        product.desk("prepare", json.dumps({}))
        product.start("portal")
        yield running
    finally:
        product.close()


class VirtualAuthenticator:
    """A platform authenticator that verifies its user; see the WebAuthn domain of the DevTools protocol."""

    def __init__(self, page: Page) -> None:
        self._debugger: CDPSession = page.context.new_cdp_session(page)
        self._debugger.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        }
        self._id = self._send("addVirtualAuthenticator", options=options)["authenticatorId"]

    @property
    def credentials(self) -> int:
        return len(self._send("getCredentials", authenticatorId=self._id)["credentials"])

    def touch(self, *, enabled: bool) -> None:
        """Whether it is touched as soon as a page asks for it; otherwise requests wait."""
        self._send("setAutomaticPresenceSimulation", authenticatorId=self._id, enabled=enabled)

    def lose(self) -> None:
        self._send("clearCredentials", authenticatorId=self._id)

    def _send(self, command: str, **parameters: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self._debugger.send(f"WebAuthn.{command}", parameters)
        return answer


def tab_to(page: Page, role: Any, name: str) -> None:
    """Press Tab until it has the focus."""
    wanted = page.get_by_role(role, name=name, exact=True)
    expect(wanted).to_be_visible()
    # Until then its scripts may not run, and the button would send a form without a passkey.
    page.wait_for_load_state()
    # With the scripts, which a page loads after it can be seen.
    page.wait_for_load_state()
    for _ in range(60):
        if wanted.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{name} cannot be reached by Tab")


def press(page: Page, role: Any, name: str) -> None:
    tab_to(page, role, name)
    page.keyboard.press("Enter")


def type_password(page: Page, email: str) -> None:
    expect(page.get_by_label("E-mail address")).to_be_focused()
    page.keyboard.type(email)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")


def sign_out(page: Page) -> None:
    press(page, "button", "Sign out")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def prove_with_passkey(portal: Portal, page: Page) -> None:
    """Open the dialog of a change that needs proof, with the passkey that is left."""
    expect(page.get_by_role("button", name="Remove Chrome on Linux 2")).to_be_visible()
    portal.product.desk("prove", "15")
    press(page, "button", "Add passkey")
    expect(page.get_by_role("dialog", name="Confirm that it is you")).to_be_visible()
    press(page, "button", "Use a passkey")
    expect(page.get_by_label("Name", exact=True)).to_be_focused()


def enrol(page: Page, link: str) -> list[str]:
    """Choose the password and create a passkey; returns the recovery codes."""
    page.goto(link)
    expect(page.get_by_label("New password", exact=True)).to_be_focused()
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    press(page, "button", "Create a passkey")
    expect(page.get_by_role("heading", name="Keep your recovery codes")).to_be_visible()
    codes = page.locator("#recovery-codes li").all_inner_texts()
    with page.expect_download() as download:
        press(page, "link", "Download")
    assert download.value.path().read_text().split() == codes
    press(page, "link", "I have kept them")
    return codes


def sign_in_without_password(page: Page, authenticator: VirtualAuthenticator) -> None:
    tab_to(page, "button", "Sign in with a passkey")
    authenticator.touch(enabled=True)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Organizations", exact=True)).to_be_visible()


def sign_in_over_typed_text(page: Page, portal: Portal) -> None:
    page.goto("/operator-console/verifiers/")
    press(page, "button", "Create Verifier Credential")
    dialog = page.get_by_role("dialog", name="Create Verifier Credential")
    expect(dialog.get_by_label("Name")).to_be_focused()
    page.keyboard.type("edge-1")
    portal.product.desk("idle")
    page.keyboard.press("Enter")
    again = page.get_by_role("dialog", name="Sign in again")
    expect(again.get_by_label("Password")).to_be_focused()
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(again.get_by_role("button", name="Use a passkey")).to_be_focused()
    page.keyboard.press("Enter")
    expect(again).to_have_count(0)
    expect(dialog.get_by_label("Name")).to_have_value("edge-1")
    page.goto("/")


def recover(page: Page, code: str) -> None:
    """The passkey does not respond, so the recovery code replaces it."""
    type_password(page, BOB)
    press(page, "button", "Use a passkey")
    expect(page.get_by_role("alert")).to_have_text(
        "The passkey was not used: the request was cancelled, or it took too long. Try again."
    )
    expect(page.get_by_role("button", name="Use a passkey")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Recovery code")).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.type(code.lower())
    page.keyboard.press("Enter")
    expect(page.get_by_text("You signed in with a recovery code; 9 are left.")).to_be_visible()


def test_passkey_is_enrolled_used_lost_and_replaced_by_keyboard_alone(portal: Portal) -> None:
    link = portal.invite(BOB)
    with portal_page(portal.browser, portal.origin, name="passkey") as page:
        authenticator = VirtualAuthenticator(page)
        codes = enrol(page, link)
        assert authenticator.credentials == 1

        # The suggestions of the e-mail field ask for a passkey at once; here they wait for a touch.
        authenticator.touch(enabled=False)
        with page.expect_response("**/sign-in/passkey/options"):
            sign_out(page)
        sign_in_without_password(page, authenticator)
        sign_in_over_typed_text(page, portal)

        authenticator.touch(enabled=False)
        sign_out(page)
        authenticator.lose()
        authenticator.touch(enabled=True)
        recover(page, codes[0])


def test_app_needs_no_scripts_and_its_code_follows_the_password_over_typed_text(portal: Portal) -> None:
    link = portal.invite(CHARLIE)
    with portal_page(portal.browser, portal.origin, name="no-scripts", scripts=False) as page:
        secret = set_password(page, link)
        signed_in = page.context.storage_state()
    assert secret is not None
    with portal_page(portal.browser, portal.origin, name="again", signed_in=signed_in) as page:
        page.goto("/operator-console/verifiers/")
        page.get_by_role("button", name="Create Verifier Credential").click()
        dialog = page.get_by_role("dialog", name="Create Verifier Credential")
        dialog.get_by_label("Name").fill("edge-1")
        portal.product.desk("idle")
        dialog.get_by_role("button", name="Create Credential").click()
        again = page.get_by_role("dialog", name="Sign in again")
        again.get_by_label("Password").fill(PASSWORD)
        again.get_by_role("button", name="Sign in").click()
        code = again.get_by_label("Code of your authenticator app")
        expect(code).to_be_focused()
        expect(again.get_by_role("button", name="Use a passkey")).to_be_hidden()
        code.fill("000000")
        page.keyboard.press("Enter")
        expect(again.get_by_role("alert")).to_contain_text("This code is wrong, or it was used before.")
        expect(code).to_be_focused()
        # The code of this step confirmed the app.
        code.fill(code_at(secret, step_at(datetime.now(UTC)) + 1))
        page.keyboard.press("Enter")
        expect(again).to_have_count(0)
        expect(dialog.get_by_label("Name")).to_have_value("edge-1")
        expect(dialog).to_contain_text("You are signed in again. Nothing was saved yet.")
