"""The operator's page of gateways in a real browser: tabs by keyboard and without scripts, Copy and Download."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from kit.browser import portal_page
from kit.portal_pages import set_password
from kit.product import Product
from watchword.gateways import Gateway, gateways
from watchword.gateways.filling import Values, fill

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page, StorageState

pytestmark = [pytest.mark.enable_socket, pytest.mark.timeout(300)]

VALUES = Values(
    routing="path",
    domain="provider.test",
    verifiers=("10.0.0.7:18081", "10.0.0.8:18081"),
    grpc_verifiers=("10.0.0.7:18085", "10.0.0.8:18085"),
    api="orders.internal:9000",
)
SETTINGS = {
    "WATCHWORD_API_URL": "https://provider.test/o/{organization}",
    "WATCHWORD_API_ROUTING": "path",
    "WATCHWORD_API_UPSTREAM": "orders.internal:9000",
    "WATCHWORD_GATEWAY_VERIFIERS": "10.0.0.7:18081,10.0.0.8:18081",
    "WATCHWORD_GATEWAY_GRPC_VERIFIERS": "10.0.0.7:18085,10.0.0.8:18085",
}
GATEWAYS: tuple[Gateway, ...] = tuple(fill(gateway, VALUES).gateway for gateway in gateways())


@dataclass
class Console:
    """A portal, and an operator who has signed in."""

    product: Product
    browser: Browser
    operator: StorageState

    @contextmanager
    def open(self, name: str, *, scripts: bool = True) -> Iterator[Page]:
        with portal_page(
            self.browser, self.product.portal, name=name, scripts=scripts, signed_in=self.operator
        ) as page:
            page.goto("/operator-console/gateways/")
            yield page


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Console]:
    product = Product(tmp_path_factory.mktemp("gateways"), settings=SETTINGS)
    try:
        product.desk("prepare", json.dumps({}))
        link = product.desk("watchword", "operator", "create", "operator@provider.example").strip()
        product.start("portal")
        with portal_page(browser, product.portal, name="operator") as page:
            set_password(page, link)
            operator = page.context.storage_state()
        yield Console(product, browser, operator)
    finally:
        product.close()


def names(gateway: Gateway) -> list[str]:
    return [file.name for file in gateway.files]


def choose(page: Page, gateway: Gateway) -> None:
    page.get_by_role("radio", name=gateway.label, exact=True).check()


def shown(page: Page) -> list[str]:
    """The names of the files that can be seen."""
    return page.locator(".snippets .snippet-head:visible .mono").all_inner_texts()


def pasted(page: Page) -> str:
    """What Ctrl+V gives, in a tab of no page: the portal's own pages may not read the clipboard."""
    blank = page.context.new_page()
    blank.set_content("<textarea autofocus></textarea>")
    blank.locator("textarea").press("ControlOrMeta+V")
    text = blank.locator("textarea").input_value()
    blank.close()
    return text


@pytest.mark.parametrize("scripts", [True, False])
def test_fm_03_each_tab_shows_its_texts_with_the_real_addresses(console: Console, *, scripts: bool) -> None:
    with console.open(f"tabs-{scripts}", scripts=scripts) as page:
        assert shown(page) == names(GATEWAYS[0])
        for gateway in GATEWAYS:
            choose(page, gateway)
            assert shown(page) == names(gateway)
            for file in gateway.files:
                code = page.get_by_role("region", name=f"{file.name} for {gateway.label}", exact=True).locator("code")
                assert code.text_content() == file.text


def test_arrow_keys_go_from_tab_to_tab(console: Console) -> None:
    with console.open("tabs-by-keyboard") as page:
        page.get_by_role("radio", name=GATEWAYS[0].label, exact=True).focus()
        for gateway in (*GATEWAYS[1:], GATEWAYS[0]):
            page.keyboard.press("ArrowRight")
            expect(page.get_by_role("radio", name=gateway.label, exact=True)).to_be_checked()
            assert shown(page) == names(gateway)


def test_copy_copies_the_whole_text(console: Console) -> None:
    haproxy = next(gateway for gateway in GATEWAYS if gateway.name == "haproxy")
    with console.open("copy") as page:
        choose(page, haproxy)
        for file in haproxy.files:
            button = page.get_by_role("button", name=f"Copy {file.name} for HAProxy")
            button.click()
            expect(button).to_have_attribute("data-done", "")
            assert pasted(page) == file.text
        button = page.get_by_role("button", name="Copy Command for A bad token")
        button.click()
        expect(button).to_have_attribute("data-done", "")
        change, call = pasted(page).splitlines()
        assert change.startswith('bad=$(printf %s "$TOKEN" | sed ')
        assert call == 'curl --include --header "Authorization: Bearer $bad" https://provider.test/o/acme/'


@pytest.mark.parametrize("scripts", [True, False])
def test_download_saves_the_whole_text(console: Console, *, scripts: bool) -> None:
    with console.open(f"download-{scripts}", scripts=scripts) as page:
        for gateway in GATEWAYS[:2]:
            choose(page, gateway)
            for file in gateway.files:
                with page.expect_download() as waiting:
                    page.get_by_role("link", name=f"Download {file.name} for {gateway.label}").click()
                assert waiting.value.suggested_filename == Path(file.name).name
                assert Path(waiting.value.path()).read_text() == file.text


def test_long_texts_scroll_by_themselves_and_tabs_wrap_on_a_narrow_screen(console: Console) -> None:
    with console.open("narrow") as page:
        page.set_viewport_size({"width": 390, "height": 844})
        for gateway in GATEWAYS:
            choose(page, gateway)
            box = page.get_by_role("radio", name=gateway.label, exact=True).bounding_box()
            assert box is not None
            assert box["x"] + box["width"] <= 390
            for text in page.locator(".snippet-file:visible pre").all():
                assert text.evaluate("pre => pre.clientHeight") <= 430
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_without_scripts_there_is_no_copy(console: Console) -> None:
    with console.open("no-copy", scripts=False) as page:
        expect(page.locator("[data-copy-of]:visible")).to_have_count(0)
