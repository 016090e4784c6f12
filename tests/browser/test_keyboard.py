"""The portal without a mouse: Tab, Shift+Tab, Enter, Space, Esc and arrows reach everything, with a visible focus."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from kit.key_server import serves
from kit.portal_alone import CHARLIE, GOOD_KEYS, Portal, running_portal
from kit.portal_pages import VALIDATION_MILLISECONDS
from kit.soak import length

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Locator, Page

pytestmark = [pytest.mark.enable_socket, pytest.mark.timeout(240), pytest.mark.soak]

STOPS = 80
# What has the focus, or stands for it: the radio buttons of the gateways are drawn by their labels.
VISIBLE_FOCUS = """() => {
    const focused = document.activeElement;
    if (focused === null || focused === document.body) return null;
    const drawn = focused.matches(".segment input") ? focused.closest("label") : focused;
    const style = getComputedStyle(drawn);
    const box = drawn.getBoundingClientRect();
    const seen = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
    const there = box.width > 0 && box.bottom > 0 && box.top < innerHeight;
    return seen && there ? null : drawn.outerHTML.slice(0, 200);
}"""
FOCUS_IS_INSIDE = "document.activeElement === document.body || document.activeElement.closest('dialog') !== null"


@pytest.fixture(scope="module")
def portal(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    with running_portal(tmp_path_factory.mktemp("portal"), browser) as running:
        yield running


# Reduced motion shortens transitions in CSS, and neither moves the focus nor draws it.
@pytest.fixture(params=length(("no-preference",), ("no-preference", "reduce")))
def page(portal: Portal, request: pytest.FixtureRequest) -> Iterator[Page]:
    """Charlie on Globex's page, with motion and without."""
    portal.keys.behaviour = serves(GOOD_KEYS)
    with portal.open(CHARLIE, request.node.name) as opened:
        opened.emulate_media(reduced_motion=request.param)
        opened.reload()
        yield opened


def press(page: Page, *keys: str) -> None:
    """Press the keys in turn; each focused element must show its focus."""
    for key in keys:
        page.keyboard.press(key)
        unseen = page.evaluate(VISIBLE_FOCUS)
        assert unseen is None, f"after {key} the focus on {unseen} is invisible"


def tab_to(page: Page, place: Locator, key: str = "Tab") -> None:
    for _ in range(STOPS):
        press(page, key)
        if place.count() and place.evaluate("place => place === document.activeElement"):
            return
    raise AssertionError(f"{key} does not reach {place}")


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def expect_trapped(page: Page) -> None:
    for key in ("Tab", "Shift+Tab"):
        for _ in range(20):
            press(page, key)
            assert page.evaluate(FOCUS_IS_INSIDE), "the focus left the dialog"


def add(page: Page, portal: Portal) -> None:
    tab_to(page, button(page, "Add Authorization Server"))
    press(page, "Enter")
    dialog = page.get_by_role("dialog", name="Add Authorization Server")
    expect(dialog.get_by_label("Name", exact=True)).to_be_focused()
    enable = dialog.get_by_role("switch", name="Enable")
    tab_to(page, enable, "Shift+Tab")
    if not enable.is_checked():
        press(page, "Space")
    expect(enable).to_be_checked()
    good = portal.registration()
    typed = (("Name", good.name), ("Description", good.description), ("OAuth 2.0 JWKS Location", good.jwks_location))
    for label, text in typed:
        tab_to(page, dialog.get_by_label(re.compile(f"^{label}")))
        page.keyboard.type(text)
    press(page, "Enter")
    save = dialog.get_by_role("button", name="Save", exact=True)
    expect(save).to_be_visible(timeout=VALIDATION_MILLISECONDS)
    tab_to(page, dialog.get_by_label(re.compile("^Audience URI")))
    page.keyboard.type(good.audience)
    tab_to(page, save)
    press(page, "Enter")
    expect(dialog).to_have_count(0)
    expect(page.get_by_role("row", name="ProdOkta")).to_be_visible()
    expect(button(page, "Add Authorization Server")).to_be_focused()


def edit(page: Page) -> None:
    opener = button(page, "Edit ProdOkta")
    tab_to(page, opener)
    press(page, "Enter")
    dialog = page.get_by_role("dialog", name="Edit Authorization Server")
    expect(dialog.get_by_label("Name", exact=True)).to_be_focused()
    expect_trapped(page)
    press(page, "Escape")
    expect(dialog).to_have_count(0)
    expect(opener).to_be_focused()
    press(page, "Enter")
    expect(dialog.get_by_label("Name", exact=True)).to_be_focused()
    tab_to(page, dialog.get_by_label("Description", exact=True))
    press(page, "Control+A")
    page.keyboard.type("Changed without a mouse")
    tab_to(page, dialog.get_by_role("button", name="Save", exact=True))
    press(page, "Space")
    expect(dialog).to_have_count(0)
    expect(page.get_by_text("Changed without a mouse")).to_be_visible()
    expect(opener).to_be_focused()


def delete(page: Page) -> None:
    opener = button(page, "Delete ProdOkta")
    tab_to(page, opener)
    press(page, "Space")
    dialog = page.get_by_role("alertdialog", name="Delete authorization server ProdOkta?")
    expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    expect_trapped(page)
    tab_to(page, dialog.get_by_role("button", name="Cancel"))
    press(page, "Enter")
    expect(dialog).to_have_count(0)
    expect(opener).to_be_focused()
    press(page, "Enter")
    expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    tab_to(page, dialog.get_by_role("button", name="OK", exact=True))
    press(page, "Enter")
    expect(page.get_by_text("No authorization server yet")).to_be_visible()
    expect(button(page, "Add Authorization Server")).to_be_focused()


def test_add_edit_and_delete_need_no_mouse(portal: Portal, page: Page) -> None:
    add(page, portal)
    edit(page)
    delete(page)


def test_the_first_stop_skips_to_the_content(page: Page) -> None:
    press(page, "Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    press(page, "Enter", "Tab")
    assert page.evaluate("document.activeElement.closest('#content') !== null"), "the focus is before the content"


def test_the_theme_is_switched_by_keys(page: Page) -> None:
    tab_to(page, page.get_by_role("button", name=re.compile("^Theme:")))
    for theme in ("light", "dark"):
        press(page, "Space")
        expect(page.get_by_role("button", name=f"Theme: {theme}")).to_be_focused()
        expect(page.locator("html")).to_have_attribute("data-theme", theme)
    press(page, "Enter")
    expect(page.locator("html")).not_to_have_attribute("data-theme", re.compile(""))


def test_the_rail_of_a_small_screen_opens_and_closes_by_keys(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    menu = button(page, "Open the navigation")
    rail = page.get_by_role("navigation", name="Main")
    tab_to(page, menu)
    press(page, "Enter")
    expect(rail).to_be_visible()
    tab_to(page, rail.get_by_role("link", name="Internet & SaaS API"))
    press(page, "Escape")
    expect(rail).to_be_hidden()
    expect(menu).to_be_focused()


def test_invisible_focus_is_found(page: Page) -> None:
    page.evaluate("() => { document.querySelector('.skip').style.outline = 'none'; }")
    with pytest.raises(AssertionError, match=r"the focus on .* is invisible"):
        press(page, "Tab")
