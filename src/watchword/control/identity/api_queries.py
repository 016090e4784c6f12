"""Reading API roles and API keys."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from watchword.control.identity.api_models import ApiClientUse, ApiKey, ApiRole
from watchword.control.identity.api_rules import EXPIRES_SOON

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID

    from watchword.control.base.actor import ApiCategory
    from watchword.control.identity.api_rules import ApiLevel


class ApiKeyState(Enum):
    """Exactly one applies at any time."""

    USABLE = "usable"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class ApiClient:
    """A client that was seen with a role. `client_id` is empty for tokens without one."""

    client_id: str
    last_seen_at: datetime


@dataclass(frozen=True, slots=True)
class ApiRoleRow:
    """An API role.

    Attributes:
        rights: the level of each category that the role gives access to.
        keys: the names of the API keys in use that have the role.
        clients: seen with access tokens that named the role, the newest first, at most CLIENTS_KEPT.
    """

    id: int
    name: str
    rights: Mapping[ApiCategory, ApiLevel]
    version: int
    updated_at: datetime | None
    updated_by: str | None
    keys: tuple[str, ...]
    clients: tuple[ApiClient, ...]


@dataclass(frozen=True, slots=True)
class ApiKeyRow:
    """An API key.

    Attributes:
        id: its public id.
        role: the name of its API role; None for a key of the provider, and where the role was deleted.
        last_used_at, last_used_address: of the last request, to the minute; None before the first.
        expires_soon: whether it can be used, but not for long.
        ended_at: when it expired or was revoked; None while it can be used.
        revoked_by: None if it was not revoked.
    """

    id: UUID
    name: str
    role: str | None
    state: ApiKeyState
    created_at: datetime
    created_by: str
    expires_at: datetime
    expires_soon: bool
    last_used_at: datetime | None
    last_used_address: str | None
    ended_at: datetime | None
    revoked_by: str | None


def list_api_roles(organization_id: str, now: datetime) -> tuple[ApiRoleRow, ...]:
    """All API roles of the organization by name. Three queries."""
    keys: dict[int | None, list[str]] = {}
    usable = ApiKey.objects.filter(organization_id=organization_id, revoked_at__isnull=True, expires_at__gt=now)
    for role_id, name in usable.order_by("name").values_list("api_role_id", "name"):
        keys.setdefault(role_id, []).append(name)
    clients: dict[int, list[ApiClient]] = {}
    seen = ApiClientUse.objects.filter(api_role__organization_id=organization_id).order_by("-last_seen_at", "client_id")
    for used, client_id, last_seen_at in seen.values_list("api_role_id", "client_id", "last_seen_at"):
        clients.setdefault(used, []).append(ApiClient(client_id, last_seen_at))
    rows = [
        ApiRoleRow(
            id=role.pk,
            name=role.name,
            rights=role.held(),
            version=role.version,
            updated_at=role.updated_at,
            updated_by=role.updated_by,
            keys=tuple(keys.get(role.pk, ())),
            clients=tuple(clients.get(role.pk, ())),
        )
        for role in ApiRole.objects.filter(organization_id=organization_id)
    ]
    return tuple(sorted(rows, key=lambda row: row.name.casefold()))


def api_role_names(organization_id: str) -> list[str]:
    """The names of the organization's API roles, sorted as `list_api_roles`."""
    names = ApiRole.objects.filter(organization_id=organization_id).values_list("name", flat=True)
    return sorted(names, key=str.casefold)


def list_api_keys(organization_id: str | None, now: datetime) -> tuple[ApiKeyRow, ...]:
    """All API keys of the organization, or of the provider for None. The usable ones come first, each by name."""
    keys = ApiKey.objects.filter(organization_id=organization_id).select_related("api_role")
    rows = [_key(key, now) for key in keys]
    return tuple(sorted(rows, key=lambda row: (row.state is not ApiKeyState.USABLE, row.name.casefold())))


def _key(key: ApiKey, now: datetime) -> ApiKeyRow:
    state, ended_at = ApiKeyState.USABLE, None
    if key.revoked_at is not None:
        state, ended_at = ApiKeyState.REVOKED, key.revoked_at
    elif key.expires_at <= now:
        state, ended_at = ApiKeyState.EXPIRED, key.expires_at
    return ApiKeyRow(
        id=key.public_id,
        name=key.name,
        role=None if key.api_role is None else key.api_role.name,
        state=state,
        created_at=key.created_at,
        created_by=key.created_by,
        expires_at=key.expires_at,
        expires_soon=state is ApiKeyState.USABLE and key.expires_at - now <= EXPIRES_SOON,
        last_used_at=key.last_used_at,
        last_used_address=key.last_used_address,
        ended_at=ended_at,
        revoked_by=key.revoked_by,
    )
