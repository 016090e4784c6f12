"""What the tab API Roles shows, gathered once per request."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.conf import settings

from watchword.control.base.actor import ApiCategory, Permission
from watchword.control.base.refusals import Refusal, RefusalReason
from watchword.control.base.times import spoken
from watchword.control.identity.api_queries import list_api_roles
from watchword.control.identity.api_rules import ROLES_MAX, ApiLevel
from watchword.control.identity.rules import listed
from watchword.control.identity.safeguards import api_rights_not_held
from watchword.control.servers.queries import servers_requiring_api_role
from watchword.control.web.shell.page import OrganizationPage
from watchword.core.named_organization import scope_of

if TYPE_CHECKING:
    from watchword.control.identity.api_queries import ApiRoleRow

ROLE_MANAGEMENT: Final = "people:roles"
"""The entry of the rail to which the tabs belong."""

MEANINGS: Final = {
    ApiCategory.AUTHORIZATION_SERVERS: "View Only reads them. Full also adds, edits, enables and deletes them.",
    ApiCategory.AUDIT_LOGS: "View Only reads the audit log. Full also exports it.",
    ApiCategory.ACTIVITY: "Both levels read how the API is used.",
    ApiCategory.API_ROLES: "View Only reads API roles and API keys. Full also creates, edits and deletes them.",
}
"""What each category is for."""

_HOLDS_MORE: Final = "You cannot change this API role: you do not have all of its rights to “{category}”."


@dataclass(frozen=True, slots=True)
class Line:
    """An API role as this actor may deal with it.

    Attributes:
        lock: why the actor cannot change the role; None where it can.
        rights: label and level of each category that the role gives access to.
        scope: what a token must contain; None while the provider has no cloud name.
    """

    role: ApiRoleRow
    lock: str | None
    rights: tuple[tuple[str, str], ...]
    scope: str | None


@dataclass(frozen=True, slots=True)
class Choice:
    """A level of a category. `closed` says why this actor cannot give it."""

    value: str
    label: str
    closed: str | None


@dataclass(frozen=True)
class ApiRolesPage(OrganizationPage):
    """The organization with its API roles: a tab of Role Management."""

    template: ClassVar[str] = "api_access/roles/page.html"
    content: ClassVar[str] = "api_access/roles/content.html"
    route: ClassVar[str] = "api_access:roles"
    entry: ClassVar[str] = ROLE_MANAGEMENT
    permission: ClassVar[Permission] = Permission.ADMINISTRATORS

    @cached_property
    def roles(self) -> tuple[ApiRoleRow, ...]:
        return list_api_roles(self.organization_id, self.frame.now)

    def role(self, role_id: int) -> ApiRoleRow:
        """One of the API roles.

        Raises:
            Refusal: not_found.
        """
        for role in self.roles:
            if role.id == role_id:
                return role
        raise Refusal(RefusalReason.NOT_FOUND)

    def choices(self, category: ApiCategory) -> tuple[Choice, ...]:
        """The levels of a category, those that the actor cannot give with the reason."""
        levels = [
            Choice(level.value, str(level.label), "more than you have" if self._missing({category: level}) else None)
            for level in (ApiLevel.VIEW, ApiLevel.FULL)
        ]
        return (Choice("", "None", None), *levels)

    def lock(self, role: ApiRoleRow) -> str | None:
        """Why the actor cannot change the role; None where it can."""
        missing = self._missing(dict(role.rights))
        return _HOLDS_MORE.format(category=missing[0].value) if missing else None

    def required_by(self, role: ApiRoleRow) -> str | None:
        """Name the authorization servers that require the role of each token; None if there are none."""
        servers = servers_requiring_api_role(self.organization_id, role.name)
        return listed(servers) if servers else None

    def scope(self, role_name: str) -> str | None:
        cloud_name = settings.WATCHWORD.cloud_name
        return None if cloud_name is None else scope_of(cloud_name, self.organization_id, role_name)

    def context(self) -> dict[str, Any]:
        """All that `api_access/roles/content.html` and the frame around it need."""
        return super().context() | {
            "crumb": "API Roles",
            "document_route": self.route,
            "lines": [self._line(role) for role in self.roles],
            "most": ROLES_MAX,
            "add_refused": "Delete one to add another." if len(self.roles) >= ROLES_MAX else None,
        }

    def _line(self, role: ApiRoleRow) -> Line:
        rights = tuple((category.value, level.label) for category, level in role.rights.items())
        return Line(role, self.lock(role), rights, self.scope(role.name))

    def _missing(self, rights: dict[ApiCategory, ApiLevel]) -> tuple[ApiCategory, ...]:
        return api_rights_not_held(self.frame.actor, self.organization_id, rights)


def users_of(role: ApiRoleRow) -> str | None:
    """Name the API keys and clients that use the role; None where there are none."""
    parts = []
    if role.keys:
        parts.append(f"API key{'s' if len(role.keys) > 1 else ''} {listed(role.keys)}")
    if role.clients:
        seen = [
            f"{client.client_id or 'tokens without a client ID'} (last seen {spoken(client.last_seen_at)})"
            for client in role.clients
        ]
        parts.append(f"client{'s' if len(seen) > 1 else ''} {listed(seen)}")
    return "; ".join(parts) or None
