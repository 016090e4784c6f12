"""Who acts: a person in the portal, somebody at the command line, or the worker."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

from django.db.models import TextChoices

if TYPE_CHECKING:
    from uuid import UUID


class Permission(TextChoices):
    """What a role can carry. The values are the words on screen and in the database."""

    API_KEY_MANAGEMENT = "API Key Management"
    ADMINISTRATORS = "Administrators"
    AUDIT_LOGS = "Audit Logs"
    ACTIVITY = "Activity"


class Privilege(Enum):
    """What no role can carry.

    Attributes:
        OPERATOR: acts for the provider.
        WORKER: keeps key sets fresh.
        SELF: has proved to be the person whose own matter it is, such as signing in.
    """

    OPERATOR = "operator"
    WORKER = "worker"
    SELF = "self"


Required = Permission | Privilege

OPERATOR_PERMISSIONS: Final = frozenset({Permission.ADMINISTRATORS, Permission.AUDIT_LOGS, Permission.ACTIVITY})
"""What operators may do in every organization. API Key Management is not in it: whose tokens an organization's data
is opened to is the organization's decision alone, so no operator can add, edit, enable or delete a server."""


class Interface(TextChoices):
    PORTAL = "portal"
    COMMAND_LINE = "command_line"
    WORKER = "worker"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Somebody whose rights were established when the request began; `standing` establishes them anew for a change.

    Attributes:
        name: how the audit log names the actor; a person's e-mail address, at most 254 characters.
        person_id: the person's primary key, None for the command line and the worker.
        organization: the only organization an administrator can act in; None for everyone else.
        permissions: an administrator's from the role, an operator's from OPERATOR_PERMISSIONS.
        operator: whether the actor acts for the provider.
        interface: where the request came in.
        address: the client's IP address, None where there is none.
        session: the public id of the session that the request came with; None outside of the portal, and while somebody
            signs in.
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
        """Whether the organization exists as far as this actor may know."""
        if self.operator or self.interface is Interface.WORKER:
            return True
        return organization is not None and organization == self.organization

    def may(self, required: Required, organization: str | None) -> bool:
        """Whether the actor holds the permission there. Says nothing about the organization's entitlement."""
        if required is Privilege.WORKER:
            return self.interface is Interface.WORKER
        if required is Privilege.OPERATOR:
            return self.operator
        if required is Privilege.SELF:
            return self.person_id is not None and organization == self.organization
        return self.reaches(organization) and required in self.permissions


def command_line() -> Actor:
    """Whoever can run a command on the machine holds its database anyway, and acts as an operator."""
    return Actor(name="command line", interface=Interface.COMMAND_LINE, operator=True, permissions=OPERATOR_PERMISSIONS)


WORKER: Final = Actor(name="worker", interface=Interface.WORKER)

SYSTEM: Final = Actor(name="system", interface=Interface.WORKER)
"""What happens by itself, in whichever process it is noticed first: an API call threshold that is crossed."""
