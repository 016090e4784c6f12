"""The Django applications of the rooms, and the hooks that each room registers when Django starts."""

from __future__ import annotations

from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in

from watchword.control.base import hooks

# The imports in `ready` need the models, which exist only after all applications are loaded.


class OrganizationsConfig(AppConfig):
    name = "watchword.control.organizations"
    label = "organizations"

    def ready(self) -> None:
        from watchword.control.organizations import queries  # noqa: PLC0415

        hooks.lock_organization.register(queries.lock_organization)
        hooks.check_entitlement.register(queries.check_entitlement)


class IdentityConfig(AppConfig):
    name = "watchword.control.identity"
    label = "identity"

    def ready(self) -> None:
        # Django's own receiver would write the sign-in time a second time, outside the command's transaction.
        user_logged_in.disconnect(dispatch_uid="update_last_login")
        from watchword.control.identity import rights  # noqa: PLC0415

        hooks.lock_operators.register(rights.lock_operators)
        hooks.current_rights.register(rights.current_rights)


class AuditConfig(AppConfig):
    name = "watchword.control.audit"
    label = "audit"


class ServersConfig(AppConfig):
    name = "watchword.control.servers"
    label = "servers"

    def ready(self) -> None:
        from watchword.control.servers.queries import servers_requiring_api_role  # noqa: PLC0415

        hooks.servers_requiring_api_role.register(servers_requiring_api_role)


class ActivityConfig(AppConfig):
    name = "watchword.control.activity"
    label = "activity"


class FleetConfig(AppConfig):
    name = "watchword.control.fleet"
    label = "fleet"

    def ready(self) -> None:
        from watchword.control.fleet.commands import publish_trust  # noqa: PLC0415

        hooks.publish_trust.register(publish_trust)
