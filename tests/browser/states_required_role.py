"""The API role that a registration requires: in the row, and its choice under More options."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from browser.states_servers import empty
from browser.studio import State
from kit import sample_portal
from kit.api_access import api_role
from kit.sample_portal import PROD_OKTA

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from watchword.control.identity.models import Person


def _requiring() -> Person:
    alice = empty()
    for name in ("Orders", "Billing"):
        api_role(name)
    fields = replace(PROD_OKTA, required_role="Orders")
    sample_portal.age(sample_portal.add(sample_portal.acting(alice), fields), fetched_minutes_ago=2)
    return alice


def _edit(page: Page) -> None:
    page.get_by_role("button", name="Edit ProdOkta").click()
    page.get_by_label("Required API Role").select_option("Billing")
    page.get_by_role("region", name="Save changes").scroll_into_view_if_needed()


STATES: Final = (
    State("servers-role", _requiring, sentence="Tokens must carry an API role, which the row names."),
    State("servers-edit-role", _requiring, _edit, sentence="Another required API role is chosen: before and after."),
)
