"""API roles and API keys."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final, Self
from uuid import UUID

from django.utils import timezone
from ninja import Router
from pydantic import Field

from watchword.control.api.addresses import address_of
from watchword.control.api.declarations import ETag
from watchword.control.api.operation import Answer, Call, operation
from watchword.control.api.problems import Fault, fault
from watchword.control.api.strict_requests import etag
from watchword.control.api.types import Body, Change, GivenTime, Resource
from watchword.control.base.actor import Privilege
from watchword.control.base.refusals import Refusal, RefusalReason
from watchword.control.identity import api_queries
from watchword.control.identity.api_key_commands import CreateApiKey, RevokeApiKey
from watchword.control.identity.api_role_commands import CreateApiRole, DeleteApiRole, EditApiRole

if TYPE_CHECKING:
    from watchword.control.identity.api_queries import ApiKeyRow, ApiRoleRow

router: Final = Router(tags=["API roles and keys"])

_ROLES: Final = "/organizations/{slug:organization}/api-roles"
_KEYS: Final = "/organizations/{slug:organization}/api-keys"
_RIGHT: Final = Privilege.API_ROLES


class ApiClient(Resource):
    """A client that was seen with a role."""

    client_id: str
    last_seen_at: datetime


class ApiRole(Resource):
    """A named set of rights that access tokens and API keys can have."""

    id: int
    name: str
    rights: dict[str, str]
    """By category `full` or `view`; an absent category gives no access."""
    version: int
    updated_at: datetime | None
    updated_by: str | None
    api_keys: list[str]
    """The names of the keys in use that have the role."""
    clients: list[ApiClient]
    """Seen with access tokens, the newest first."""

    @classmethod
    def of(cls, row: ApiRoleRow) -> Self:
        return cls(
            id=row.id,
            name=row.name,
            rights={category.value: level.value for category, level in row.rights.items()},
            version=row.version,
            updated_at=row.updated_at,
            updated_by=row.updated_by,
            api_keys=list(row.keys),
            clients=[ApiClient(client_id=each.client_id, last_seen_at=each.last_seen_at) for each in row.clients],
        )


class ApiRoles(Resource):
    """All API roles of an organization; at most 16."""

    items: list[ApiRole]


class NewApiRole(Body):
    """An API role to create."""

    name: str
    rights: dict[str, str]


class ApiRoleChange(Change):
    """The members to change. Another name means another scope: access tokens with the old one are refused."""

    name: str = ""
    rights: dict[str, str] = Field(default_factory=dict)


@operation(router, "GET", _ROLES, reads=_RIGHT, returns=ApiRoles)
def list_api_roles(call: Call) -> Answer:
    """List the API roles by name."""
    return Answer(
        body=ApiRoles(items=[ApiRole.of(row) for row in api_queries.list_api_roles(call.organization, timezone.now())])
    )


@operation(router, "GET", f"{_ROLES}/{{int:role}}", reads=_RIGHT, returns=ApiRole, etag=ETag.SENT)
def read_api_role(call: Call, role: int) -> Answer:
    """Read an API role."""
    return _role_answer(call, role)


@operation(
    router, "POST", _ROLES,
    changes=(_RIGHT, "api_role_created"), returns=ApiRole, status=201, etag=ETag.SENT,
    refusals=(RefusalReason.FIELDS_INVALID, RefusalReason.NAME_TAKEN, RefusalReason.API_ROLES_USED_UP),
)  # fmt: skip
def create_api_role(call: Call, role: NewApiRole) -> Answer:
    """Create an API role. It cannot give rights that the client lacks."""
    created = CreateApiRole(organization_id=call.organization, name=role.name, rights=role.rights).run(call.actor)
    return _role_answer(call, created.pk, status=201)


@operation(
    router, "PATCH", f"{_ROLES}/{{int:role}}",
    changes=(_RIGHT, "api_role_edited"), returns=ApiRole, etag=ETag.REQUIRED, identity="role",
    refusals=(RefusalReason.FIELDS_INVALID, RefusalReason.NAME_TAKEN, RefusalReason.API_ROLE_REQUIRED),
)  # fmt: skip
def change_api_role(call: Call, role: int, change: ApiRoleChange) -> Answer:
    """Rename an API role or replace its rights."""
    row = _role(call, role)
    if row.version != call.version:
        raise fault(Fault.VERSION_DIFFERS)
    stored = ApiRole.of(row)
    given = change.model_fields_set
    EditApiRole(
        organization_id=call.organization,
        role_id=role,
        expected_version=call.version,
        name=change.name if "name" in given else stored.name,
        rights=change.rights if "rights" in given else stored.rights,
    ).run(call.actor)
    return _role_answer(call, role)


@operation(
    router, "DELETE", f"{_ROLES}/{{int:role}}",
    changes=(_RIGHT, "api_role_deleted"), status=204, etag=ETag.REQUIRED, identity="role",
    refusals=(RefusalReason.API_ROLE_REQUIRED,),
)  # fmt: skip
def delete_api_role(call: Call, role: int) -> Answer:
    """Delete an API role. Its API keys are revoked, and access tokens that name it are refused."""
    DeleteApiRole(organization_id=call.organization, role_id=role, expected_version=call.version).run(call.actor)
    return Answer(status=204)


class ApiKey(Resource):
    """An API key; its secret is shown only once, when it is created."""

    id: UUID
    name: str
    api_role: str | None
    state: str
    """usable, expired or revoked."""
    created_at: datetime
    created_by: str
    expires_at: datetime
    last_used_at: datetime | None
    last_used_address: str | None
    ended_at: datetime | None
    revoked_by: str | None

    @classmethod
    def of(cls, row: ApiKeyRow) -> Self:
        return cls(
            id=row.id,
            name=row.name,
            api_role=row.role,
            state=row.state.value,
            created_at=row.created_at,
            created_by=row.created_by,
            expires_at=row.expires_at,
            last_used_at=row.last_used_at,
            last_used_address=row.last_used_address,
            ended_at=row.ended_at,
            revoked_by=row.revoked_by,
        )


class ApiKeys(Resource):
    """All API keys in use, and some that have ended."""

    items: list[ApiKey]


class CreatedApiKey(ApiKey):
    """A new API key with its secret."""

    secret: str
    """Cannot be shown again."""


class NewApiKey(Body):
    """An API key to create."""

    name: str
    api_role: str
    expires_at: GivenTime | None = None
    """By default in 90 days."""


@operation(router, "GET", _KEYS, reads=_RIGHT, returns=ApiKeys)
def list_api_keys(call: Call) -> Answer:
    """List the API keys."""
    return Answer(
        body=ApiKeys(items=[ApiKey.of(row) for row in api_queries.list_api_keys(call.organization, timezone.now())])
    )


@operation(router, "GET", f"{_KEYS}/{{uuid:key}}", reads=_RIGHT, returns=ApiKey)
def read_api_key(call: Call, key: UUID) -> Answer:
    """Read an API key, never its secret."""
    return Answer(body=_key(call, key))


@operation(
    router, "POST", _KEYS,
    changes=(_RIGHT, "api_key_created"), returns=CreatedApiKey, status=201,
    refusals=(RefusalReason.FIELDS_INVALID, RefusalReason.NAME_TAKEN, RefusalReason.API_KEYS_USED_UP),
)  # fmt: skip
def create_api_key(call: Call, key: NewApiKey) -> Answer:
    """Create an API key. The response is the only one that has its secret."""
    new = CreateApiKey(
        organization_id=call.organization, api_role=key.api_role, name=key.name, expires_at=key.expires_at
    ).run(call.actor)
    shown = _key(call, new.key.public_id)
    members = {name: getattr(shown, name) for name in ApiKey.model_fields}
    location = address_of(f"{_KEYS}/{shown.id}", call.organization)
    return Answer(body=CreatedApiKey(**members, secret=new.secret), status=201, location=location)


@operation(router, "DELETE", f"{_KEYS}/{{uuid:key}}", changes=(_RIGHT, "api_key_revoked"), status=204)
def revoke_api_key(call: Call, key: UUID) -> Answer:
    """Revoke an API key. It stays in the list for a while."""
    RevokeApiKey(organization_id=call.organization, key_id=key).run(call.actor)
    return Answer(status=204)


def _role(call: Call, role: int) -> ApiRoleRow:
    for row in api_queries.list_api_roles(call.organization, timezone.now()):
        if row.id == role:
            return row
    raise Refusal(RefusalReason.NOT_FOUND)


def _role_answer(call: Call, role: int, *, status: int = 200) -> Answer:
    shown = ApiRole.of(_role(call, role))
    location = address_of(f"{_ROLES}/{role}", call.organization) if status == 201 else None  # noqa: PLR2004 - Created.
    return Answer(body=shown, status=status, etag=etag(shown.id, shown.version), location=location)


def _key(call: Call, key: UUID) -> ApiKey:
    for row in api_queries.list_api_keys(call.organization, timezone.now()):
        if row.id == key:
            return ApiKey.of(row)
    raise Refusal(RefusalReason.NOT_FOUND)
