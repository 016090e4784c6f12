"""The portal's pages. The feed is served beside Django; see asgi.py."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [
    path("", include("watchword.control.web.shell.logo")),
    path("", include("watchword.control.web.people.urls")),
    path("", include("watchword.control.web.servers.urls")),
    path("", include("watchword.control.web.activity.urls")),
    path("", include("watchword.control.web.audit.urls")),
    path("", include("watchword.control.web.console.urls")),
]
