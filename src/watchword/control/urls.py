"""The portal's pages. The feed is served beside Django; see asgi.py."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from django.urls import include, path

if TYPE_CHECKING:
    from django.urls import URLPattern, URLResolver

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("watchword.control.access.urls")),
]
if find_spec("watchword.control.servers.urls"):
    urlpatterns.append(path("", include("watchword.control.servers.urls")))
