"""The settings for gateways in a real browser: tabs by keyboard and without scripts, and what Copy copies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from kit.portal_alone import ALICE, Portal, running_portal
from watchword.control.servers.snippets import snippets

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.enable_socket, pytest.mark.timeout(180)]

SNIPPETS = snippets("acme")
FILES = [file.name for snippet in SNIPPETS for file in snippet.files]


@pytest.fixture(scope="module")
def portal(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    with running_portal(tmp_path_factory.mktemp("portal"), browser) as running:
        yield running


def shown(page: Page) -> list[str]:
    """The names of the files that can be seen."""
    return page.locator(".snippet-head:visible .mono").all_inner_texts()


def pasted(page: Page) -> str:
    """What Ctrl+V gives, in a tab of no page: the portal's own pages may not read the clipboard."""
    blank = page.context.new_page()
    blank.set_content("<textarea autofocus></textarea>")
    blank.locator("textarea").press("ControlOrMeta+V")
    text = blank.locator("textarea").input_value()
    blank.close()
    return text


def test_each_tab_shows_its_files_and_no_others_with_and_without_scripts(portal: Portal) -> None:
    for scripts in (True, False):
        with portal.open(ALICE, f"tabs-{scripts}", scripts=scripts) as page:
            assert shown(page) == ["nginx.conf"]
            for snippet in SNIPPETS:
                page.get_by_role("radio", name=snippet.label, exact=True).check()
                assert shown(page) == [file.name for file in snippet.files]
                for file in snippet.files:
                    code = page.get_by_label(f"{file.name} for {snippet.label}", exact=True).locator("code")
                    assert code.text_content() == file.text


def test_the_arrow_keys_go_from_tab_to_tab(portal: Portal) -> None:
    with portal.open(ALICE, "tabs-by-keyboard") as page:
        page.get_by_role("radio", name="nginx", exact=True).focus()
        for snippet in (*SNIPPETS[1:], SNIPPETS[0]):
            page.keyboard.press("ArrowRight")
            expect(page.get_by_role("radio", name=snippet.label, exact=True)).to_be_checked()


def test_copy_copies_the_whole_text(portal: Portal) -> None:
    with portal.open(ALICE, "copy-settings") as page:
        page.get_by_role("radio", name="HAProxy", exact=True).check()
        (haproxy,) = (snippet for snippet in SNIPPETS if snippet.gateway == "haproxy")
        for file in haproxy.files:
            button = page.get_by_role("button", name=f"Copy {file.name} for HAProxy")
            button.click()
            expect(button).to_have_attribute("data-done", "")
            assert pasted(page) == file.text


def test_long_settings_scroll_by_themselves_and_tabs_wrap_on_a_narrow_screen(portal: Portal) -> None:
    with portal.open(ALICE, "narrow-settings") as page:
        page.set_viewport_size({"width": 390, "height": 844})
        for snippet in SNIPPETS:
            radio = page.get_by_role("radio", name=snippet.label, exact=True)
            radio.check()
            box = radio.bounding_box()
            assert box is not None
            assert box["x"] + box["width"] <= 390
            for pre in page.locator(".snippet-file:visible pre").all():
                assert pre.evaluate("pre => pre.clientHeight") <= 430
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
