"""Who acts: a person in the portal, the command line, or the worker."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

from django.db.models import TextChoices

if TYPE_CHECKING:
    from uuid import UUID


class Permission(TextChoices):
    """A permission that a role can have. The values appear on screen and in the database."""

    API_KEY_MANAGEMENT = "API Key Management"
    ADMINISTRATORS = "Administrators"
    AUDIT_LOGS = "Audit Logs"
    ACTIVITY = "Activity"


class Privilege(Enum):
    """A right that no role can have.

    Attributes:
        OPERATOR: acts for the provider.
        WORKER: the worker process, which keeps key sets fresh.
        SELF: the person whose own account it is, for example when signing in.
    """

    OPERATOR = "operator"
    WORKER = "worker"
    SELF = "self"


Required = Permission | Privilege

OPERATOR_PERMISSIONS: Final = frozenset({Permission.ADMINISTRATORS, Permission.AUDIT_LOGS, Permission.ACTIVITY})
"""What operators may do in every organization. It excludes API Key Management: only the organization decides whose
tokens give access to its data, so no operator can add, edit, enable or delete a server."""


class Interface(TextChoices):
    PORTAL = "portal"
    COMMAND_LINE = "command_line"
    WORKER = "worker"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who acts, with the rights of the request's beginning. Each change reads them again (`hooks.current_rights`).

    Attributes:
        name: the actor in the audit log; a person's e-mail address, at most 254 characters.
        person_id: the person's primary key, None for the command line and the worker.
        organization: the only one that an administrator can act in; None for all other actors.
        permissions: an administrator's from the role, an operator's from OPERATOR_PERMISSIONS.
        operator: whether the actor acts for the provider.
        interface: where the request came in.
        address: the client's IP address, None where there is none.
        session: the public id of the request's session; None outside of the portal and during sign-in.
    """

    name: str
    interface: Interface
    person_id: int | None = None
    organization: str | None = None
    permissions: frozenset[Permission] = frozenset()
    operator: bool = False
    address: str | None = None
    session: UUID | None = None

    def reaches(self, organization: str | None) -> bool:
        """Whether the actor may know that the organization exists."""
        if self.operator or self.interface is Interface.WORKER:
            return True
        return organization is not None and organization == self.organization

    def may(self, required: Required, organization: str | None) -> bool:
        """Whether the actor holds the permission there, regardless of the organization's entitlement."""
        if required is Privilege.WORKER:
            return self.interface is Interface.WORKER
        if required is Privilege.OPERATOR:
            return self.operator
        if required is Privilege.SELF:
            return self.person_id is not None and organization == self.organization
        return self.reaches(organization) and required in self.permissions


def command_line() -> Actor:
    """Return the actor of a command: an operator, because a user of the machine can change the database anyway."""
    return Actor(name="command line", interface=Interface.COMMAND_LINE, operator=True, permissions=OPERATOR_PERMISSIONS)


WORKER: Final = Actor(name="worker", interface=Interface.WORKER)

SYSTEM: Final = Actor(name="system", interface=Interface.WORKER)
"""The actor of automatic changes, such as a suspension because of the API call threshold."""
