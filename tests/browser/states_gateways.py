"""The settings for gateways, below the list of servers: one picture for each tab."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from browser.states_servers import one
from browser.studio import State

if TYPE_CHECKING:
    from playwright.sync_api import Page


def _choose(label: str, page: Page) -> None:
    page.get_by_role("radio", name=label, exact=True).check()


STATES: Final = tuple(
    State(f"gateway-{label.lower()}", one, partial(_choose, label), whole=True)
    for label in ("nginx", "Traefik", "Caddy", "Envoy", "HAProxy", "Python", "curl")
)
