from __future__ import annotations

from django.apps import AppConfig


class OrganizationsConfig(AppConfig):
    name = "watchword.control.organizations"
    label = "organizations"
