"""Every operation for every kind of client, on its own organization, on another one and on one that does not exist.

What each client gets follows from the operation's declaration. Only what its holder gets stands in ROWS: an operation
without a row fails.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import pytest
from django.db import transaction

from kit import api_access, people, registrations, sample_portal
from kit.api_client import KEY, ApiClient, scope, token, with_key
from watchword.control.api.declarations import ETag
from watchword.control.api.openapi import template_of
from watchword.control.api.urls import OPERATIONS
from watchword.control.base.actor import OPERATOR_PERMISSIONS, ApiCategory, Privilege, command_line
from watchword.control.fleet.models import VerifierCredential
from watchword.control.fleet.verifier_commands import CreateVerifier, RotateVerifier
from watchword.control.identity.api_models import ApiKey, ApiRole
from watchword.control.servers import validate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watchword.control.api.declarations import Operation
    from watchword.control.base.actor import Required

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]

SERVER: Final[dict[str, Any]] = {
    "name": "New", "jwks_location": registrations.OTHER_LOCATION, "issuer": "https://login.acme.example/",
}  # fmt: skip
TERMS: Final = {
    "starts_at": "2026-01-01T00:00:00Z", "expires_at": "2999-01-01T00:00:00+01:00", "api_call_threshold": None,
}  # fmt: skip


@dataclass(frozen=True)
class Row:
    """What who holds the right gets for this body.

    Attributes:
        operator: what an operator gets, if it differs from the holder.
    """

    status: int
    body: Any = None
    query: str = ""
    operator: int | None = None


ROWS: Final[dict[str, Row]] = {
    "list_authorization_servers": Row(200),
    "read_authorization_server": Row(200),
    "register_authorization_server": Row(201, SERVER),
    "change_authorization_server": Row(200, {"description": "Changed"}),
    "delete_authorization_server": Row(204),
    "refresh_key_set": Row(202),
    "read_key_set": Row(200),
    "validate_key_source": Row(200, {"jwks_location": registrations.OTHER_LOCATION}),
    "read_enabled_server": Row(200),
    "change_enabled_server": Row(200, {"id": None}),
    "list_api_roles": Row(200),
    "read_api_role": Row(200),
    "create_api_role": Row(201, {"name": "New", "rights": {}}),
    # The role of the row has rights that a client with API Roles alone lacks, and so may not give or take.
    "change_api_role": Row(200, {"name": "Renamed"}),
    "delete_api_role": Row(204),
    "list_api_keys": Row(200),
    "read_api_key": Row(200),
    "create_api_key": Row(201, {"name": "new", "api_role": "Nothing"}),
    "revoke_api_key": Row(204),
    "list_audit_events": Row(200),
    "export_audit_events": Row(200),
    "list_all_audit_events": Row(200),
    "export_all_audit_events": Row(200),
    "read_activity": Row(200),
    "read_publication": Row(200),
    "list_organizations": Row(200),
    "create_organization": Row(201, {"id": "initech", "name": "Initech"}),
    "read_organization": Row(200),
    "read_subscription": Row(200),
    "change_subscription": Row(200, TERMS),
    "change_call_threshold": Row(200, {"api_call_threshold": 5}),
    "read_suspension": Row(200),
    "suspend_organization": Row(200, {"reason": "terms_violated"}),
    # Neither organization is suspended.
    "reinstate_organization": Row(409, query="?reference=CASE"),
    "list_verifiers": Row(200),
    "create_verifier": Row(201, {"name": "gateway-2"}),
    "rotate_verifier": Row(200, {}),
    "revoke_previous_credential": Row(204),
    "revoke_verifier": Row(204),
    "list_failing_key_sets": Row(200),
}


@dataclass(frozen=True)
class Visitor:
    """Attributes: `views` and `changes` are the rights that it has; `fails` is what it gets for every address."""

    client: ApiClient
    views: frozenset[Required] = frozenset()
    changes: frozenset[Required] = frozenset()
    organization: str | None = None
    operator: bool = False
    is_token: bool = False
    fails: int | None = None


@dataclass(frozen=True)
class World:
    visitors: Mapping[str, Visitor]
    parts: Mapping[str, dict[str, object]] = field(default_factory=dict)
    etags: Mapping[str, dict[str, str]] = field(default_factory=dict)


def objects_of(organization: str) -> tuple[dict[str, object], dict[str, str]]:
    """What addresses of the organization name, and the ETags."""
    alice = registrations.administrator("alice", organization, ApiCategory.AUTHORIZATION_SERVERS.right)  # type: ignore[arg-type]
    server = registrations.add(KEY, actor=alice)
    role = ApiRole.objects.get(organization_id=organization, name="Nothing")
    api_access.api_key("Nothing", organization, "unused")
    key = ApiKey.objects.get(organization_id=organization, name="unused")
    parts = {"organization": organization, "server": server.pk, "role": role.pk, "key": key.public_id}
    parts["verifier"] = VerifierCredential.objects.get().pk
    return parts, {
        "organization": f'"{organization}.1"',
        "server": f'"{server.pk}.{server.version}"',
        "role": f'"{role.pk}.{role.version}"',
        # Of the enabled server.
        "": f'"{server.pk}.{server.version}"',
    }


@pytest.fixture
def world(db: None, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(validate, "probe", sample_portal.probe)
    CreateVerifier(name="gateway-1").run(command_line())
    RotateVerifier(name="gateway-1").run(command_line())
    every = frozenset(category.right for category in ApiCategory)
    visitors = {}
    for organization in ("acme", "globex"):
        people.organization(organization)
        api_access.api_role("Everything", organization)
        ApiRole.objects.create(organization_id=organization, name="Nothing", rights={})
    for category in ApiCategory:
        for level in ("full", "view"):
            name = f"{category.name.title().replace('_', '')[:12]}{level}"
            api_access.api_role(name, **{category.name.lower(): level})
            right = frozenset({category.right})
            changes = right if level == "full" else frozenset()
            visitors[f"{category.value} {level}"] = Visitor(with_key(name, name=name), right, changes, "acme")
    held: dict[str, Any] = {"views": every, "changes": every}
    visitors |= {
        "everything": Visitor(with_key("Everything"), organization="acme", **held),
        "nothing": Visitor(with_key("Nothing", name="nothing"), organization="acme"),
        "key of Globex": Visitor(with_key("Everything", "globex"), organization="globex", **held),
        "token": Visitor(ApiClient(token(scope("Everything"))), organization="acme", is_token=True, **held),
        "operator": Visitor(with_key(None, None), every, OPERATOR_PERMISSIONS | {Privilege.API_ROLES}, operator=True),
        "no credential": Visitor(ApiClient(None), fails=401),
        "unknown key": Visitor(ApiClient("wwk_unknown"), fails=401),
    }
    found = {organization: objects_of(organization) for organization in ("acme", "globex")}
    parts = {organization: named for organization, (named, _) in found.items()}
    parts["nowhere"] = parts["acme"] | {"organization": "nowhere"}
    etags = {organization: tags for organization, (_, tags) in found.items()}
    return World(visitors, parts, etags | {"nowhere": etags["acme"]})


def expected(entry: Operation, visitor: Visitor, organization: str) -> int:
    if visitor.fails is not None:
        return visitor.fails
    row = ROWS[entry.name]
    holds = entry.right in (visitor.views if entry.action is None else visitor.changes)
    if not entry.of_organization:
        return row.status if visitor.operator else 401 if visitor.is_token else 403
    if visitor.organization != organization and not visitor.operator:
        # Acme's token is no token of Globex's server, whose key another test shares on purpose.
        return 404 if not visitor.is_token else 403 if organization == "globex" else 401
    if visitor.operator:
        holds = holds or entry.right is Privilege.OPERATOR
        return 403 if not holds else 404 if organization == "nowhere" else row.operator or row.status
    return row.status if holds else 403


def ask(world: World, entry: Operation, visitor: Visitor, organization: str) -> int:
    """The status of one request, of which nothing stays in the database."""
    path = template_of(entry)
    path += ROWS[entry.name].query
    for name, value in world.parts[organization].items():
        path = path.replace(f"{{{name}}}", str(value))
    version = world.etags[organization][entry.identity] if entry.etag is ETag.REQUIRED else None
    before = transaction.savepoint()
    try:
        return visitor.client.send(entry.method, path, ROWS[entry.name].body, if_match=version).status
    finally:
        transaction.savepoint_rollback(before)


def test_every_operation_has_a_row_and_every_row_an_operation() -> None:
    assert sorted(set(OPERATIONS) - set(ROWS)) == [], "an operation without a row in ROWS"
    assert sorted(set(ROWS) - set(OPERATIONS)) == [], "a row without an operation"


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_who_gets_what(name: str, world: World) -> None:
    entry = OPERATIONS[name]
    wrong = []
    for label, visitor in world.visitors.items():
        for organization in ("acme", "globex", "nowhere") if entry.of_organization else ("acme",):
            found, wanted = ask(world, entry, visitor, organization), expected(entry, visitor, organization)
            if found != wanted:
                wrong.append(f"{label} at {organization}: {found} instead of {wanted}")
    assert wrong == []


@pytest.mark.parametrize("name", sorted(name for name, entry in OPERATIONS.items() if entry.path.count("{") > 1))
def test_object_of_another_organization_is_not_found_at_ones_own_address(name: str, world: World) -> None:
    strange = World(
        world.visitors,
        {"acme": world.parts["globex"] | {"organization": "acme"}},
        {"acme": world.etags["globex"]},
    )
    assert ask(strange, OPERATIONS[name], world.visitors["everything"], "acme") == 404
