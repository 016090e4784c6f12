"""The page of the authorization servers where tokens of others are, or would be, accepted."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from playwright.sync_api import expect

from browser.states_servers import empty, one
from browser.studio import State
from kit import sample_portal
from kit.sample_portal import GITLAB, GOOGLE, PROD_OKTA, STANDBY

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from watchword.control.identity.models import Person

_OPEN: Final = replace(PROD_OKTA, audience="", issuer="", client_id="", accept_any=True)
_GOOGLE: Final = replace(
    STANDBY,
    name="GoogleSignIn",
    jwks_location=GOOGLE,
    verify_certificate=True,
    client_id="",
    audience="acme.apps.googleusercontent.com",
    accept_anybody=True,
)


def _both() -> Person:
    alice = empty()
    sample_portal.age(sample_portal.add(sample_portal.acting(alice), _OPEN), fetched_minutes_ago=2)
    sample_portal.age(sample_portal.add(sample_portal.acting(alice), _GOOGLE), fetched_minutes_ago=3)
    return alice


def _disabled() -> Person:
    alice = one()
    open_one = replace(_OPEN, name="StandbyOkta", enabled=False)
    sample_portal.age(sample_portal.add(sample_portal.acting(alice), open_one), fetched_minutes_ago=2)
    return alice


def _validate(page: Page, location: str, audience: str = "") -> None:
    page.get_by_role("button", name="Add Authorization Server").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name", exact=True).fill("PublicSignIn")
    dialog.get_by_label("Audience URI").fill(audience)
    dialog.get_by_label("OAuth 2.0 JWKS Location").fill(location)
    dialog.get_by_role("button", name="Validate").click()
    dialog.get_by_role("group", name="Result of the validation").wait_for()


def _told(page: Page) -> None:
    _validate(page, GOOGLE)


def _refused(page: Page) -> None:
    _validate(page, GITLAB)
    page.get_by_role("button", name="Save").click()
    page.get_by_role("alert").wait_for()
    # All three are blank, but no yes would help here.
    expect(page.get_by_label("Accept every token that this server signs")).to_be_hidden()
    page.get_by_label("Client ID").scroll_into_view_if_needed()


def _asked(page: Page) -> None:
    _validate(page, GOOGLE, "acme.apps.googleusercontent.com")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("alert").wait_for()
    page.get_by_label("Accept tokens that anyone can request").scroll_into_view_if_needed()


def _expand(page: Page) -> None:
    page.get_by_role("button", name="signing keys of ProdOkta").click()


def _enable(page: Page) -> None:
    page.get_by_role("button", name="Enable StandbyOkta").click()
    page.get_by_role("alertdialog").wait_for()


def _enable_without(page: Page) -> None:
    _enable(page)
    page.get_by_role("button", name="Enable", exact=True).click()
    page.get_by_role("alert").wait_for()


STATES: Final = (
    State("servers-accepts-others", _both, _expand, whole=True, sentence="Tokens of others are accepted, knowingly."),
    State("servers-shared-told", empty, _told, sentence="Keys that sign for the whole world: what Save needs."),
    State(
        "servers-shared-refused", empty, _refused, sentence="Nothing tells one's own tokens: refused with the reason."
    ),
    State("servers-shared-asked", empty, _asked, sentence="Anyone can request such a token: confirm first."),
    State("servers-enable-any", _disabled, _enable, sentence="Enabling what accepts every token asks for a yes."),
    State("servers-enable-any-refused", _disabled, _enable_without, sentence="Without that yes it is not enabled."),
)
