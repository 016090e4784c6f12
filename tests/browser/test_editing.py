"""Editing a server: before and after, the caution, a conflicting edit, and a fetch on request."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Route, expect

from kit.key_server import answers, serves
from kit.portal_alone import ALICE, GOOD_KEYS, Portal, running_portal
from kit.portal_pages import ServersPage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.enable_socket, pytest.mark.timeout(180)]

BESIDE = "TestOkta"
"""Not enabled. Each has a fetch on request of its own, which comes at most once in a while."""


@pytest.fixture(scope="module")
def portal(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    with running_portal(tmp_path_factory.mktemp("portal"), browser) as running:
        running.product.start("worker")
        with running.open(ALICE, "registering") as page:
            for registration in (running.registration(), running.registration(name=BESIDE, enable=False)):
                dialog = ServersPage(page).add()
                dialog.fill(registration)
                dialog.validate()
                dialog.expect_validated()
                dialog.save()
        yield running


@pytest.fixture
def page(portal: Portal, request: pytest.FixtureRequest) -> Iterator[Page]:
    portal.keys.behaviour = serves(GOOD_KEYS)
    with portal.open(ALICE, request.node.name) as opened:
        yield opened


def test_an_edit_shows_each_change_before_and_after(page: Page) -> None:
    dialog = ServersPage(page).edit("ProdOkta")
    changes = dialog.dialog.get_by_role("region", name="Save changes")
    expect(changes).to_have_count(0)
    dialog.field("Client ID").fill("")
    dialog.field("Enable").uncheck()
    expect(changes).to_be_visible()
    expect(changes.locator("dt")).to_have_text(["Enable", "Client ID"])
    expect(changes.locator("dd")).to_have_text(["on → off", "acme-batch → blank"])
    dialog.field("Client ID").fill("acme-batch")
    dialog.field("Enable").check()
    expect(changes).to_have_count(0)


def test_an_edit_of_the_enabled_server_is_cautioned(page: Page) -> None:
    dialog = ServersPage(page).edit("ProdOkta")
    expect(dialog.dialog.get_by_text("This configuration is enabled and in use")).to_be_visible()


def test_stale_edit_keeps_typed_text_and_shows_the_difference(portal: Portal, page: Page) -> None:
    dialog = ServersPage(page).edit("ProdOkta")
    dialog.field("Description").fill("Slower")
    with portal.open(ALICE, "the-quicker-one") as other:
        quicker = ServersPage(other).edit("ProdOkta")
        quicker.field("Description").fill("Quicker")
        quicker.save()
    dialog.save_button.click()
    refusal = dialog.dialog.get_by_role("alert")
    expect(refusal).to_contain_text("alice@acme.example changed this on")
    expect(dialog.field("Description")).to_have_value("Slower")
    expect(refusal.locator("dd")).to_have_text("Quicker → Slower")
    # The second Save is a decision, made with the difference in sight.
    expect(dialog.dialog.get_by_role("region", name="Save changes").locator("dd")).to_have_text("Quicker → Slower")
    dialog.save()
    expect(page.get_by_role("row", name="ProdOkta").get_by_text("Slower")).to_be_visible()


def test_refresh_now_shows_that_it_is_under_way_and_how_it_ended(portal: Portal, page: Page) -> None:
    page.get_by_role("button", name="signing keys of ProdOkta").click()
    portal.keys.behaviour = answers(500)
    page.get_by_role("button", name="Refresh now: ProdOkta").click()
    expect(page.get_by_text("Fetching now")).to_be_visible()
    notice = page.get_by_role("status").filter(has_text="The keys of ProdOkta could not be fetched.")
    expect(notice).to_be_visible(timeout=15_000)
    row = page.get_by_role("row", name="ProdOkta")
    expect(row.get_by_text("Failing since")).to_be_visible()
    # The row is still open and the button has not lost its place.
    expect(page.get_by_role("button", name="Refresh now: ProdOkta")).to_be_focused()


def test_response_for_a_replaced_row_is_dropped(portal: Portal, page: Page) -> None:
    servers, held = ServersPage(page), list[Route]()

    def hold_the_first(route: Route) -> None:
        if held:
            route.continue_()
        else:
            held.append(route)

    page.route("**/fetch/", hold_the_first)
    page.get_by_role("button", name=f"signing keys of {BESIDE}").click()
    with page.expect_request("**/fetch/"):
        page.get_by_role("button", name=f"Refresh now: {BESIDE}").click()
    # The whole list is new from here on. What comes next is about a row of the old one, and brings a notice.
    servers.disable("ProdOkta")
    expect(page.get_by_text("Fetching now")).to_have_count(0, timeout=15_000)
    with page.expect_response("**/fetch/") as answered:
        held[0].continue_()
    assert 'id="toasts"' in answered.value.text()
    # What the page says of faults, such as a notice without a place, is looked at when it is closed.
    servers.enable("ProdOkta")
    expect(page.get_by_role("status").filter(has_text="ProdOkta is enabled")).to_be_visible()


def test_fl_04_bound_tokens_are_accepted_and_refused_under_more_options(page: Page) -> None:
    warning = page.get_by_text("Tokens bound to a key or certificate are accepted without proof of possession.")
    expect(warning).to_have_count(0)

    dialog = ServersPage(page).edit("ProdOkta")
    setting = dialog.dialog.get_by_role("switch", name="Accept tokens bound to a key or certificate")
    consequence = dialog.dialog.get_by_text("On: a stolen token of this kind can be used")
    expect(setting).to_have_count(0)
    dialog.dialog.get_by_text("More options").click()
    expect(setting).not_to_be_checked()
    expect(consequence).to_be_hidden()
    setting.check()
    expect(consequence).to_be_visible()
    dialog.save()
    expect(warning).to_be_visible()

    dialog = ServersPage(page).edit("ProdOkta")
    # Open at once, so that the administrator finds what the warning names.
    expect(setting).to_be_checked()
    setting.uncheck()
    expect(dialog.dialog.get_by_role("region", name="Save changes").locator("dd")).to_have_text("on → off")
    dialog.save()
    expect(warning).to_have_count(0)
