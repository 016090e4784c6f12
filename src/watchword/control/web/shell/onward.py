"""Addresses that a browser names for the way onward: only the portal's own."""

from __future__ import annotations

from typing import Final

from django.utils.http import url_has_allowed_host_and_scheme

ONWARD_MAX: Final = 2048


def own_address(onward: str) -> str | None:
    """The address, if it is one of ours: never an open redirect."""
    # With no host allowed only an address without host and scheme passes. Backslashes, which browsers take for
    # slashes, and the tabs and line ends that they drop are read as browsers read them.
    mine = onward.startswith("/") and url_has_allowed_host_and_scheme(onward, allowed_hosts=None)
    return onward if mine and len(onward) <= ONWARD_MAX else None
