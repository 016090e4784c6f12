"""The name of a route instead of its path, in which identifiers and one-time links stand."""

from __future__ import annotations

from django.conf import settings
from django.urls import Resolver404, resolve

NO_ROUTE = "none"


def route_of(path: str) -> str:
    """The name of the page's route; `none` for a path that leads to no page."""
    if path.startswith(settings.STATIC_URL):
        return "static"
    try:
        return resolve(path).view_name
    except Resolver404:
        return NO_ROUTE
