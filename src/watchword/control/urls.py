"""The addresses of the control plane: the API's and the portal's. The feed is served beside Django."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [
    path("", include("watchword.control.api.urls")),
    path("", include("watchword.control.web.urls")),
]
