"""The states of the dialog around certificates: unknown, shown, trusted, attached, switched off."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from browser.studio import State
from kit import authorities, sample_portal
from kit.sample_portal import PROD_OKTA

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from watchword.control.identity.models import Person


def _nothing() -> Person:
    sample_portal.acme()
    return sample_portal.alice()


def _attached(pem: str, *, verify_certificate: bool = True) -> Person:
    alice = _nothing()
    fields = replace(
        PROD_OKTA,
        jwks_location=sample_portal.UNKNOWN_AUTHORITY,
        authority=pem,
        verify_certificate=verify_certificate,
    )
    sample_portal.age(sample_portal.add(sample_portal.acting(alice), fields), fetched_minutes_ago=2)
    return alice


def _one_attached() -> Person:
    return _attached(sample_portal.private_root().pem)


def _one_ending() -> Person:
    return _attached(authorities.issue("Acme Root G1", expires_in_days=9).pem)


def _one_switched_off() -> Person:
    return _attached(sample_portal.private_root().pem, verify_certificate=False)


def _type(page: Page, location: str) -> None:
    page.get_by_role("button", name="Add Authorization Server").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name", exact=True).fill("ProdOkta")
    dialog.get_by_label("OAuth 2.0 JWKS Location").fill(location)


def _validate(page: Page, location: str) -> None:
    _type(page, location)
    page.get_by_role("button", name="Validate", exact=True).click()
    page.get_by_role("group", name="Result of the validation").wait_for()


def _unknown(page: Page) -> None:
    _validate(page, sample_portal.UNKNOWN_AUTHORITY)


def _offered(page: Page) -> None:
    _unknown(page)
    page.get_by_role("button", name="Trust this CA certificate").scroll_into_view_if_needed()


def _trusted(page: Page) -> None:
    _unknown(page)
    page.get_by_role("button", name="Trust this CA certificate").click()
    page.get_by_role("list", name="Attached CA certificates").wait_for()
    page.get_by_role("list", name="Attached CA certificates").scroll_into_view_if_needed()


def _validated(page: Page) -> None:
    _trusted(page)
    page.get_by_role("button", name="Validate", exact=True).click()
    page.get_by_role("button", name="Save").wait_for()


def _self_signed(page: Page) -> None:
    _validate(page, sample_portal.SELF_SIGNED)
    page.get_by_role("button", name="Trust this certificate").scroll_into_view_if_needed()


def _without_root(page: Page) -> None:
    _validate(page, sample_portal.WITHOUT_ROOT)
    page.get_by_text("The server does not send its root").scroll_into_view_if_needed()


def _expired(page: Page) -> None:
    _validate(page, sample_portal.EXPIRED)


def _refused(page: Page) -> None:
    _type(page, sample_portal.UNKNOWN_AUTHORITY)
    page.get_by_text("CA certificate", exact=True).click()
    page.get_by_label("CA certificate").fill(sample_portal.private_root().key_pem)
    page.get_by_role("button", name="Validate", exact=True).click()
    page.get_by_text("DANGER").last.scroll_into_view_if_needed()


def _edit(page: Page) -> None:
    page.get_by_role("button", name="Edit ProdOkta").click()
    page.get_by_role("list", name="Attached CA certificates").scroll_into_view_if_needed()


def _fresh(page: Page) -> None:
    _type(page, "")
    page.get_by_label("Client ID").scroll_into_view_if_needed()


STATES: Final = (
    State("authority-fresh", _nothing, _fresh),
    State("authority-unknown", _nothing, _unknown),
    State("authority-offered", _nothing, _offered),
    State("authority-trusted", _nothing, _trusted),
    State("authority-validated", _nothing, _validated),
    State("authority-self-signed", _nothing, _self_signed),
    State("authority-without-root", _nothing, _without_root),
    State("authority-expired", _nothing, _expired),
    State("authority-refused", _nothing, _refused),
    State("authority-attached", _one_attached),
    State("authority-ending", _one_ending),
    State("authority-edit", _one_attached, _edit),
    State("authority-edit-ending", _one_ending, _edit),
    State("authority-off", _one_switched_off),
    State("authority-edit-off", _one_switched_off, _edit),
)
