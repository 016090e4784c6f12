"""The provider's name, logo and menu labels on all pages, as text and never as markup."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from django.test import Client

from kit.browser_session import BrowserSession, Shown
from watchword.control import web
from watchword.control.identity.factors.authenticator_app import setup_uri
from watchword.control.identity.factors.passkeys import registration_options
from watchword.settings.load import load_control_settings

if TYPE_CHECKING:
    from pytest_django import Settings

    from watchword.control.identity.models import Person
    from watchword.settings.control import ControlSettings

pytestmark = pytest.mark.django_db

TEMPLATES: Final = sorted(Path(web.__file__).parent.rglob("*.html"))
SVG: Final = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><path d="M0 0h9v9z"/></svg>'

HOSTILE: Final = {
    "product_name": "<b>\"Globex' & Co</b>{{ 7 }}",
    "menu_administration": "<script>alert(1)</script>",
    "menu_api_configuration": "</a><img src=x onerror=alert(2)>",
    "menu_legacy_api": "' onclick='alert(3)",
    "menu_api": '" autofocus onfocus="alert(4)',
    "menu_authorization_servers": "</title><script>alert(5)</script>",
}
OF_ACME: Final = (
    "servers:list",
    "servers:calling",
    "people:administrators",
    "people:roles",
    "api_access:roles",
    "api_access:keys",
    "api_access:company-profile",
    "activity:list",
    "audit:list",
)
OF_PROVIDER: Final = (
    "console:organizations", "console:verifiers", "console:gateways", "console:key-sets", "console:operators",
    "console:api-keys",
    "audit:provider", "people:sessions",
)  # fmt: skip


@pytest.fixture
def logo_file(tmp_path: Path) -> Path:
    path = tmp_path / "logo.svg"
    path.write_bytes(SVG)
    return path


@pytest.fixture
def branded(settings: Settings, logo_file: Path) -> ControlSettings:
    settings.WATCHWORD = load_control_settings(logo_file=logo_file, public_origin="https://portal.example", **HOSTILE)
    return load_control_settings(logo_file=logo_file, **HOSTILE)


def logo_in(page: Shown) -> list[str]:
    """The addresses of all logos on the page."""
    return re.findall(r'<img class="logo"\s+src="([^"]+)"', page.html)


def test_no_template_holds_a_name_that_can_be_set() -> None:
    names = "Watchword|Legacy API|API Configuration|Internet (&amp;|&) SaaS|OAuth 2.0 Authorization Servers"
    assert [path.name for path in TEMPLATES if re.search(names, path.read_text())] == []


@pytest.mark.usefixtures("branded")
@pytest.mark.parametrize("route", OF_ACME)
def test_pages_of_an_organization_show_the_brand_as_text(alice: Person, route: str) -> None:
    page = BrowserSession.of(alice).get(route, "acme")
    assert page.status == 200
    for name, text in HOSTILE.items():
        assert text not in page.html
        assert escape(text) in page.html or name == "menu_authorization_servers"
    assert "Watchword" not in page.html
    assert f" · {escape(HOSTILE['product_name'])}</title>" in page.html
    assert len(logo_in(page)) == 2


def test_authenticators_know_the_portal_by_the_brand(alice: Person, branded: ControlSettings) -> None:
    options, _ = registration_options(alice)

    assert options["rp"]["name"] == branded.product_name
    assert "Watchword" not in setup_uri("ABC", alice)


@pytest.mark.usefixtures("branded", "acme")
@pytest.mark.parametrize("route", OF_PROVIDER)
def test_pages_of_the_provider_show_the_brand_as_text(operator: Person, route: str) -> None:
    page = BrowserSession.of(operator).get(route)
    assert page.status == 200
    # The texts for gateways name the headers of verifiers, which stay.
    assert "Watchword" not in re.sub(r"<pre.*?</pre>", "", page.html, flags=re.DOTALL)
    assert f" · {escape(HOSTILE['product_name'])}</title>" in page.html
    assert HOSTILE["product_name"] not in page.html


@pytest.mark.usefixtures("branded")
def test_tab_headings_and_breadcrumbs_have_the_labels(alice: Person) -> None:
    page = BrowserSession.of(alice).get("servers:list", "acme").html
    tabs, api = escape(HOSTILE["menu_authorization_servers"]), escape(HOSTILE["menu_api"])
    assert f'aria-current="page">{tabs}</a>' in page
    assert re.search(rf"<h1>\s*{re.escape(api)}\s*</h1>", page)
    assert f"<title>{tabs} · acme" in page.lower()
    crumbs = re.search(r'aria-label="Breadcrumb">(.+?)</nav>', page, re.DOTALL)
    assert crumbs is not None
    menu = ("menu_administration", "menu_api_configuration", "menu_legacy_api", "menu_api")
    assert re.findall(r"<li><span[^>]*>(.*?)</span>", crumbs[1]) == [escape(HOSTILE[name]) for name in menu]


@pytest.mark.usefixtures("branded")
@pytest.mark.parametrize(("path", "status"), [("/sign-in", 200), ("/sign-in/unknown", 404), ("/nowhere/at/all/", 404)])
def test_pages_without_a_rail_show_the_brand(client: Client, path: str, status: int) -> None:
    page = Shown(client.get(path))
    assert page.status == status
    assert "Watchword" not in page.html
    assert f" · {escape(HOSTILE['product_name'])}</title>" in page.html
    assert f"{HOSTILE['product_name']} Admin Portal" in page.text
    assert len(logo_in(page)) == 1


@pytest.mark.usefixtures("branded")
def test_expired_form_and_failing_page_show_the_brand(settings: Settings) -> None:
    browser = Client(enforce_csrf_checks=True, raise_request_exception=False)
    assert escape(HOSTILE["product_name"]) in Shown(browser.post("/sign-in", {})).html
    settings.LOGIN_URL = "nowhere:at-all"
    failed = Shown(browser.get("/sessions/"))
    assert failed.status == 500
    assert escape(HOSTILE["product_name"]) in failed.html


def test_logo_is_served_as_it_was_checked(client: Client, branded: ControlSettings, logo_file: Path) -> None:
    page = Shown(client.get("/sign-in"))
    (url,) = logo_in(page)
    assert f'<link rel="icon" type="image/svg+xml" href="{url}">' in page.html
    logo_file.write_text("<script>alert(1)</script>")
    answer = client.get(url)
    assert branded.logo_file is not None
    assert answer.content == branded.logo_file.content == SVG
    assert answer["Content-Type"] == "image/svg+xml"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self'; ")
    assert answer["Cache-Control"] == "public, max-age=31536000, immutable"
    assert "Set-Cookie" not in answer


@pytest.mark.usefixtures("branded")
def test_logo_of_another_name_is_not_found(client: Client) -> None:
    (url,) = logo_in(Shown(client.get("/sign-in")))
    assert client.get(url.replace(".svg", ".png")).status_code == 404
    assert client.post(url).status_code == 405


def test_without_a_logo_the_portal_has_its_own_mark(client: Client) -> None:
    page = Shown(client.get("/sign-in"))
    assert logo_in(page) == []
    assert '<svg class="mark"' in page.html
    assert "Watchword Admin Portal" in page.text
    assert "<title>Sign in · Watchword</title>" in page.html
