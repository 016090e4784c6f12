"""FIELD-CASES H: what was typed into a window is not thrown away without a question."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from kit.portal_alone import ALICE, Portal, running_portal
from kit.portal_pages import ServersPage

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
            window.window.get_by_role("button", name=way, exact=True).click()

    window = ServersPage(page).add()
    window.field("Description").fill("Typed for a long time")
    close()
    expect(question(page).get_by_role("button", name="Keep typing")).to_be_focused()
    page.keyboard.press("Escape")
    expect(question(page)).to_have_count(0)
    expect(window.field("Description")).to_have_value("Typed for a long time")
    close()
    question(page).get_by_role("button", name="Keep typing").click()
    expect(question(page)).to_have_count(0)
    close()
    question(page).get_by_role("button", name="Discard").click()
    expect(window.window).to_have_count(0)
    expect(page.get_by_role("button", name="Add Authorization Server")).to_be_focused()


def test_field_h_a_form_as_it_was_opened_closes_without_a_question(page: Page) -> None:
    window = ServersPage(page).add()
    window.field("Name").fill("Typed")
    window.field("Name").fill("")
    page.keyboard.press("Escape")
    expect(window.window).to_have_count(0)
    expect(question(page)).to_have_count(0)
