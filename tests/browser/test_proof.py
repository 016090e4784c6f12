"""P-31: the dialog "Confirm that it is you", without a mouse: before a dialog opens, and over a form that stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from kit.key_server import serves
from kit.people import PASSWORD
from kit.portal_alone import ALICE, GOOD_KEYS, Portal, running_portal
from kit.portal_pages import ServersPage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Locator, Page

pytestmark = [pytest.mark.enable_socket, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def portal(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    with running_portal(tmp_path_factory.mktemp("portal"), browser) as running:
        running.keys.behaviour = serves(GOOD_KEYS)
        yield running


@pytest.fixture
def page(portal: Portal, request: pytest.FixtureRequest) -> Iterator[Page]:
    with portal.open(ALICE, request.node.name) as opened:
        yield opened
    # A proof gives the session another key.
    del portal.signed_in[ALICE]


def proof(page: Page) -> Locator:
    return page.get_by_role("dialog", name="Confirm that it is you")


def enter(page: Page, password: str) -> None:
    field = proof(page).get_by_label("Password")
    expect(field).to_be_focused()
    page.keyboard.type(password)
    page.keyboard.press("Enter")


def test_p_31_dialog_opens_after_the_proof(portal: Portal, page: Page) -> None:
    portal.product.desk("prove", "15")
    add = page.get_by_role("button", name="Add Authorization Server")
    add.focus()
    page.keyboard.press("Enter")
    enter(page, "not the password")
    expect(proof(page).get_by_text("This is not your password.")).to_be_visible()
    enter(page, PASSWORD)
    expect(proof(page)).to_have_count(0)
    asked = page.get_by_role("dialog", name="Add Authorization Server")
    expect(asked.get_by_label("Name", exact=True)).to_be_focused()
    page.keyboard.press("Escape")
    expect(asked).to_have_count(0)
    expect(add).to_be_focused()
    # The dialog needs no other proof.
    page.keyboard.press("Enter")
    expect(asked).to_be_visible()


def test_p_31_form_stays_under_the_proof(portal: Portal, page: Page) -> None:
    servers = ServersPage(page)
    dialog = servers.add()
    dialog.fill(portal.registration())
    dialog.validate()
    dialog.expect_validated()
    portal.product.desk("prove", "15")
    dialog.save_button.focus()
    page.keyboard.press("Enter")
    expect(proof(page)).to_be_visible()
    page.keyboard.press("Escape")
    expect(proof(page)).to_have_count(0)
    expect(dialog.save_button).to_be_focused()
    dialog.expect_typed(portal.registration())
    page.keyboard.press("Enter")
    enter(page, PASSWORD)
    expect(proof(page)).to_have_count(0)
    expect(dialog.dialog.get_by_text("You have confirmed that it is you. Nothing was saved yet.")).to_be_visible()
    expect(dialog.save_button).to_be_focused()
    dialog.expect_typed(portal.registration())
    dialog.save()
    assert servers.names() == ["ProdOkta"]
