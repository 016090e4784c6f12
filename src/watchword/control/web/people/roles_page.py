"""What the Role Management page shows, gathered once per request."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Final

from watchword.control.base.actor import Permission
from watchword.control.base.refusals import Refusal, RefusalReason
from watchword.control.identity import queries
from watchword.control.identity.safeguards import permissions_not_held
from watchword.control.web.shell.page import OrganizationPage

if TYPE_CHECKING:
    from watchword.control.identity.queries import RoleRow


MEANINGS: Final = {
    Permission.API_KEY_MANAGEMENT: (
        "Add, edit, enable and delete OAuth 2.0 authorization servers. It does not cover the API keys of the "
        "management API."
    ),
    Permission.ADMINISTRATORS: "Invite and deactivate administrators; manage roles, API roles and API keys.",
    Permission.AUDIT_LOGS: "Read the audit log: who did what, when and from where.",
    Permission.ACTIVITY: "See how the API is used.",
}
"""What each permission is for, in the words of those who give it."""

_HOLDS_MORE: Final = "You cannot change this role: your own role does not have the “{permission}” permission."


@dataclass(frozen=True, slots=True)
class Line:
    """A role as this actor may deal with it.

    Attributes:
        lock: why the actor cannot change the role; None where it can.
        in_use: why the role cannot be deleted; None where it can.
        cells: for each permission its name and whether the role holds it, in the order of the matrix.
    """

    role: RoleRow
    lock: str | None
    in_use: str | None
    cells: tuple[tuple[str, bool], ...]


@dataclass(frozen=True, slots=True)
class Box:
    """A permission to check in the dialog. `closed` says why this actor cannot give it."""

    value: str
    meaning: str
    closed: str | None


@dataclass(frozen=True)
class RolesPage(OrganizationPage):
    """The organization with its roles."""

    template: ClassVar[str] = "people/roles/page.html"
    content: ClassVar[str] = "people/roles/content.html"
    route: ClassVar[str] = "people:roles"
    permission: ClassVar[Permission] = Permission.ADMINISTRATORS

    @cached_property
    def roles(self) -> tuple[RoleRow, ...]:
        return queries.list_roles(self.organization_id)

    def role(self, role_id: int) -> RoleRow:
        """One of the roles.

        Raises:
            Refusal: not_found.
        """
        for role in self.roles:
            if role.id == role_id:
                return role
        raise Refusal(RefusalReason.NOT_FOUND)

    def boxes(self) -> tuple[Box, ...]:
        """All permissions, those that the actor cannot give with the reason."""
        closed = permissions_not_held(self.frame.actor, frozenset(Permission))
        return tuple(
            Box(value, MEANINGS[value], "Your role does not have it." if value in closed else None)
            for value in Permission
        )

    def context(self) -> dict[str, Any]:
        """All that `people/roles/content.html` and the frame around it need."""
        return super().context() | {
            "lines": [self._line(role) for role in self.roles],
            "permissions": [(permission.value, MEANINGS[permission]) for permission in Permission],
        }

    def _line(self, role: RoleRow) -> Line:
        missing = permissions_not_held(self.frame.actor, role.permissions)
        return Line(
            role,
            _HOLDS_MORE.format(permission=missing[0]) if missing else None,
            "A role cannot be deleted while administrators have it." if role.holders else None,
            tuple((permission.value, permission in role.permissions) for permission in Permission),
        )
