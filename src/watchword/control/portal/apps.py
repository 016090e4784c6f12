from __future__ import annotations

from django.apps import AppConfig


class PortalConfig(AppConfig):
    name = "watchword.control.portal"
    label = "portal"
    verbose_name = "Admin Portal"
