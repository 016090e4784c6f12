"""The portal's pages. The feed is served beside Django; see asgi.py."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [
    path("", include("watchword.control.access.urls")),
    path("", include("watchword.control.servers.urls")),
    path("", include("watchword.control.activity.urls")),
    path("", include("watchword.control.audit.urls")),
    path("", include("watchword.control.console.urls")),
]
