"""FP-01: text typed as soon as a dialog appears stays in its field, and the console stays empty."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from kit.portal_alone import ALICE, Portal, running_portal
from kit.portal_pages import ServersPage
from kit.soak import length

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page, Route

pytestmark = [pytest.mark.enable_socket, pytest.mark.timeout(180), pytest.mark.soak]

TIMES = length(4, 12)
# The quickest person possible: in the field as soon as it is in the page.
AT_ONCE = """() => new MutationObserver(() => document.getElementById("id_description")?.focus())
    .observe(document.getElementById("dialog"), { childList: true })"""


@pytest.fixture(scope="module")
def portal(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    with running_portal(tmp_path_factory.mktemp("portal"), browser) as running:
        with running.open(ALICE, "registering") as page:
            register(running, page, "ProdOkta")
        yield running


def register(portal: Portal, page: Page, name: str) -> None:
    dialog = ServersPage(page).add()
    dialog.fill(portal.registration(name=name, enable=name == "ProdOkta"))
    dialog.validate()
    dialog.expect_validated()
    dialog.save()


@pytest.fixture
def page(portal: Portal, request: pytest.FixtureRequest) -> Iterator[Page]:
    with portal.open(ALICE, request.node.name) as opened:
        yield opened


def test_field_p_text_typed_at_once_stays_in_its_field(page: Page) -> None:
    page.evaluate(AT_ONCE)
    for _ in range(TIMES):
        page.get_by_role("button", name="Edit ProdOkta", exact=True).click()
        dialog = page.get_by_role("dialog", name="Edit Authorization Server")
        dialog.wait_for()
        page.keyboard.type("Typed")
        expect(dialog.get_by_label("Name", exact=True)).to_have_value("ProdOkta")
        expect(dialog.get_by_label("Description", exact=True)).to_be_focused()
        assert "Typed" in dialog.get_by_label("Description", exact=True).input_value()
        page.reload()
        page.evaluate(AT_ONCE)


def test_field_p_dialog_is_modal_before_it_is_painted(page: Page) -> None:
    """Everything happens in the task that puts the dialog into the page."""
    page.evaluate(
        """() => new MutationObserver(() => {
            const dialog = document.querySelector("dialog");
            if (dialog === null) return;
            window.seen = [dialog.matches(":modal"), dialog.contains(document.activeElement)];
        }).observe(document.getElementById("dialog"), { childList: true })"""
    )
    page.get_by_role("button", name="Edit ProdOkta", exact=True).click()
    page.get_by_role("dialog").wait_for()
    assert page.evaluate("window.seen") == [True, True]


def test_field_p_page_with_open_dialog_keeps_the_focus_of_typing(page: Page) -> None:
    def begin_to_type(route: Route) -> None:
        page.locator("#id_description").focus()
        route.continue_()

    page.route("**/dialogs*.js", begin_to_type)
    page.goto(page.url + "add/", wait_until="load")
    dialog = page.get_by_role("dialog", name="Add Authorization Server")
    expect(dialog.get_by_label("Description", exact=True)).to_be_focused()
    assert dialog.evaluate("dialog => dialog.matches(':modal')")
    page.keyboard.type("Typed")
    expect(dialog.get_by_label("Name", exact=True)).to_have_value("")


def test_field_p_save_pressed_during_a_validation_is_carried_out_after_it(portal: Portal, page: Page) -> None:
    """The location is the stored one, so Save is in the dialog from the start."""
    asked: list[Route] = []
    page.route("**/validate/", lambda route: asked.append(route))  # noqa: PLW0108 - Playwright writes on the function.
    servers = ServersPage(page)
    dialog = servers.edit("ProdOkta")
    dialog.field("Description").fill("Saved at once")
    with page.expect_request("**/validate/"):
        dialog.validate()
    dialog.save_button.click()
    asked[0].continue_()
    expect(dialog.dialog).to_be_hidden()
    expect(page.get_by_text("Saved at once")).to_be_visible()


def test_field_p_the_console_stays_empty_across_swaps(portal: Portal, page: Page) -> None:
    said: list[str] = []
    page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
    page.evaluate(
        """() => document.addEventListener("securitypolicyviolation", violation => {
            console.error(`${violation.effectiveDirective} ${violation.blockedURI}`);
        })"""
    )
    servers = ServersPage(page)
    servers.disable("ProdOkta")
    servers.enable("ProdOkta")
    servers.refresh_keys("ProdOkta")
    servers.delete("ProdOkta").get_by_role("button", name="Cancel").click()
    dialog = servers.edit("ProdOkta")
    dialog.field("OAuth 2.0 JWKS Location").fill(portal.registration().jwks_location)
    # As after a person has dragged its corner: its part of the dialog is swapped, and the style must not be copied.
    page.locator("#id_authority").evaluate("field => { field.style.height = '90px'; }")
    dialog.validate()
    dialog.expect_validated()
    dialog.field("Client ID").fill("acme-batch-2")
    dialog.save()
    register(portal, page, "Second")
    servers.delete("Second").get_by_role("button", name="OK", exact=True).click()
    expect(page.get_by_text("1 of 2 used")).to_be_visible()
    assert said == []
