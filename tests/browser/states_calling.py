"""The page that tells an organization's developers how to call the API."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from django.urls import reverse

from browser.states_servers import one
from browser.studio import State
from kit import sample_portal

if TYPE_CHECKING:
    from playwright.sync_api import Page


def _choose(label: str, page: Page) -> None:
    page.get_by_role("radio", name=label, exact=True).check()


_PATH: Final = partial(reverse, "servers:calling", args=[sample_portal.ACME])

STATES: Final = (
    State("calling", one, path=_PATH, whole=True, sentence="How a client calls the API, and what refusals mean."),
    State("calling-java", one, partial(_choose, "Java"), path=_PATH),
)
