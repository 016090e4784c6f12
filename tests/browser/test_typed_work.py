"""FH-02: what was typed into a dialog is not discarded without a question."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from kit.key_server import answers, serves
from kit.people import PASSWORD
from kit.portal_alone import ALICE, BOB, GOOD_KEYS, Portal, running_portal
from kit.portal_pages import ServersPage, sign_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Locator, Page

pytestmark = [pytest.mark.enable_socket, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def portal(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    with running_portal(tmp_path_factory.mktemp("portal"), browser) as running:
        yield running


@pytest.fixture
def page(portal: Portal, request: pytest.FixtureRequest) -> Iterator[Page]:
    portal.keys.behaviour = serves(GOOD_KEYS)
    with portal.open(ALICE, request.node.name) as opened:
        yield opened


def question(page: Page) -> Locator:
    return page.get_by_role("alertdialog", name="Discard what you typed?")


@pytest.mark.parametrize("way", ["Escape", "Cancel", "Close"])
def test_field_h_closing_a_typed_form_asks_first(page: Page, way: str) -> None:
    def close() -> None:
        if way == "Escape":
            page.keyboard.press("Escape")
        else:
            dialog.dialog.get_by_role("button", name=way, exact=True).click()

    dialog = ServersPage(page).add()
    dialog.field("Description").fill("Typed for a long time")
    close()
    expect(question(page).get_by_role("button", name="Keep typing")).to_be_focused()
    page.keyboard.press("Escape")
    expect(question(page)).to_have_count(0)
    expect(dialog.field("Description")).to_have_value("Typed for a long time")
    close()
    question(page).get_by_role("button", name="Keep typing").click()
    expect(question(page)).to_have_count(0)
    close()
    question(page).get_by_role("button", name="Discard").click()
    expect(dialog.dialog).to_have_count(0)
    expect(page.get_by_role("button", name="Add Authorization Server")).to_be_focused()


def test_field_h_a_form_as_it_was_opened_closes_without_a_question(page: Page) -> None:
    dialog = ServersPage(page).add()
    dialog.field("Name").fill("Typed")
    dialog.field("Name").fill("")
    page.keyboard.press("Escape")
    expect(dialog.dialog).to_have_count(0)
    expect(question(page)).to_have_count(0)


def lose_the_session(page: Page) -> None:
    page.context.clear_cookies(name="watchword_session")


def again(page: Page) -> Locator:
    return page.get_by_role("dialog", name="Sign in again")


def test_field_h_typed_text_survives_the_end_of_a_session(portal: Portal, page: Page) -> None:
    dialog = ServersPage(page).add()
    dialog.fill(portal.registration())
    dialog.field("Description").fill("Typed for a long time")
    lose_the_session(page)
    dialog.validate()
    password = again(page).get_by_label("Password")
    expect(password).to_be_focused()
    expect(again(page).get_by_label("E-mail address")).to_have_value(ALICE)
    password.fill("not the password")
    again(page).get_by_role("button", name="Sign in").click()
    expect(again(page).get_by_role("alert")).to_have_text("The e-mail address or the password is wrong.")
    expect(password).to_have_value("")
    password.fill(PASSWORD)
    password.press("Enter")
    expect(again(page)).to_have_count(0)
    expect(dialog.dialog.get_by_text("You are signed in again. Nothing was saved yet.")).to_be_visible()
    expect(dialog.field("Description")).to_have_value("Typed for a long time")
    dialog.validate()
    dialog.expect_validated()
    lose_the_session(page)
    dialog.save_button.click()
    password.fill(PASSWORD)
    password.press("Enter")
    expect(again(page)).to_have_count(0)
    dialog.save()
    expect(page.get_by_role("row").filter(has_text="Typed for a long time")).to_be_visible()
    servers = ServersPage(page)
    servers.delete("ProdOkta").get_by_role("button", name="OK", exact=True).click()
    expect(page.get_by_text("0 of 2 used")).to_be_visible()


def test_field_h_signing_in_again_in_another_tab_is_enough(portal: Portal, page: Page) -> None:
    dialog = ServersPage(page).add()
    dialog.fill(portal.registration())
    lose_the_session(page)
    other = page.context.new_page()
    sign_in(other, ALICE)
    other.close()
    dialog.validate()
    expect(dialog.dialog.get_by_text("You are signed in again. Nothing was saved yet.")).to_be_visible()
    expect(dialog.field("Name")).to_have_value("ProdOkta")
    dialog.validate()
    dialog.expect_validated()


def test_field_h_typed_text_is_not_sent_as_another_person(portal: Portal, page: Page) -> None:
    dialog = ServersPage(page).add()
    dialog.field("Description").fill("Typed by Alice")
    lose_the_session(page)
    other = page.context.new_page()
    sign_in(other, BOB)
    other.close()
    dialog.validate()
    expect(again(page)).to_contain_text(f"{BOB} has signed in with this browser.")
    again(page).get_by_label("Password").fill(PASSWORD)
    again(page).get_by_role("button", name="Sign in").click()
    expect(again(page)).to_have_count(0)
    expect(dialog.field("Description")).to_have_value("Typed by Alice")


def test_field_h_without_typed_text_the_page_leads_to_the_sign_in(page: Page) -> None:
    lose_the_session(page)
    page.get_by_role("button", name="Add Authorization Server").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_field_p_a_failed_validation_shows_its_verdict_and_the_step(portal: Portal, page: Page) -> None:
    page.set_viewport_size({"width": 1280, "height": 560})
    portal.keys.behaviour = answers(404)
    dialog = ServersPage(page).add()
    dialog.fill(portal.registration())
    # The button at the lower edge, so that there is no room below it.
    dialog.dialog.locator("#validate").evaluate("""button => {
        button.focus({ preventScroll: true });
        button.scrollIntoView({ block: "end" });
        button.click();
    }""")
    expect(dialog.dialog.locator(".verdict")).to_be_in_viewport(ratio=1)
    expect(dialog.dialog.locator(".step-failed")).to_be_in_viewport(ratio=1)
