"""The Audit Logs page in a real browser, over the real asynchronous server: filter, open, export, keyboard."""

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
    from pathlib import Path

    from playwright.sync_api import Browser, Locator, Page, StorageState

pytestmark = [pytest.mark.enable_socket, pytest.mark.timeout(180)]

BOB = "bob@acme.example"
PAGE = "/acme/administration/audit-logs/"


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    running = Product(tmp_path_factory.mktemp("portal"))
    try:
        running.desk("prepare", json.dumps({"acme": {"alice": "API Key Management", "bob": "Audit Logs"}}))
        running.start("portal")
        yield running
    finally:
        running.close()


@pytest.fixture(scope="module")
def signed_in(product: Product, browser: Browser) -> StorageState:
    with portal_page(browser, product.portal, name="audit-sign-in") as page:
        sign_in(page, BOB)
        return page.context.storage_state()


@pytest.fixture
def page(product: Product, browser: Browser, signed_in: StorageState, request: pytest.FixtureRequest) -> Iterator[Page]:
    with portal_page(browser, product.portal, name=request.node.name, signed_in=signed_in) as opened:
        opened.goto(PAGE)
        yield opened


@pytest.fixture
def bare_page(
    product: Product, browser: Browser, signed_in: StorageState, request: pytest.FixtureRequest
) -> Iterator[Page]:
    """The same without scripts."""
    with portal_page(browser, product.portal, name=request.node.name, signed_in=signed_in, scripts=False) as opened:
        opened.goto(PAGE)
        yield opened


def lines(page: Page) -> Locator:
    return page.locator("#log summary")


def test_start_page_is_the_first_permitted_page(page: Page) -> None:
    page.goto("/")
    expect(page).to_have_url(re.compile(f"{PAGE}$"))
    rail = page.get_by_role("navigation", name="Main")
    expect(rail.get_by_role("link", name="Audit Logs")).to_have_attribute("aria-current", "page")


def test_filter_applies_at_once_and_is_in_the_url(page: Page) -> None:
    page.get_by_label("What", exact=True).focus()
    page.get_by_label("What", exact=True).select_option("Create role")
    expect(page).to_have_url(re.compile(r"/audit-logs/\?action=role_created$"))
    expect(lines(page)).to_have_count(2)
    expect(page.get_by_label("What", exact=True)).to_be_focused()
    expect(page.locator("#announcement")).to_have_text("Events shown: 2")
    page.reload()
    expect(lines(page)).to_have_count(2)
    expect(page.get_by_label("What", exact=True)).to_have_value("role_created")
    page.get_by_role("link", name="What: Create role , remove this filter").click()
    expect(page).to_have_url(re.compile(r"/audit-logs/\?$"))
    expect(page.get_by_label("What", exact=True)).to_have_value("")
    page.go_back()
    expect(page.get_by_role("link", name="What: Create role , remove this filter")).to_be_visible()


def test_no_match_is_shown_and_all_filters_can_be_cleared(page: Page) -> None:
    page.get_by_label("Target", exact=True).fill("nowhere")
    page.get_by_label("Target", exact=True).press("Enter")
    expect(page.get_by_role("heading", name="No matching events")).to_be_visible()
    page.get_by_role("link", name="Clear all filters").click()
    expect(lines(page).first).to_be_visible()
    expect(page.get_by_label("Target", exact=True)).to_have_value("")


def test_the_keyboard_alone_opens_an_event(page: Page) -> None:
    page.get_by_label("What", exact=True).select_option("Create role")
    expect(lines(page)).to_have_count(2)
    first = lines(page).first
    first.focus()
    page.keyboard.press("Enter")
    differences = page.get_by_role("table", name="Changed fields")
    expect(differences.get_by_role("row", name="Permissions")).to_contain_text("Audit Logs")
    page.keyboard.press("Space")
    expect(differences).to_be_hidden()
    page.keyboard.press("Tab")
    expect(lines(page).nth(1)).to_be_focused()


def saved(page: Page, form: str, folder: Path) -> str:
    with page.expect_download() as download:
        page.get_by_role("button", name=form, exact=True).click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path.read_text()


def test_an_export_is_what_is_filtered(page: Page, tmp_path: Path) -> None:
    page.get_by_label("What", exact=True).select_option("Create role")
    expect(lines(page)).to_have_count(2)
    events = [json.loads(line) for line in saved(page, "JSON Lines", tmp_path).splitlines()]
    assert [event["action"] for event in events] == ["role_created", "role_created"]
    table = saved(page, "CSV", tmp_path).splitlines()
    assert len(table) == 3
    assert table[0].startswith("Event,Time (UTC),")
    page.reload()
    page.get_by_role("link", name="Clear all filters").click()
    expect(lines(page).first).to_contain_text("Export audit log")


def test_without_scripts_filters_details_and_export_work_too(bare_page: Page, tmp_path: Path) -> None:
    bare_page.get_by_label("What", exact=True).select_option("Create role")
    bare_page.get_by_role("button", name="Filter", exact=True).click()
    expect(lines(bare_page)).to_have_count(2)
    lines(bare_page).first.click()
    expect(bare_page.get_by_role("table", name="Changed fields").first).to_be_visible()
    assert len(saved(bare_page, "JSON Lines", tmp_path).splitlines()) == 2


def test_field_p_the_cells_of_the_differences_stand_under_their_headings(page: Page) -> None:
    page.get_by_label("What", exact=True).select_option("Create role")
    expect(lines(page)).to_have_count(2)
    lines(page).first.click()
    table = page.get_by_role("table", name="Changed fields")
    expect(table).to_be_visible()
    begins = """row => [...row.cells].map(cell => Math.round(cell.getBoundingClientRect().left))"""
    heads, *rows = [row.evaluate(begins) for row in table.get_by_role("row").all()]
    assert len(rows) > 1
    assert all(row == heads for row in rows)


def test_field_p_local_time_is_shown_with_utc(
    product: Product, browser: Browser, signed_in: StorageState, request: pytest.FixtureRequest
) -> None:
    abroad = portal_page(
        browser, product.portal, name=request.node.name, signed_in=signed_in, timezone_id="Asia/Kolkata"
    )
    with abroad as page:
        page.goto(PAGE)
        when = lines(page).first.locator(".event-when")
        expect(when).to_have_text(re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC .*\d\d:\d\d:\d\d \+05:30$"))
        page.get_by_label("What", exact=True).select_option("Create role")
        expect(lines(page)).to_have_count(2)
        expect(page.locator(".event-when .local-time")).to_have_count(2)


def test_moments_become_relative_with_utc_time_as_title(page: Page) -> None:
    show = """(seconds) => {
        const time = document.createElement("time");
        time.dateTime = new Date(Date.now() + seconds * 1000).toISOString();
        time.dataset.relative = "";
        time.textContent = "2026-11-24 09:30:00 UTC";
        document.body.append(time);
        document.body.dispatchEvent(new CustomEvent("htmx:load"));
        return [time.textContent, time.title];
    }"""
    for seconds, words in (
        (20, "just now"),
        (-20, "just now"),
        (-90, "1 minute ago"),
        (-47.5 * 3600, "47 hours ago"),
        (-60 * 3600, "2 days ago"),
        (150, "in 2 minutes"),
        (5.5 * 3600, "in 5 hours"),
        (100 * 3600, "in 4 days"),
    ):
        assert page.evaluate(show, seconds) == [words, "2026-11-24 09:30:00 UTC"]
