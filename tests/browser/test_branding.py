"""A provider's own name, logo and menu in a real browser, at their longest, on narrow and wide pages."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import pytest
from playwright.sync_api import expect

from kit.browser import portal_page
from kit.portal_alone import ALICE
from kit.portal_pages import sign_in
from kit.product import Product

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.enable_socket, pytest.mark.timeout(180)]

NAME: Final = "<b>Globex</b> & Söhne " + "W" * 18
MENU: Final = {
    "ADMINISTRATION": "Verwaltung",
    "API_CONFIGURATION": "<i>Einstellungen</i>",
    "LEGACY_API": "Schnittstellenschlüsselverwaltungseinstellungen",
    "API": "W" * 60,
    "AUTHORIZATION_SERVERS": "Autorisierungsserver " + "M" * 39,
}
# Four times as wide as it is high, as the lettering of a company is.
LOGO: Final = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 96 24"><defs><linearGradient id="a">
<stop stop-color="#d9480f"/><stop offset="1" stop-color="#862e9c"/></linearGradient></defs>
<rect width="96" height="24" rx="5" fill="url(#a)"/>
<path d="M10 5v14h10M32 5h12v14H32z" stroke="#fff" fill="none"/></svg>"""
WIDTHS: Final = (1440, 390)


@pytest.fixture(scope="module")
def branded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    folder = tmp_path_factory.mktemp("branded")
    (folder / "logo.svg").write_text(LOGO)
    labels = {f"WATCHWORD_MENU_{name}": label for name, label in MENU.items()}
    settings = {"WATCHWORD_PRODUCT_NAME": NAME, "WATCHWORD_LOGO_FILE": str(folder / "logo.svg"), **labels}
    product = Product(folder, settings=settings)
    try:
        product.desk("prepare", json.dumps({"acme": {"alice": "API Key Management"}}))
        product.start("portal")
        yield product
    finally:
        product.close()


def logo_is_drawn(page: Page) -> None:
    logos = page.locator("img.logo").all()
    (shown,) = (logo for logo in logos if logo.is_visible())
    assert shown.evaluate("logo => logo.complete && logo.naturalWidth > 0")
    box = shown.bounding_box()
    assert box is not None
    assert box["width"] / box["height"] == pytest.approx(4, rel=0.05)


def nothing_sticks_out(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate(
        "[...document.querySelectorAll('.rail, .card')].every(box => box.scrollWidth <= box.clientWidth)"
    )


@pytest.mark.parametrize("width", WIDTHS)
def test_sign_in_page_shows_the_brand(branded: Product, browser: Browser, width: int) -> None:
    with portal_page(browser, branded.portal, name=f"branded-sign-in-{width}") as page:
        page.set_viewport_size({"width": width, "height": 844})
        page.goto("/sign-in")
        expect(page).to_have_title(f"Sign in · {NAME}")
        expect(page.get_by_text(f"{NAME} Admin Portal")).to_be_visible()
        logo_is_drawn(page)
        nothing_sticks_out(page)


def test_rail_breadcrumbs_and_tabs_show_the_brand(branded: Product, browser: Browser) -> None:
    with portal_page(browser, branded.portal, name="branded-servers") as page:
        sign_in(page, ALICE)
        rail = page.get_by_role("navigation", name="Main")
        rail.get_by_role("link", name=MENU["API"]).click()
        page.get_by_role("link", name=MENU["AUTHORIZATION_SERVERS"]).click()
        crumbs = page.get_by_role("navigation", name="Breadcrumb").get_by_role("listitem")
        expect(crumbs).to_have_text(list(MENU.values())[:4])
        expect(page.get_by_role("heading", name=MENU["API"], level=1)).to_be_visible()
        expect(page).to_have_title(f"{MENU['AUTHORIZATION_SERVERS']} · Acme · {NAME}")
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 844})
            logo_is_drawn(page)
            nothing_sticks_out(page)
        page.get_by_role("button", name="Open the navigation").click()
        expect(rail.get_by_text(NAME)).to_be_visible()
        nothing_sticks_out(page)
