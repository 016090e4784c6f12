"""The operator console in a real browser, and what its buttons do to an organization's page and to a verifier."""

from __future__ import annotations

import json
import re
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import pytest
from playwright.sync_api import expect

from kit import forge
from kit.browser import portal_page
from kit.client import request
from kit.portal_pages import PASSWORD, set_password, sign_in
from kit.processes import wait_until
from kit.product import Product

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Locator, Page, StorageState

pytestmark = [pytest.mark.enable_socket, pytest.mark.timeout(300)]

KEY = forge.ec_key("console")
OPERATOR = "operator@provider.example"
ALICE = "alice@acme.example"
BUSY_SECONDS = 30.0
"""Five are promised, of a machine that has time."""


@dataclass
class Installation:
    """Portal and verifier, an operator who has signed in, and Acme with an enabled server that signs with KEY."""

    product: Product
    browser: Browser
    operator: StorageState
    alice: StorageState

    @contextmanager
    def console(self, name: str, *, scripts: bool = True) -> Iterator[Page]:
        """The operator at the list of organizations, who has just proven who acts."""
        self.product.desk("prove")
        with portal_page(
            self.browser, self.product.portal, name=name, scripts=scripts, signed_in=self.operator
        ) as page:
            page.goto("/")
            yield page

    @contextmanager
    def acme(self, name: str) -> Iterator[Page]:
        """Alice at her organization's page."""
        with portal_page(self.browser, self.product.portal, name=name, signed_in=self.alice) as page:
            page.goto("/")
            yield page

    def outcome(self) -> str:
        """What the verifier says of Acme's token: `allowed`, or the code of the reason."""
        now = int(time.time())
        token = forge.token(KEY, "ES256", iat=now, exp=now + 300)
        answer = request(f"{self.product.verifier}/verify/plain/acme", bearer=token)
        return "allowed" if answer.status == 200 else str(answer.json()["reason"])


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Installation]:
    product = Product(tmp_path_factory.mktemp("console"))
    try:
        product.desk("prepare", json.dumps({"acme": {"alice": "API Key Management"}, "globex": {}}))
        product.create_verifier()
        product.desk("register", "acme", forge.key_set(KEY).decode())
        link = product.desk("watchword", "operator", "create", OPERATOR).strip()
        product.start("portal")
        product.start("verifier")
        with portal_page(browser, product.portal, name="console-operator") as page:
            set_password(page, link)
            operator = page.context.storage_state()
        with portal_page(browser, product.portal, name="console-alice") as page:
            sign_in(page, ALICE)
            alice = page.context.storage_state()
        yield Installation(product, browser, operator, alice)
    finally:
        product.close()


def open_organization(page: Page, name: str) -> None:
    page.get_by_role("link", name=name, exact=True).click()
    expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()


def press(page: Page, button: str) -> Locator:
    """Press a button of the page; the dialog that it opens."""
    page.get_by_role("button", name=button, exact=True).click()
    dialog = page.locator("dialog")
    expect(dialog).to_be_visible()
    return dialog


def told(page: Page, sentence: str | re.Pattern[str]) -> None:
    expect(page.get_by_role("status").get_by_text(sentence)).to_be_visible()


def test_an_operator_finds_an_organization_by_the_beginning_of_its_id_and_by_its_state(
    installation: Installation,
) -> None:
    with installation.console("console-search") as page:
        expect(page.get_by_role("heading", name="Organizations", exact=True)).to_be_visible()
        for organization in ("Acme", "Globex"):
            expect(page.get_by_role("link", name=organization, exact=True)).to_be_visible()
        page.get_by_role("searchbox").fill("glo")
        page.get_by_role("searchbox").press("Enter")
        expect(page.get_by_role("row")).to_have_count(2)
        expect(page.get_by_role("link", name="Globex", exact=True)).to_be_visible()
        page.get_by_label("State").select_option("Suspended")
        page.get_by_role("button", name="Search").click()
        expect(page.get_by_text("No organizations match")).to_be_visible()
        page.get_by_role("link", name="Show all organizations").click()
        expect(page.get_by_role("link", name="Acme", exact=True)).to_be_visible()


@pytest.mark.parametrize("scripts", [True, False])
def test_first_administrator_signs_in_by_the_link_shown_once(
    installation: Installation,
    scripts: bool,  # noqa: FBT001 - a row of the table.
) -> None:
    organization = "initech" if scripts else "hooli"
    with installation.console(f"console-create-{organization}", scripts=scripts) as page:
        page.get_by_role("button", name="Create Organization").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Name", exact=True).fill(organization.capitalize())
        dialog.get_by_label("ID", exact=True).fill("Not an id")
        dialog.get_by_label("Expires (UTC)").fill("2999-01-31T12:00:00")
        dialog.get_by_label("API call threshold per day").fill("1000000")
        dialog.get_by_label("E-mail address").fill(f"bob@{organization}.example")
        dialog.get_by_role("button", name="Create Organization").click()
        expect(dialog.get_by_text("The ID has 2 to 32 characters")).to_be_visible()
        expect(dialog.get_by_label("E-mail address")).to_have_value(f"bob@{organization}.example")
        dialog.get_by_label("ID", exact=True).fill(organization)
        dialog.get_by_role("button", name="Create Organization").click()

        expect(page.get_by_text(f"One-time link for bob@{organization}.example")).to_be_visible()
        link = page.locator("#secret").inner_text()
        page.get_by_role("button", name="Done").click()
        expect(page.get_by_role("link", name=organization.capitalize(), exact=True)).to_be_visible()
        assert link not in page.content()
    with portal_page(installation.browser, installation.product.portal, name=f"console-bob-{organization}") as page:
        set_password(page, link, PASSWORD)
        expect(page.get_by_text("No authorization server yet")).to_be_visible()


