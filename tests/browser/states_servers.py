"""The page of the OAuth 2.0 authorization servers: its states, its dialogs, and what stands there for who may not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from browser.studio import State
from kit import sample_portal
from kit.sample_portal import PROD_OKTA, STANDBY
from watchword.control.base.actor import command_line
from watchword.control.organizations.commands import Suspend
from watchword.control.organizations.models import SuspensionReason

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from watchword.control.identity.models import Person


def empty() -> Person:
    sample_portal.acme()
    return sample_portal.alice()


def one() -> Person:
    alice = empty()
    sample_portal.age(sample_portal.add(sample_portal.acting(alice), PROD_OKTA), fetched_minutes_ago=2)
    return alice


def two() -> Person:
    alice = one()
    sample_portal.age(sample_portal.add(sample_portal.acting(alice), STANDBY), fetched_minutes_ago=4)
    return alice


def _failing() -> Person:
    alice = empty()
    server = sample_portal.add(sample_portal.acting(alice), PROD_OKTA)
    sample_portal.age(server, fetched_minutes_ago=14, failing=True)
    return alice


def _suspended() -> Person:
    alice = two()
    Suspend(organization_id=sample_portal.ACME, reason=SuspensionReason.API_CALL_THRESHOLD_EXCEEDED).run(command_line())
    return alice


def _expired() -> Person:
    alice = one()
    sample_portal.expire()
    return alice


def _without_permission() -> Person:
    sample_portal.acme()
    return sample_portal.bob()


def _press_add(page: Page) -> None:
    page.get_by_role("button", name="Add Authorization Server").click()
    page.get_by_role("dialog").wait_for()


def _type(page: Page, location: str) -> None:
    _press_add(page)
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name", exact=True).fill("ProdOkta")
    dialog.get_by_label("Description", exact=True).fill("Batch jobs and partner integrations")
    dialog.get_by_label("OAuth 2.0 JWKS Location").fill(location)
    dialog.get_by_role("button", name="Validate").click()
    dialog.get_by_role("group", name="Result of the validation").wait_for()


def _validate_well(page: Page) -> None:
    _type(page, sample_portal.LOCATION)


def _validate_to_save(page: Page) -> None:
    _validate_well(page)
    page.get_by_label("Audience URI").scroll_into_view_if_needed()
    page.get_by_label("Client ID").scroll_into_view_if_needed()


def _validate_badly(page: Page) -> None:
    _type(page, sample_portal.UNKNOWN_AUTHORITY)


def _wait_for_validation(page: Page) -> None:
    _press_add(page)
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name", exact=True).fill("SlowPingFederate")
    dialog.get_by_label("OAuth 2.0 JWKS Location").fill(sample_portal.SLOW)
    dialog.get_by_role("button", name="Validate").click()
    dialog.get_by_text("Validating: address").wait_for()


def _save_refused(page: Page) -> None:
    _validate_well(page)
    page.get_by_label("Name", exact=True).fill("Prod Okta")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("alert").wait_for()


def _save(page: Page) -> None:
    _validate_well(page)
    page.get_by_label("Audience URI").fill("https://api.example.com")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Added ProdOkta.").wait_for()


def _expand(page: Page) -> None:
    page.get_by_role("button", name="signing keys of ProdOkta").click()


def _edit(page: Page) -> None:
    page.get_by_role("button", name="Edit ProdOkta").click()
    page.get_by_role("dialog").wait_for()


def _edit_too_late(page: Page) -> None:
    """Another administrator saves between the opening of the dialog and Save."""
    _edit(page)
    elsewhere = page.context.new_page()
    elsewhere.goto(page.url)
    _edit(elsewhere)
    elsewhere.get_by_label("Audience URI").fill("https://orders.example.com")
    elsewhere.get_by_role("button", name="Save").click()
    elsewhere.get_by_text("Saved ProdOkta.").wait_for()
    elsewhere.close()
    page.get_by_label("Audience URI").fill("https://api.example.com/v2")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("alert").wait_for()


def _ask_to_delete(page: Page) -> None:
    page.get_by_role("button", name="Delete ProdOkta").click()
    page.get_by_role("alertdialog").wait_for()


def _ask_to_enable(page: Page) -> None:
    page.get_by_role("button", name="Enable StandbyKeycloak").click()
    page.get_by_role("alertdialog").wait_for()


def _ask_to_disable(page: Page) -> None:
    page.get_by_role("button", name="Disable ProdOkta").click()
    page.get_by_role("alertdialog").wait_for()


def _open_rail(page: Page) -> None:
    menu = page.get_by_role("button", name="Open the navigation")
    if menu.is_visible():
        menu.click()


def _ask_to_discard(page: Page) -> None:
    _press_add(page)
    page.get_by_role("dialog").get_by_label("Name", exact=True).fill("ProdPing")
    page.keyboard.press("Escape")
    page.get_by_role("alertdialog").wait_for()


def _session_over(page: Page) -> None:
    _press_add(page)
    page.get_by_role("dialog").get_by_label("Name", exact=True).fill("ProdPing")
    page.context.clear_cookies(name="watchword_session")
    page.get_by_role("button", name="Validate").click()
    page.get_by_role("dialog", name="Sign in again").wait_for()


STATES: Final = (
    State("servers-empty", empty, whole=True, sentence="No authorization server yet: what to do, and where to look."),
    State("servers-one", one, whole=True, sentence="One server, enabled."),
    State("servers-two", two, sentence="Two servers, one of them enabled; a third cannot be added."),
    State("servers-keys", two, _expand, whole=True, sentence="A server opened to its signing keys."),
    State("servers-failing", _failing, _expand, whole=True, sentence="The key set cannot be fetched; old keys serve."),
    State("servers-suspended", _suspended, sentence="The organization is suspended: all is readable, nothing changes."),
    State("servers-expired", _expired, sentence="The API subscription has expired: changes are locked."),
    State("servers-no-permission", _without_permission, sentence="A role without API Key Management."),
    State("servers-rail", one, _open_rail, sentence="The navigation; on a narrow screen it is opened by a button."),
    State("servers-add", one, _press_add, sentence="Add Authorization Server: there is no Save before validation."),
    State("servers-add-validating", one, _wait_for_validation, sentence="A validation that takes longer than usual."),
    State("servers-add-validated", one, _validate_well, sentence="The steps of a validation that passed, and Save."),
    State("servers-add-blank", empty, _validate_to_save, sentence="No claim is required: confirm first."),
    State("servers-add-failed", one, _validate_badly, sentence="An unrecognized certificate authority, and remedies."),
    State("servers-add-refused", one, _save_refused, sentence="A refused Save keeps what was typed."),
    State("servers-added", empty, _save, sentence="A server was added: the row, and the notice of it."),
    State("servers-edit", two, _edit, sentence="Edit Authorization Server, with its caution."),
    State(
        "servers-edit-stale",
        two,
        _edit_too_late,
        sentence="Another administrator saved first: who, when and what differs.",
    ),
    State("servers-add-discard", one, _ask_to_discard, sentence="Closing a dialog with typed text asks first."),
    State("servers-add-sign-in-again", one, _session_over, sentence="The session ended; what was typed stays."),
    State("servers-delete", two, _ask_to_delete, sentence="Delete asks, and says what stops."),
    State("servers-enable", two, _ask_to_enable, sentence="Enabling one server disables the other, after asking."),
    State("servers-disable", two, _ask_to_disable, sentence="Disabling the enabled server, after asking."),
)
