"""The page "Call the API" in a real browser: reached from the list, its tabs with and without scripts, and Copy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from kit.portal_alone import ALICE, Portal, running_portal
from watchword.control.web.calling.client_examples import API_URL, ClientValues, client_examples

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.enable_socket, pytest.mark.timeout(300)]

TABS = client_examples(ClientValues(api_url=API_URL))


@pytest.fixture(scope="module")
def portal(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    with running_portal(tmp_path_factory.mktemp("calling"), browser) as running:
        yield running


def go_there(page: Page) -> None:
    page.get_by_role("link", name="Call the API").click()
    expect(page.get_by_role("heading", name="Get a token and send it")).to_be_visible()


@pytest.mark.parametrize("scripts", [True, False])
def test_each_language_has_its_example(portal: Portal, *, scripts: bool) -> None:
    with portal.open(ALICE, f"calling-{scripts}", scripts=scripts) as page:
        go_there(page)
        for tab in TABS:
            page.get_by_role("radio", name=tab.label, exact=True).check()
            expect(page.locator(".snippet code:visible").last).to_have_text(tab.snippets[0].text, use_inner_text=False)


def test_arrow_keys_go_from_language_to_language_and_copy_takes_the_one_shown(portal: Portal) -> None:
    with portal.open(ALICE, "calling-by-keyboard") as page:
        go_there(page)
        page.get_by_role("radio", name=TABS[0].label, exact=True).focus()
        for tab in TABS[1:]:
            page.keyboard.press("ArrowRight")
            expect(page.get_by_role("radio", name=tab.label, exact=True)).to_be_checked()
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        blank = page.context.new_page()
        blank.set_content("<textarea autofocus></textarea>")
        expect(page.locator("[data-done]")).to_have_count(1)
        blank.locator("textarea").press("ControlOrMeta+V")
        assert blank.locator("textarea").input_value() == TABS[-1].snippets[0].text


def test_nothing_is_wider_than_a_narrow_screen(portal: Portal) -> None:
    with portal.open(ALICE, "calling-narrow") as page:
        page.set_viewport_size({"width": 390, "height": 844})
        go_there(page)
        for tab in TABS:
            page.get_by_role("radio", name=tab.label, exact=True).check()
            assert page.evaluate("document.documentElement.scrollWidth") <= 390