class Questioner:
    """Asks the verifier about Acme's token without pause, and keeps when the last one was allowed."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._ask)
        self.last_allowed = 0.0
        self.said = ""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(timeout=10)

    def _ask(self) -> None:
        while not self._over.is_set():
            asked_at = time.monotonic()
            self.said = self._installation.outcome()
            if self.said == "allowed":
                self.last_allowed = asked_at
            time.sleep(0.02)


def test_m_07_suspending_locks_acmes_page_and_its_tokens_within_five_seconds_and_reinstating_brings_all_back(
    installation: Installation,
) -> None:
    wait_until(lambda: installation.outcome() == "allowed", what="acme is allowed", timeout=20)
    with installation.console("console-suspend") as page, Questioner(installation) as questioner:
        open_organization(page, "Acme")
        dialog = press(page, "Suspend")
        dialog.get_by_label("Terms and conditions violated").check()
        dialog.get_by_label("Text shown to the organization").fill("Stop the export job.")
        expect(dialog.get_by_text("terms and conditions violated. Stop the export job. Tokens")).to_be_visible()
        dialog.get_by_label("Private note").fill("Spoke to Alice.")
        dialog.get_by_role("button", name="Suspend", exact=True).click()
        told(page, "Acme is suspended.")
        suspended_at = time.monotonic()
        wait_until(
            lambda: questioner.said == "organization_suspended", what="tokens are rejected", timeout=BUSY_SECONDS
        )
        time.sleep(1)
        sys.stdout.write(f"Acme was last allowed after {questioner.last_allowed - suspended_at:.3f} s\n")
        assert questioner.last_allowed - suspended_at < BUSY_SECONDS
        assert questioner.said == "organization_suspended"
        expect(page.get_by_role("button", name="Suspend", exact=True)).to_have_count(0)

        with installation.acme("console-suspended-acme") as acme:
            expect(acme.get_by_role("alert").get_by_text("Stop the export job.")).to_be_visible()
            expect(acme.get_by_text("Spoke to Alice")).to_have_count(0)
            expect(acme.get_by_role("button", name="Add Authorization Server")).to_have_attribute(
                "aria-disabled", "true"
            )
            expect(acme.get_by_role("button", name=re.compile("^Edit ProdOkta: Disabled on"))).to_be_visible()
            expect(acme.get_by_text("0 enabled")).to_be_visible()

        dialog = press(page, "Reinstate")
        expect(dialog.get_by_text("ProdOkta is enabled as it was before")).to_be_visible()
        expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
        dialog.get_by_role("button", name="Reinstate").click()
        told(page, "Acme is reinstated.")
        wait_until(lambda: questioner.said == "allowed", what="tokens are accepted again", timeout=20)
    with installation.acme("console-reinstated-acme") as acme:
        expect(acme.get_by_role("button", name="Disable ProdOkta")).to_be_visible()


def test_an_operator_renews_in_a_dialog_that_shows_what_is_stored(installation: Installation) -> None:
    with installation.console("console-renew") as page:
        open_organization(page, "Acme")
        dialog = press(page, "Renew")
        expect(dialog.get_by_text("Currently expires")).to_be_visible()
        dialog.get_by_label("Expires (UTC)").fill("2020-01-01T00:00:00")
        dialog.get_by_role("button", name="Renew").click()
        expect(dialog.get_by_text("must end after its start")).to_be_visible()
        dialog.get_by_label("Expires (UTC)").fill("2999-01-31T12:00:00")
        dialog.get_by_role("button", name="Renew").click()
        told(page, re.compile("API subscription renewed: .* → 31 January 2999, 12:00 UTC"))
        expect(page.get_by_role("button", name="Renew")).to_be_focused()
        dialog = press(page, "Change API Call Threshold")
        dialog.get_by_label("API call threshold per day").fill("50000")
        dialog.get_by_role("button", name="Change").click()
        told(page, "API call threshold changed: no limit → 50,000 per day.")


def test_verifier_credential_is_shown_once_and_revoked(installation: Installation) -> None:
    with installation.console("console-verifier") as page:
        page.get_by_role("link", name="Verifiers").click()
        expect(page.get_by_role("row", name="gateway-1").get_by_text("Following")).to_be_visible()
        dialog = press(page, "Create Verifier Credential")
        dialog.get_by_label("Name", exact=True).fill("gateway-2")
        dialog.get_by_role("button", name="Create Credential").click()
        secret = page.locator("#secret").inner_text()
        assert secret.startswith("wwv_")
        page.get_by_role("button", name="Done").click()
        expect(page.get_by_role("row", name="gateway-2").get_by_text("Never seen")).to_be_visible()
        feed = f"{installation.product.portal}/feed/v1/changes?after=0"
        assert request(feed, bearer=secret).status == 200
        dialog = press(page, "Revoke gateway-2")
        dialog.get_by_role("button", name="Revoke", exact=True).click()
        told(page, "Verifier gateway-2 is revoked.")
        assert request(feed, bearer=secret).status == 401
        page.get_by_role("link", name="Key Sets").click()
        expect(page.get_by_text("All key sets are up to date")).to_be_visible()
