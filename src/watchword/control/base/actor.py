"""Who acts: a person in the portal, a client of the management API, the command line, or the worker."""

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
    """A right that no administrator's role can have.

    Attributes:
        OPERATOR: acts for the provider.
        WORKER: the worker process, which keeps key sets fresh.
        SELF: the person whose own account it is, for example when signing in.
        API_ROLES: manages API roles and API keys. People hold it through Permission.ADMINISTRATORS.
    """

    OPERATOR = "operator"
    WORKER = "worker"
    SELF = "self"
    API_ROLES = "API Roles"


Required = Permission | Privilege


class ApiCategory(TextChoices):
    """A part of the management API to which an API role gives access. The values appear on screen and in the database.

    `right` is the permission or privilege that the same changes need in the portal.
    """

    AUTHORIZATION_SERVERS = "Authorization Servers"
    AUDIT_LOGS = "Audit Logs"
    ACTIVITY = "Activity"
    API_ROLES = "API Roles"

    @property
    def right(self) -> Required:
        return _RIGHTS[self]


_RIGHTS: Final[dict[ApiCategory, Required]] = {
    ApiCategory.AUTHORIZATION_SERVERS: Permission.API_KEY_MANAGEMENT,
    ApiCategory.AUDIT_LOGS: Permission.AUDIT_LOGS,
    ApiCategory.ACTIVITY: Permission.ACTIVITY,
    ApiCategory.API_ROLES: Privilege.API_ROLES,
}

OPERATOR_PERMISSIONS: Final = frozenset({Permission.ADMINISTRATORS, Permission.AUDIT_LOGS, Permission.ACTIVITY})
"""What operators may do in every organization. It excludes API Key Management: only the organization decides whose
tokens give access to its data, so no operator can add, edit, enable or delete a server."""


OPERATOR_VIEWS: Final = frozenset({*Permission, Privilege.API_ROLES})
"""What operators may read in every organization."""

CLIENT_MAX: Final = 200
REQUEST_ID_MAX: Final = 64


class Interface(TextChoices):
    PORTAL = "portal"
    API = "api"
    COMMAND_LINE = "command_line"
    WORKER = "worker"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who acts, with the rights of the request's beginning. Each change reads them again (`hooks.current_rights`).

    Attributes:
        name: the actor in the audit log; a person's e-mail address, at most 254 characters.
        person_id: the person's primary key, None for all that is no person.
        organization: the only one that an administrator or a client of the management API can act in; None for
            operators, their API keys, the command line and the worker.
        permissions: an administrator's from the role, an operator's from OPERATOR_PERMISSIONS, an API client's from
            the categories that its API role has in full.
        privileges: Privilege.API_ROLES of an API client.
        views: what the actor may read, whether or not it may change it.
        operator: whether the actor acts for the provider.
        interface: where the request came in.
        address: the client's IP address, None where there is none.
        session: the public id of the request's session; None outside of the portal and during sign-in.
        api_role: the primary key of the API role that an access token named; None for all other actors.
        api_key: the public id of the API key that the request came with.
        client: the client ID of the access token, printable, at most CLIENT_MAX characters.
        request_id: the management API's id of the request, at most REQUEST_ID_MAX characters.
    """

    name: str
    interface: Interface
    person_id: int | None = None
    organization: str | None = None
    permissions: frozenset[Permission] = frozenset()
    privileges: frozenset[Privilege] = frozenset()
    views: frozenset[Required] = frozenset()
    operator: bool = False
    address: str | None = None
    session: UUID | None = None
    api_role: int | None = None
    api_key: UUID | None = None
    client: str | None = None
    request_id: str | None = None

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
        if required is Privilege.API_ROLES and Permission.ADMINISTRATORS in self.permissions:
            return self.reaches(organization)
        return self.reaches(organization) and required in self.permissions | self.privileges

    def may_view(self, required: Required, organization: str | None) -> bool:
        """Whether the actor may read there what `required` may change."""
        return self.may(required, organization) or (self.reaches(organization) and required in self.views)

    def right_name(self, required: Required, *, viewing: bool = False) -> str:
        """Return what refusals call the right: for an API client category and level, for a person the permission."""
        if self.interface is Interface.API and not self.operator:
            found = [category.value for category in ApiCategory if category.right is required]
            return f"{found[0]}: {'View Only' if viewing else 'Full'}" if found else required.value.capitalize()
        if required is Privilege.API_ROLES:
            return Permission.ADMINISTRATORS.value
        return required.value if isinstance(required, Permission) else required.value.capitalize()


def command_line() -> Actor:
    """Return the actor of a command: an operator, because a user of the machine can change the database anyway."""
    return Actor(
        name="command line",
        interface=Interface.COMMAND_LINE,
        operator=True,
        permissions=OPERATOR_PERMISSIONS,
        views=OPERATOR_VIEWS,
    )


WORKER: Final = Actor(name="worker", interface=Interface.WORKER)

SYSTEM: Final = Actor(name="system", interface=Interface.WORKER)
"""The actor of automatic changes, such as a suspension because of the API call threshold."""
