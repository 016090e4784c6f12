"""The states of the dialog around authorization server metadata: met, filled in, and what cannot be used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from browser.states_servers import empty
from browser.studio import State
from kit import sample_portal

if TYPE_CHECKING:
    from playwright.sync_api import Page


def _add(page: Page) -> None:
    page.get_by_role("button", name="Add Authorization Server").first.click()
    page.get_by_role("dialog").get_by_label("Name", exact=True).fill("ProdOkta")


def _validate(page: Page, location: str) -> None:
    _add(page)
    page.get_by_label("OAuth 2.0 JWKS Location").fill(location)
    page.get_by_label("Issuer URI").fill("https://login.acme.example/")
    page.get_by_role("button", name="Validate", exact=True).click()
    page.get_by_role("group", name="Result of the validation").wait_for()
    page.locator(".metadata").scroll_into_view_if_needed()


def _offered(page: Page) -> None:
    _validate(page, sample_portal.METADATA)


def _elsewhere(page: Page) -> None:
    _validate(page, sample_portal.FOREIGN_METADATA)


def _unusable(page: Page) -> None:
    _validate(page, sample_portal.UNUSABLE_METADATA)


def _filled(page: Page) -> None:
    _offered(page)
    page.get_by_role("button", name="Use its jwks_uri and issuer").click()
    page.get_by_role("button", name="Undo").wait_for()


def _find(page: Page, issuer: str) -> None:
    _add(page)
    page.get_by_label("Issuer URI").fill(issuer)
    page.get_by_role("button", name="Find from issuer").click()


def _not_found(page: Page) -> None:
    _find(page, f"{sample_portal.PROD_OKTA.issuer}/")
    page.get_by_text("The metadata names another issuer").wait_for()


def _products(page: Page) -> None:
    page.get_by_role("button", name="Add Authorization Server").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("Where to find the values below").click()
    dialog.get_by_text("Microsoft Entra ID", exact=True).click()
    dialog.get_by_text("Documentation of Microsoft Entra ID").scroll_into_view_if_needed()


STATES: Final = (
    State("metadata-offered", empty, _offered, sentence="A metadata address was pasted: what it names can be used."),
    State("metadata-elsewhere", empty, _elsewhere),
    State("metadata-unusable", empty, _unusable),
    State("metadata-filled", empty, _filled),
    State("metadata-products", empty, _products),
    State("metadata-not-found", empty, _not_found),
)
