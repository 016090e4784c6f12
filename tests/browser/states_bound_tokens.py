"""The setting that accepts tokens bound to a key or certificate, and the page's warning while it is on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from browser.states_servers import empty, one
from browser.studio import State
from kit import sample_portal
from kit.sample_portal import PROD_OKTA

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from watchword.control.identity.models import Person


def _accepting() -> Person:
    alice = empty()
    fields = replace(PROD_OKTA, accepts_bound_tokens=True)
    sample_portal.age(sample_portal.add(sample_portal.acting(alice), fields), fetched_minutes_ago=2)
    return alice


def _edit(page: Page) -> None:
    page.get_by_role("button", name="Edit ProdOkta").click()
    page.get_by_role("switch", name="Accept tokens bound to a key or certificate").scroll_into_view_if_needed()


def _turn_off(page: Page) -> None:
    _edit(page)
    page.get_by_role("switch", name="Accept tokens bound to a key or certificate").uncheck()
    page.get_by_role("region", name="Save changes").scroll_into_view_if_needed()


def _open(page: Page) -> None:
    page.get_by_role("button", name="Edit ProdOkta").click()
    page.get_by_text("More options").click()
    page.get_by_role("switch", name="Accept tokens bound to a key or certificate").scroll_into_view_if_needed()


STATES: Final = (
    State("servers-bound", _accepting, sentence="Tokens bound to a key are accepted: the warning in the row."),
    State("servers-edit-bound", _accepting, _edit, sentence="The setting under More options, on, with its warning."),
    State("servers-edit-bound-off", _accepting, _turn_off, sentence="The setting is turned off: before and after."),
    State("servers-edit-more", one, _open, sentence="More options opened in a registration that refuses bound tokens."),
)
