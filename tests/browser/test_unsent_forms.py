"""FH-01, FH-02: without JavaScript, typed text survives the end of a session; with it, leaving the page asks first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from kit.key_server import serves
from kit.people import PASSWORD
from kit.portal_alone import ALICE, BOB, GOOD_KEYS, Portal, running_portal
from kit.portal_pages import ServerDialog, ServersPage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Dialog, Page

pytestmark = [pytest.mark.enable_socket, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def portal(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    with running_portal(tmp_path_factory.mktemp("portal"), browser) as running:
        running.keys.behaviour = serves(GOOD_KEYS)
        yield running


@pytest.fixture
def page(portal: Portal, request: pytest.FixtureRequest) -> Iterator[Page]:
    with portal.open(ALICE, request.node.name) as opened:
        yield opened


@pytest.fixture
def plain_page(portal: Portal, request: pytest.FixtureRequest) -> Iterator[Page]:
    with portal.open(ALICE, request.node.name, scripts=False) as opened:
        yield opened


def lose_the_session(page: Page) -> None:
    page.context.clear_cookies(name="watchword_session")


def sign_in_here(page: Page, email: str) -> None:
    expect(page.get_by_text("What you typed comes back after you sign in.")).to_be_visible()
    page.get_by_label("E-mail address", exact=True).fill(email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def typed_dialog(portal: Portal, page: Page) -> ServerDialog:
    dialog = ServersPage(page).add()
    dialog.fill(portal.registration())
    return dialog


@pytest.mark.parametrize("pressed", ["Validate", "Save"])
def test_field_h_without_scripts_a_session_that_ends_loses_nothing(
    portal: Portal, plain_page: Page, pressed: str
) -> None:
    dialog = typed_dialog(portal, plain_page)
    if pressed == "Save":
        dialog.validate()
        dialog.expect_validated()
    lose_the_session(plain_page)
    dialog.dialog.get_by_role("button", name=pressed, exact=True).click()
    sign_in_here(plain_page, ALICE)
    expect(dialog.dialog.get_by_text("What you typed is back; nothing was saved yet.")).to_be_visible()
    dialog.expect_typed(portal.registration())
    expect(dialog.save_button).to_have_count(0)
    dialog.validate()
    dialog.expect_validated()
    dialog.save()
    servers = ServersPage(plain_page)
    assert servers.names() == ["ProdOkta"]
    servers.delete("ProdOkta").get_by_role("button", name="OK", exact=True).click()
    expect(plain_page.get_by_text("0 of 2 used")).to_be_visible()


def test_field_h_without_scripts_another_person_does_not_get_the_text(portal: Portal, plain_page: Page) -> None:
    dialog = typed_dialog(portal, plain_page)
    lose_the_session(plain_page)
    dialog.validate()
    sign_in_here(plain_page, BOB)
    expect(plain_page.get_by_role("button", name="Sign out")).to_be_visible()
    expect(plain_page.get_by_text("ProdOkta")).to_have_count(0)


class Asked:
    """The browser's confirmation before leaving a page, which the test answers."""

    def __init__(self, page: Page) -> None:
        self.kinds: list[str] = []
        page.on("dialog", self._stay)

    def _stay(self, dialog: Dialog) -> None:
        self.kinds.append(dialog.type)
        dialog.accept()


def test_field_h_reloading_a_page_with_typed_text_asks_first(portal: Portal, page: Page) -> None:
    asked = Asked(page)
    ServersPage(page).add()
    page.reload()
    assert asked.kinds == [], "nothing was typed"
    typed_dialog(portal, page)
    page.reload()
    assert asked.kinds == ["beforeunload"]


def test_field_h_after_discarding_or_saving_leaving_asks_nothing(portal: Portal, page: Page) -> None:
    asked = Asked(page)
    dialog = typed_dialog(portal, page)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Discard").click()
    page.reload()
    page.goto(f"{page.url.rstrip('/')}/add/")
    dialog = typed_dialog_at(portal, page)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Discard").click()
    expect(dialog.dialog).to_have_count(0)
    dialog = typed_dialog(portal, page)
    dialog.validate()
    dialog.expect_validated()
    dialog.save()
    page.reload()
    servers = ServersPage(page)
    servers.delete("ProdOkta").get_by_role("button", name="OK", exact=True).click()
    expect(page.get_by_text("0 of 2 used")).to_be_visible()
    page.reload()
    assert asked.kinds == []


def typed_dialog_at(portal: Portal, page: Page) -> ServerDialog:
    """The dialog of a page that came with it."""
    dialog = ServerDialog(page, "Add Authorization Server")
    dialog.fill(portal.registration())
    return dialog


def test_field_h_the_sign_in_and_filters_never_ask(portal: Portal) -> None:
    with portal.open(BOB, "filters", follow_the_menu=False) as page:
        asked = Asked(page)
        page.goto("/acme/administration/audit-logs/")
        page.get_by_label("Who").fill("alice")
        page.goto("/sessions/")
        lose_the_session(page)
        page.goto("/sign-in")
        page.get_by_label("E-mail address", exact=True).fill(BOB)
        page.get_by_label("Password", exact=True).fill("half a passw")
        page.reload()
        assert asked.kinds == []
