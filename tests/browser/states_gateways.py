"""The operator's page of gateways: as it is without any setting, with all of them, and a tab chosen."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from django.urls import reverse

from browser.studio import State
from kit import people

if TYPE_CHECKING:
    from playwright.sync_api import Page


def _choose(label: str, page: Page) -> None:
    page.get_by_role("radio", name=label, exact=True).check()


_PATH: Final = partial(reverse, "console:gateways")

STATES: Final = (
    State("console-gateways", people.operator, path=_PATH, whole=True),
    State(
        "console-gateways-haproxy",
        people.operator,
        partial(_choose, "HAProxy"),
        path=_PATH,
        sentence="A gateway's configuration, filled in for the provider.",
    ),
)
