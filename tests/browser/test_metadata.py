"""Use its jwks_uri and issuer, Find from issuer, and Undo, with scripts and without."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from kit.key_server import Behaviour, Conversation, KeyServer, serves
from kit.portal_alone import ALICE, CHARLIE, GOOD_KEYS, Portal, running_portal
from kit.portal_pages import VALIDATION_MILLISECONDS, Registration, ServerDialog, ServersPage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Locator, Page, Route

pytestmark = [pytest.mark.enable_socket, pytest.mark.timeout(180)]

WITH_AND_WITHOUT_SCRIPTS = pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])


@pytest.fixture(scope="module")
def portal(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    with running_portal(tmp_path_factory.mktemp("portal"), browser) as running:
        yield running


def issuer_of(server: KeyServer) -> str:
    return server.location_at("127.0.0.1", "")


def publishes(server: KeyServer, **changes: Any) -> Behaviour:
    """The key set at its location, the metadata at every other path."""
    issuer = issuer_of(server)

    def on_request(conversation: Conversation) -> None:
        of_keys = conversation.request.startswith(b"GET /keys ")
        document = {"issuer": issuer, "jwks_uri": server.location, **changes}
        serves(GOOD_KEYS if of_keys else document).on_request(conversation)

    return Behaviour(on_request)


def button(dialog: ServerDialog, name: str) -> Locator:
    return dialog.dialog.get_by_role("button", name=name, exact=True)


def typed(portal: Portal, page: Page, **changes: str) -> tuple[ServerDialog, Registration]:
    portal.keys.behaviour = publishes(portal.keys)
    registration = portal.registration(**changes)
    dialog = ServersPage(page).add()
    dialog.fill(registration)
    return dialog, registration


@WITH_AND_WITHOUT_SCRIPTS
def test_a_pasted_metadata_address_leads_to_the_key_set(portal: Portal, scripts: bool) -> None:  # noqa: FBT001
    pasted = f"{issuer_of(portal.keys)}/.well-known/openid-configuration"
    with portal.open(ALICE, f"use-metadata-{scripts}", scripts=scripts) as page:
        dialog, registration = typed(portal, page, jwks_location=pasted, issuer="https://other.example/")
        dialog.validate()
        dialog.expect_step("The server answered with the authorization server's metadata")
        result = dialog.dialog.get_by_role("group", name="Result of the validation")
        expect(result.get_by_role("definition").filter(has_text=portal.keys.location)).to_be_visible()
        expect(dialog.save_button).to_have_count(0)

        button(dialog, "Use its jwks_uri and issuer").click()
        filled = portal.registration(jwks_location=portal.keys.location, issuer=issuer_of(portal.keys))
        dialog.expect_typed(filled)
        expect(dialog.dialog.get_by_text("https://other.example/")).to_be_visible()
        expect(button(dialog, "Validate")).to_be_focused()
        if scripts:
            expect(page.locator("#announcement")).to_contain_text("Filled in from the metadata")

        button(dialog, "Undo").click()
        dialog.expect_typed(registration)
        expect(button(dialog, "Undo")).to_have_count(0)

        with page.expect_response("**/validate/"):
            dialog.validate()
        button(dialog, "Use its jwks_uri and issuer").click()
        # A click on Validate before the fields are filled in would validate what stood there before.
        dialog.expect_typed(filled)
        dialog.validate()
        dialog.expect_validated()
        expect(button(dialog, "Undo")).to_be_visible()
        dialog.save_button.click()
        expect(page.get_by_text("Added ProdOkta.")).to_be_visible()
        delete(page)


def delete(page: Page) -> None:
    page.reload()
    page.get_by_role("button", name="Delete ProdOkta", exact=True).click()
    page.get_by_role("alertdialog").get_by_role("button", name="OK", exact=True).click()
    expect(page.get_by_text("0 of 2 used")).to_be_visible()


@WITH_AND_WITHOUT_SCRIPTS
def test_the_issuer_leads_to_the_key_set(portal: Portal, scripts: bool) -> None:  # noqa: FBT001
    issuer = issuer_of(portal.keys)
    with portal.open(CHARLIE, f"find-{scripts}", scripts=scripts) as page:
        dialog, registration = typed(portal, page, jwks_location="", issuer=f"{issuer}/")
        button(dialog, "Find from issuer").click()
        field = dialog.field("Issuer URI")
        expect(dialog.dialog.get_by_text(f"“{issuer}” and not “{issuer}/”")).to_be_visible()
        expect(field).to_have_attribute("aria-invalid", "true")
        dialog.expect_typed(registration)

        field.fill(issuer)
        button(dialog, "Find from issuer").click()
        dialog.expect_typed(portal.registration(jwks_location=portal.keys.location, issuer=issuer))
        dialog.validate()
        dialog.expect_validated()
        if scripts:
            page.keyboard.press("Escape")
            question = page.get_by_role("alertdialog", name="Discard what you typed?")
            question.get_by_role("button", name="Keep typing").click()
            dialog.expect_typed(portal.registration(jwks_location=portal.keys.location, issuer=issuer))


def hold(page: Page, path: str, pressed: Locator) -> Route:
    """Press a button whose request waits in the browser until it is continued."""
    routes: list[Route] = []
    page.route(path, lambda route: routes.append(route))  # noqa: PLW0108 - Playwright marks its handlers.
    with page.expect_request(path):
        pressed.click()
    expect(pressed).to_have_class(re.compile("htmx-request"))
    return routes[0]


def go_on(page: Page, path: str, route: Route) -> None:
    with page.expect_response(path):
        route.continue_()
    page.unroute(path)


def test_typing_during_the_search_is_not_lost(portal: Portal) -> None:
    with portal.open(CHARLIE, "find-slowly") as page:
        dialog, _ = typed(portal, page, jwks_location="", issuer=issuer_of(portal.keys))
        find = button(dialog, "Find from issuer")
        route = hold(page, "**/find/", find)
        dialog.field("Description").fill("Typed meanwhile")
        expect(dialog.dialog.get_by_text("You kept typing")).to_be_visible()
        go_on(page, "**/find/", route)
        expect(find).not_to_have_class(re.compile("htmx-request"))
        expect(dialog.field("Description")).to_have_value("Typed meanwhile")
        find.click()
        expect(dialog.field("OAuth 2.0 JWKS Location")).to_have_value(
            portal.keys.location, timeout=VALIDATION_MILLISECONDS
        )
        expect(dialog.field("Description")).to_have_value("Typed meanwhile")


def test_a_certificate_typed_during_a_validation_is_not_lost(portal: Portal) -> None:
    with portal.open(ALICE, "validate-slowly") as page:
        dialog, _ = typed(portal, page)
        dialog.dialog.get_by_text("CA certificate", exact=True).click()
        route = hold(page, "**/validate/", button(dialog, "Validate"))
        dialog.field("CA certificate").fill("Typed meanwhile")
        go_on(page, "**/validate/", route)
        expect(page.locator("#announcement")).to_have_text("The settings have changed since. Validate again")
        expect(dialog.field("CA certificate")).to_have_value("Typed meanwhile")
        expect(dialog.save_button).to_have_count(0)


def test_what_was_found_at_one_location_is_not_offered_beside_another(portal: Portal) -> None:
    with portal.open(ALICE, "offer-gone") as page:
        dialog, _ = typed(portal, page, jwks_location=f"{issuer_of(portal.keys)}/.well-known/openid-configuration")
        dialog.validate()
        expect(button(dialog, "Use its jwks_uri and issuer")).to_be_visible(timeout=VALIDATION_MILLISECONDS)
        dialog.field("OAuth 2.0 JWKS Location").press("End")
        dialog.field("OAuth 2.0 JWKS Location").type("x")
        expect(button(dialog, "Use its jwks_uri and issuer")).to_have_count(0)
