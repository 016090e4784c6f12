"""The authorization servers page in a real browser: keyboard, focus, announcements, and what works without scripts."""

from __future__ import annotations

import re
from itertools import cycle
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from kit.key_server import answers, serves, trickles
from kit.portal_alone import ALICE, ALICE_OF_INITECH, BOB, CHARLIE, GOOD_KEYS, Portal, running_portal
from kit.portal_pages import ServerDialog, ServersPage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Locator, Page

pytestmark = [pytest.mark.enable_socket, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def portal(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    with running_portal(tmp_path_factory.mktemp("portal"), browser) as running:
        yield running


@pytest.fixture(scope="module")
def people() -> Iterator[str]:
    """The next organization: each may validate ten times a minute, and these tests validate more often."""
    return cycle((ALICE, CHARLIE, ALICE_OF_INITECH))


@pytest.fixture
def page(portal: Portal, people: Iterator[str], request: pytest.FixtureRequest) -> Iterator[Page]:
    """An administrator on the page of an organization without servers; added servers are removed afterwards."""
    portal.keys.behaviour = serves(GOOD_KEYS)
    with portal.open(next(people), request.node.name) as opened:
        yield opened
        opened.goto(base(opened))
        while (first := opened.get_by_role("button", name=re.compile(r"^Delete "))).count():
            first.first.click()
            opened.get_by_role("button", name="OK", exact=True).click()
            expect(opened.get_by_role("alertdialog")).to_have_count(0)


def base(page: Page) -> str:
    return re.sub(r"(oauth-2-0-authorization-servers/).*", r"\1", page.url)


def register(page: Page, portal: Portal, **changes: object) -> None:
    dialog = ServersPage(page).add()
    dialog.fill(portal.registration(**changes))
    dialog.validate()
    dialog.expect_validated()
    dialog.save()


def row(page: Page, name: str) -> Locator:
    return page.get_by_role("row", name=name)


def says(dialog: ServerDialog, sentence: str | re.Pattern[str]) -> None:
    expect(dialog.dialog.get_by_text(sentence)).to_be_visible()


def announcement(page: Page, words: str) -> None:
    expect(page.locator("#announcement")).to_contain_text(words)


def test_save_comes_and_goes_with_exactly_what_was_validated(portal: Portal, page: Page) -> None:
    dialog = ServersPage(page).add()
    dialog.fill(portal.registration())
    expect(dialog.save_button).to_have_count(0)
    dialog.validate()
    dialog.expect_validated()
    announcement(page, "Save is available")
    location = dialog.field("OAuth 2.0 JWKS Location")
    location.press("End")
    location.type("x")
    expect(dialog.save_button).to_have_count(0)
    announcement(page, "Save was removed")
    expect(dialog.dialog.get_by_text("Validate the JWKS location to save")).to_be_visible()
    location.press("Backspace")
    expect(dialog.save_button).to_be_visible()
    dialog.field("JWKS Server Certificate Validation").uncheck()
    expect(dialog.save_button).to_have_count(0)
    # A field that was not validated leaves Save alone.
    dialog.field("JWKS Server Certificate Validation").check()
    dialog.field("Name").fill("Other")
    expect(dialog.save_button).to_be_visible()


def test_a_failed_validation_takes_save_away_again(portal: Portal, page: Page) -> None:
    dialog = ServersPage(page).add()
    dialog.fill(portal.registration())
    dialog.validate()
    dialog.expect_validated()
    portal.keys.behaviour = answers(404)
    dialog.validate()
    expect(dialog.dialog.get_by_text("Validation failed at: HTTP")).to_be_visible()
    expect(dialog.save_button).to_have_count(0)
    dialog.expect_typed(portal.registration())


def test_enter_validates_until_save_is_there_and_then_saves(portal: Portal, page: Page) -> None:
    dialog = ServersPage(page).add()
    dialog.fill(portal.registration())
    dialog.field("Name").press("Enter")
    dialog.expect_validated()
    dialog.field("Name").press("Enter")
    expect(dialog.dialog).to_have_count(0)
    expect(row(page, "ProdOkta")).to_be_visible()


def test_text_typed_during_a_validation_is_not_validated(portal: Portal, page: Page) -> None:
    portal.keys.behaviour = trickles(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n")
    dialog = ServersPage(page).add()
    dialog.fill(portal.registration())
    dialog.validate()
    announcement(page, "Validating the JWKS location")
    expect(dialog.dialog.get_by_text("Validating: address")).to_be_visible()
    dialog.field("OAuth 2.0 JWKS Location").fill("https://elsewhere.acme.example/keys")
    expect(dialog.dialog.get_by_text("Validating: address")).to_be_hidden()
    page.wait_for_timeout(300)
    expect(dialog.save_button).to_have_count(0)
    expect(dialog.field("OAuth 2.0 JWKS Location")).to_have_value("https://elsewhere.acme.example/keys")


def test_the_dialog_takes_the_focus_keeps_it_and_gives_it_back(page: Page) -> None:
    opener = page.get_by_role("button", name="Add Authorization Server")
    opener.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Add Authorization Server")
    expect(dialog.get_by_label("Name", exact=True)).to_be_focused()
    for _ in range(30):
        page.keyboard.press("Tab")
        inside = "document.activeElement === document.body || document.activeElement.closest('dialog') !== null"
        assert page.evaluate(inside), "the focus left the dialog"
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(opener).to_be_focused()


def test_delete_asks_with_cancel_focused_and_ok_deletes(portal: Portal, page: Page) -> None:
    register(page, portal)
    page.get_by_role("button", name="Delete ProdOkta").click()
    dialog = page.get_by_role("alertdialog", name="Delete authorization server ProdOkta?")
    expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Delete ProdOkta")).to_be_focused()
    page.keyboard.press("Enter")
    dialog.get_by_role("button", name="OK", exact=True).click()
    expect(page.get_by_text("No authorization server yet")).to_be_visible()
    expect(page.get_by_role("status").filter(has_text="Deleted ProdOkta.")).to_be_visible()
    expect(page.get_by_role("button", name="Add Authorization Server")).to_be_focused()


def test_an_edit_that_leaves_the_location_alone_saves_at_once(portal: Portal, page: Page) -> None:
    register(page, portal)
    page.get_by_role("button", name="Edit ProdOkta").click()
    dialog = page.get_by_role("dialog", name="Edit Authorization Server")
    location = dialog.get_by_label("OAuth 2.0 JWKS Location")
    save = dialog.get_by_role("button", name="Save")
    expect(save).to_be_visible()
    kept = location.input_value()
    location.fill("https://elsewhere.acme.example/keys")
    expect(save).to_have_count(0)
    location.fill(kept)
    dialog.get_by_label("Description", exact=True).fill("Changed")
    save.click()
    expect(dialog).to_have_count(0)
    expect(page.get_by_text("Changed")).to_be_visible()


def test_a_refused_save_keeps_the_dialog_and_goes_to_the_field(portal: Portal, page: Page) -> None:
    dialog = ServersPage(page).add()
    registration = portal.registration(name="Prod Okta", description="d" * 257)
    dialog.fill(registration)
    expect(dialog.dialog.get_by_text("257 / 256")).to_be_visible()
    dialog.validate()
    dialog.expect_validated()
    dialog.save_button.click()
    says(dialog, "The name cannot contain spaces or line breaks.")
    says(dialog, "The description cannot exceed 256 characters; this one has 257.")
    expect(dialog.field("Name")).to_be_focused()
    dialog.expect_typed(registration)
    dialog.field("Name").fill("ProdOkta")
    dialog.field("Description").fill("")
    dialog.save()


def test_all_blank_must_be_confirmed(portal: Portal, page: Page) -> None:
    dialog = ServersPage(page).add()
    dialog.fill(portal.registration(audience="", issuer="", client_id=""))
    box = dialog.dialog.get_by_role("checkbox", name="Accept every token that this server signs")
    expect(box).to_have_count(0)
    dialog.validate()
    dialog.expect_validated()
    expect(box).to_be_visible()
    dialog.field("Client ID").fill("acme-batch")
    expect(box).to_have_count(0)
    dialog.field("Client ID").fill("")
    dialog.save_button.click()
    says(dialog, re.compile("or confirm that this is what you want"))
    box.check()
    dialog.save()


def test_a_row_opens_to_its_keys_and_stays_open(portal: Portal, page: Page) -> None:
    register(page, portal)
    opener = page.get_by_role("button", name="signing keys of ProdOkta")
    expect(opener).to_have_attribute("aria-expanded", "false")
    opener.click()
    expect(page.get_by_role("button", name="Copy key ID")).to_be_visible()
    page.get_by_role("button", name="Refresh now").click()
    expect(page.get_by_role("status").filter(has_text="are being fetched now")).to_be_visible()
    expect(opener).to_have_attribute("aria-expanded", "true")


def test_enabling_a_second_server_names_the_one_it_disables(portal: Portal, page: Page) -> None:
    register(page, portal)
    register(page, portal, name="Standby", enable=False)
    add = page.get_by_role("button", name="Add Authorization Server")
    expect(add).to_have_attribute("aria-disabled", "true")
    expect(add).to_have_accessible_description("Both are used: delete one to add another.")
    page.get_by_role("button", name="Enable Standby").click()
    dialog = page.get_by_role("alertdialog")
    expect(dialog).to_contain_text("ProdOkta is disabled at the same time")
    dialog.get_by_role("button", name="Enable").click()
    expect(row(page, "Standby").get_by_text("Enabled", exact=True)).to_be_visible()
    expect(row(page, "ProdOkta").get_by_text("Disabled", exact=True)).to_be_visible()


def test_everything_works_without_scripts(portal: Portal, page: Page) -> None:
    with portal.open(ALICE, "without-scripts", scripts=False) as plain:
        dialog = ServersPage(plain).add()
        dialog.fill(portal.registration())
        dialog.validate()
        dialog.expect_validated()
        dialog.expect_typed(portal.registration())
        dialog.save_button.click()
        expect(plain.get_by_text("Added ProdOkta.")).to_be_visible()
        # Keys can be read without opening anything, and nothing is offered that would do nothing.
        expect(plain.get_by_role("heading", name="Signing keys")).to_be_visible()
        expect(plain.get_by_role("button", name=re.compile("^Copy"))).to_have_count(0)
        plain.get_by_role("button", name="Edit ProdOkta").click()
        plain.get_by_label("Client ID").fill("other-client")
        plain.get_by_role("button", name="Save").click()
        expect(plain.get_by_text("Saved ProdOkta.")).to_be_visible()
        plain.get_by_role("button", name="Delete ProdOkta").click()
        plain.get_by_role("button", name="OK", exact=True).click()
        expect(plain.get_by_text("No authorization server yet")).to_be_visible()


def test_the_theme_is_kept(page: Page) -> None:
    switch = page.get_by_role("button", name=re.compile("^Theme:"))
    switch.click()
    switch.click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.get_by_role("button", name="Theme: dark")).to_be_visible()
    # The server itself sends the theme, so that nothing is drawn in another one first.
    assert 'data-theme="dark"' in page.request.get(page.url).text()


def test_no_width_cuts_the_table(portal: Portal, page: Page) -> None:
    register(page, portal, name="ProductionPingFederate", verify_certificate=False)
    page.get_by_role("button", name="signing keys of ProductionPingFederate").click()
    table = page.locator("table.servers")
    for width in (390, 768, 1024, 1240, 1241, 1280, 1366, 1440, 1535, 1536, 1920):
        page.set_viewport_size({"width": width, "height": 900})
        assert table.evaluate("table => table.scrollWidth <= table.parentElement.clientWidth"), f"cut at {width}"


def test_a_small_screen_has_cards_and_a_rail_to_open(portal: Portal, page: Page) -> None:
    register(page, portal)
    page.set_viewport_size({"width": 390, "height": 844})
    rail = page.get_by_role("navigation", name="Main")
    expect(rail).to_be_hidden()
    page.get_by_role("button", name="Open the navigation").click()
    expect(rail.get_by_role("link", name="Internet & SaaS API")).to_be_visible()
    page.keyboard.press("Escape")
    expect(rail).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page scrolls sideways"


def test_without_the_permission_the_page_names_it(portal: Portal) -> None:
    with portal.open(BOB, "no-permission", follow_the_menu=False) as page:
        page.get_by_role("link", name="Internet & SaaS API").click()
        expect(page.get_by_text("API Key Management")).to_be_visible()
