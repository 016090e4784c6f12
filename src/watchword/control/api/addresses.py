"""The addresses of the API."""

from __future__ import annotations

from typing import Final

from django.conf import settings

PREFIX: Final = "/api/v1/"


def is_of_api(path: str) -> bool:
    """Whether the API answers requests to the path. Most paths below PREFIX do not exist."""
    return f"{path}/".startswith(PREFIX)


def base_url() -> str:
    """Return where the API is. Access tokens may have it as their audience."""
    url: str = settings.WATCHWORD.management_api_url
    return url


def address_of(path: str, organization: str) -> str:
    """Return the absolute address of a path below PREFIX, for the header Location."""
    return base_url() + path.replace("{slug:organization}", organization)
