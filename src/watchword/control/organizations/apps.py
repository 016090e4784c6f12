from __future__ import annotations

from django.apps import AppConfig

from watchword.control.base import hooks


class OrganizationsConfig(AppConfig):
    name = "watchword.control.organizations"
    label = "organizations"

    def ready(self) -> None:
        from watchword.control.organizations import queries  # noqa: PLC0415 - models need the app first.

        hooks.lock_organization.register(queries.lock_organization)
        hooks.check_entitlement.register(queries.check_entitlement)
