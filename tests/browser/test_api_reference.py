"""The reference of the management API in a real browser, under the portal's Content-Security-Policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from kit.browser import portal_page
from kit.portal_alone import Portal, running_portal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

pytestmark = [pytest.mark.enable_socket, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def portal(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    with running_portal(tmp_path_factory.mktemp("reference"), browser) as running:
        yield running


def test_swagger_ui_shows_the_operations_and_how_to_authenticate(portal: Portal) -> None:
    with portal_page(portal.browser, portal.product.portal, name="api-reference") as page:
        page.goto("/api/docs")
        expect(page.get_by_role("heading", name="Watchword management API")).to_be_visible()
        # A chip with padding above would cover the line above it.
        expect(page.locator(".info code").first).to_have_css("padding-top", "0px")
        for width in (390, 1280):
            page.set_viewport_size({"width": width, "height": 844})
            operation = page.locator("#operations-Authorization_servers-register_authorization_server")
            operation.get_by_role("button").first.click()
            expect(operation.get_by_text("Validate the JWKS location and, if its keys can be used")).to_be_visible()
            operation.get_by_role("button", name="Try it out").click()
            expect(operation.get_by_role("button", name="Execute")).to_be_visible()
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            operation.get_by_role("button", name="Cancel").click()
            operation.get_by_role("button").first.click()
        page.get_by_role("button", name="Authorize").first.click()
        expect(page.get_by_text("An API key; it begins with wwk_")).to_be_visible()
