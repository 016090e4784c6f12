"""API Roles, API Keys and Company Profile in a real browser: from a role to the revoked key."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from kit.browser import portal_page
from kit.portal_pages import sign_in
from kit.product import Product

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.enable_socket, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """Acme, where Alice holds every permission."""
    product = Product(tmp_path_factory.mktemp("api-access"))
    try:
        product.desk("prepare", json.dumps({"acme": {"alice": "*"}}))
        product.start("portal")
        yield product
    finally:
        product.close()


@pytest.fixture
def page(portal: Product, browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """Alice on the tab API Roles."""
    with portal_page(browser, portal.portal, name=request.node.name) as opened:
        sign_in(opened, "alice@acme.example")
        opened.get_by_role("navigation", name="Main").get_by_role("link", name="Role Management", exact=True).click()
        tab(opened, "API Roles")
        yield opened


def tab(page: Page, name: str) -> None:
    page.get_by_role("navigation", name="Role Management").get_by_role("link", name=name, exact=True).click()
    selected = page.get_by_role("navigation", name="Role Management").locator("[aria-current=page]")
    expect(selected).to_have_text(name)


def test_from_a_role_to_the_revoked_key(page: Page) -> None:
    page.get_by_role("button", name="Create API Role").click()
    dialog = page.get_by_role("dialog", name="Create API Role")
    expect(dialog.get_by_label("Name", exact=True)).to_be_focused()
    dialog.get_by_label("Name", exact=True).fill("Deployer")
    dialog.get_by_label("Authorization Servers").select_option("full")
    dialog.get_by_role("button", name="Create API Role").click()
    expect(page.get_by_text("Created the API role Deployer.")).to_be_visible()
    expect(page.get_by_text("Authorization Servers: Full")).to_be_visible()

    tab(page, "API Keys")
    page.get_by_role("button", name="Create API Key").click()
    dialog = page.get_by_role("dialog", name="Create API Key")
    expect(dialog.get_by_label("Expires in days")).to_have_value("90")
    dialog.get_by_label("Name", exact=True).fill("pipeline")
    dialog.get_by_role("button", name="Create API Key").click()
    expect(dialog.get_by_text("Choose an API role of the organization.")).to_be_visible()
    dialog.get_by_label("API role").select_option("Deployer")
    dialog.get_by_role("button", name="Create API Key").click()
    shown = page.get_by_role("dialog", name="API key pipeline created")
    secret = shown.locator("#secret").inner_text()
    assert re.fullmatch(r"wwk_[\w-]{43}", secret)
    expect(shown.get_by_role("button", name="Copy the API key")).to_be_focused()
    shown.get_by_role("button", name="Done").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert secret not in page.content()
    page.reload()
    assert secret not in page.content()

    tab(page, "API Roles")
    page.get_by_role("button", name="Delete Deployer").click()
    question = page.get_by_role("alertdialog", name="Delete the API role Deployer?")
    expect(question.get_by_text("API key pipeline")).to_be_visible()
    expect(question.get_by_role("button", name="Cancel")).to_be_focused()
    question.get_by_role("button", name="Cancel").click()
    tab(page, "API Keys")
    page.get_by_role("button", name="Revoke pipeline").click()
    question = page.get_by_role("alertdialog", name="Revoke the API key pipeline?")
    expect(question.get_by_role("button", name="Cancel")).to_be_focused()
    question.get_by_role("button", name="Revoke").click()
    expect(page.get_by_text("Revoked the API key pipeline.")).to_be_visible()
    expect(page.get_by_role("heading", name="Expired and revoked")).to_be_visible()


def test_company_profile_names_organization_and_addresses(page: Page, portal: Product) -> None:
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Company Profile", exact=True).click()
    expect(page.get_by_role("heading", name="Company Profile", level=1)).to_be_visible()
    expect(page.get_by_role("button", name="Copy organization ID")).to_be_visible()
    expect(page.get_by_text(f"{portal.portal}/api/v1", exact=True)).to_be_visible()
