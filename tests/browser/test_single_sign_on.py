"""Single sign-on in a real browser at a real identity provider: cookies, redirects and the content security policy."""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from kit.authorization_server import authorization_server
from kit.browser import WAIT_MILLISECONDS
from kit.identity_provider import PEOPLE
from kit.product import Product
from kit.single_sign_on import WATCHWORD

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import trustme
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.enable_socket, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def product(authority: trustme.CA, authority_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A portal whose organization Acme signs in at the provider."""
    folder = tmp_path_factory.mktemp("single-sign-on")
    with ExitStack() as stack:
        provider = stack.enter_context(authorization_server(authority, folder / "provider.log", ()))
        settings = {
            "WATCHWORD_JWKS_CA_FILE": str(authority_file),
            "WATCHWORD_JWKS_ALLOWED_NETWORKS": "127.0.0.0/8",
            "WATCHWORD_JWKS_ALLOWED_PORTS": str(urlsplit(provider.issuer).port),
        }
        running = Product(folder, settings=settings)
        stack.callback(running.close)
        client = replace(WATCHWORD, redirect_uris=(f"{running.portal}/sign-in/single-sign-on/callback",))
        provider.set_clients(client)
        provider.set_people(PEOPLE)
        running.desk("prepare", json.dumps({"acme": {"bob": "Audit Logs"}}))
        running.desk("single_sign_on", "acme", "acme.example", provider.issuer, client.id, client.secret)
        running.start("portal")
        yield running


@pytest.fixture(params=[True, False], ids=["with scripts", "without scripts"])
def page(request: pytest.FixtureRequest, browser: Browser, product: Product) -> Iterator[Page]:
    """A browser that accepts the certificate of the tests' provider."""
    context = browser.new_context(
        base_url=product.portal, java_script_enabled=request.param, ignore_https_errors=True, locale="en-US"
    )
    context.set_default_timeout(WAIT_MILLISECONDS)
    yield context.new_page()
    context.close()


def sign_in_at_provider(page: Page) -> None:
    page.get_by_label("User name").fill("alice")
    page.get_by_role("button", name="Sign in").click()


def test_address_leads_to_the_provider_and_back(page: Page) -> None:
    page.goto("/sessions/")
    by_password = page.get_by_role("button", name="Sign in", exact=True).bounding_box()
    by_provider = page.get_by_role("link", name="Sign in with single sign-on").bounding_box()
    assert by_password is not None
    assert by_provider is not None
    assert by_provider["y"] - by_password["y"] - by_password["height"] >= 8, "the buttons touch"
    page.get_by_role("link", name="Sign in with single sign-on").click()
    page.get_by_label("E-mail address").fill("alice@acme.example")
    page.keyboard.press("Enter")
    # The page "Continue to localhost" goes on by itself.
    sign_in_at_provider(page)
    expect(page).to_have_url("/sessions/")
    expect(page.get_by_text("alice@acme.example").first).to_be_visible()

    page.get_by_role("button", name="Sign out", exact=True).click()
    expect(page.get_by_role("link", name="Also sign out at localhost")).to_be_visible()


def test_bookmark_leads_straight_to_the_provider(page: Page) -> None:
    page.goto("/sign-in/single-sign-on?organization=acme&next=/sessions/")
    sign_in_at_provider(page)
    expect(page).to_have_url("/sessions/")
    # The provider's own session answers the second time.
    page.context.clear_cookies(name="watchword_session")
    page.goto("/sign-in/single-sign-on?organization=acme&next=/sessions/")
    expect(page).to_have_url("/sessions/")
