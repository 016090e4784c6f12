"""All routes of the portal, as Django knows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.urls import URLPattern, URLResolver

if TYPE_CHECKING:
    from collections.abc import Iterator


def routes(patterns: list[Any], prefix: str = "") -> Iterator[str]:
    """The routes of these patterns, with their placeholders."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, f"{prefix}{pattern.pattern}")
        elif isinstance(pattern, URLPattern):
            yield f"/{prefix}{pattern.pattern}"
