"""The addresses of the API."""

from __future__ import annotations

from typing import Final

from django.conf import settings

_PREFIX: Final = "/api/"
_REFERENCE: Final = "/api/docs"
_PAGES: Final = "/api/administration/"
"""Of an organization that got the id `api` before that one was reserved."""


def is_of_api(path: str) -> bool:
    """Whether the API answers requests to the path, most of which do not exist: then it sends a problem, not a page."""
    return f"{path}/".startswith(_PREFIX) and path != _REFERENCE and not path.startswith(_PAGES)


def base_url() -> str:
    """Return where the API is. Access tokens may have it as their audience."""
    url: str = settings.WATCHWORD.management_api_url
    return url


def address_of(path: str, organization: str) -> str:
    """Return the absolute address of a path, for the header Location."""
    return base_url() + path.replace("{slug:organization}", organization)
