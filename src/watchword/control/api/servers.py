"""Authorization servers: requests become the commands of the page of the same name.

Also how far their trust has come: what `watchword apply --wait` waits for.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Final
from uuid import UUID

from django.utils import timezone
from ninja import Router

from watchword.control.api.addresses import address_of
from watchword.control.api.declarations import ETag
from watchword.control.api.key_set_models import HistoricKey, KeySet, KeySetWithHistory
from watchword.control.api.operation import Answer, Call, operation
from watchword.control.api.problems import Fault, Invalid, Problem, fault
from watchword.control.api.server_models import (
    EnabledServer,
    KeySource,
    Publication,
    Server,
    ServerChange,
    ServerRegistration,
    Servers,
    ServerToEnable,
    ValidatedServer,
    Validation,
)
from watchword.control.api.strict_requests import etag
from watchword.control.base.actor import Permission
from watchword.control.base.refusals import RefusalReason
from watchword.control.fleet.queries import publication_of
from watchword.control.servers.commands import (
    AddServer,
    DeleteServer,
    DisableServer,
    EditServer,
    EnableServer,
    RequestRefresh,
)
from watchword.control.servers.conflicts import registration, registrations
from watchword.control.servers.field_checks import checked_fields
from watchword.control.servers.sources import KeySource as StoredSource
from watchword.control.servers.validate import validate
from watchword.jwks.findings import Outcome

if TYPE_CHECKING:
    from watchword.control.servers.models import AuthorizationServer
    from watchword.control.servers.rules import ServerFields

router: Final = Router(tags=["Authorization servers"])

_RIGHT: Final = Permission.API_KEY_MANAGEMENT
_SERVERS: Final = "/organizations/{slug:organization}/authorization-servers"
_SERVER: Final = f"{_SERVERS}/{{uuid:server}}"
_MEMBERS: Final = {
    "authority": "ca_bundle",
    "accept_any": "confirm_any_token",
    "accept_anybody": "confirm_any_user",
    # Every value of the three together would accept the tokens of the whole world.
    "expectations": "audience",
}
_UNENTITLED: Final = (RefusalReason.SUBSCRIPTION_INACTIVE, RefusalReason.ORGANIZATION_SUSPENDED)
_OF_FIELDS: Final = (
    *_UNENTITLED,
    RefusalReason.FIELDS_INVALID,
    RefusalReason.NAME_TAKEN,
    RefusalReason.TOO_MANY_REQUESTS,
    RefusalReason.VALIDATION_FAILED,
)


@operation(router, "GET", _SERVERS, reads=_RIGHT, returns=Servers)
def list_authorization_servers(call: Call) -> Answer:
    """List the authorization servers, the oldest first."""
    return Answer(body=Servers(items=[_shown(call, server) for server in registrations(call.organization)]))


@operation(router, "GET", _SERVER, reads=_RIGHT, returns=Server, etag=ETag.SENT)
def read_authorization_server(call: Call, server: UUID) -> Answer:
    """Read an authorization server."""
    return _answer(_shown(call, registration(call.organization, server)))


@operation(
    router, "POST", _SERVERS,
    changes=(_RIGHT, "server_added"), returns=ValidatedServer, status=201, etag=ETag.SENT,
    refusals=(*_OF_FIELDS, RefusalReason.SLOTS_USED_UP), members=_MEMBERS,
)  # fmt: skip
def register_authorization_server(call: Call, registration_: ServerRegistration) -> Answer:
    """Validate the JWKS location and, if its keys can be used, register the server. It is disabled at first."""
    fields = registration_.fields()
    checked_fields(call.organization, fields, timezone.now(), None)
    found, receipt = _validated(call, fields)
    saved = AddServer(organization_id=call.organization, fields=fields, receipt=receipt).run(call.actor)
    stored = registration(call.organization, saved.server_id)
    location = address_of(f"{_SERVERS}/{saved.server_id}", call.organization)
    return _answer(_with(_shown(call, stored), found), status=201, location=location)


@operation(
    router, "PATCH", _SERVER,
    changes=(_RIGHT, "server_edited"), returns=ValidatedServer, etag=ETag.REQUIRED, identity="server",
    refusals=_OF_FIELDS, members=_MEMBERS,
)  # fmt: skip
def change_authorization_server(call: Call, server: UUID, change: ServerChange) -> Answer:
    """Change an authorization server. Another JWKS location or certificate setting is validated first."""
    stored = registration(call.organization, server)
    if stored.version != call.version:
        # Before the fetch; the command compares again.
        raise fault(Fault.VERSION_DIFFERS)
    fields = change.fields(stored)
    source, _ = checked_fields(call.organization, fields, timezone.now(), stored)
    found, receipt = (None, "") if source == StoredSource.of(stored) else _validated(call, fields)
    EditServer(
        organization_id=call.organization,
        server_id=server,
        expected_version=call.version,
        fields=fields,
        receipt=receipt,
    ).run(call.actor)
    return _answer(_with(_shown(call, registration(call.organization, server)), found))


@operation(
    router, "DELETE", _SERVER,
    changes=(_RIGHT, "server_deleted"), status=204, etag=ETag.REQUIRED, identity="server", refusals=_UNENTITLED,
)  # fmt: skip
def delete_authorization_server(call: Call, server: UUID) -> Answer:
    """Delete an authorization server with its keys and their history."""
    DeleteServer(organization_id=call.organization, server_id=server, expected_version=call.version).run(call.actor)
    return Answer(status=204)


@operation(
    router, "POST", f"{_SERVER}/refresh",
    changes=(_RIGHT, "refresh_requested"), status=202, refusals=(*_UNENTITLED, RefusalReason.TOO_MANY_REQUESTS),
)  # fmt: skip
def refresh_key_set(call: Call, server: UUID) -> Answer:
    """Request a fetch of the key set, at most once in 30 seconds. `fetched_at` shows when it succeeded."""
    RequestRefresh(organization_id=call.organization, server_id=server).run(call.actor)
    return Answer(status=202)


@operation(router, "GET", f"{_SERVER}/key-set", reads=_RIGHT, returns=KeySetWithHistory)
def read_key_set(call: Call, server: UUID) -> Answer:
    """Read the key set with its history, the newest keys first."""
    stored = registration(call.organization, server)
    history = stored.key_history.order_by("-first_seen_at", "-pk")
    current = KeySet.of(stored.key_set)
    return Answer(
        body=KeySetWithHistory(
            **{name: getattr(current, name) for name in KeySet.model_fields},
            history=[HistoricKey.of(key) for key in history],
        )
    )


@operation(
    router, "POST", "/organizations/{slug:organization}/authorization-server-validations",
    changes=(_RIGHT, "validation_attempted"), returns=Validation, members=_MEMBERS,
    refusals=(*_UNENTITLED, RefusalReason.FIELDS_INVALID, RefusalReason.TOO_MANY_REQUESTS),
)  # fmt: skip
def validate_key_source(call: Call, source: KeySource) -> Answer:
    """Validate a JWKS location and save nothing. A failed validation is a 200, too: it says which step failed."""
    findings, _ = validate(
        call.actor,
        call.organization,
        source.jwks_location,
        verify_certificate=source.verify_certificate,
        ca_bundle=source.ca_bundle or "",
    )
    return Answer(body=Validation.of(findings))


_ENABLED: Final = "/organizations/{slug:organization}/enabled-server"


@operation(router, "GET", _ENABLED, reads=_RIGHT, returns=EnabledServer, etag=ETag.SENT)
def read_enabled_server(call: Call) -> Answer:
    """Read which authorization server is enabled. The ETag is the server's own."""
    return _enabled_answer(_enabled(call))


@operation(
    router, "PUT", _ENABLED,
    changes=(_RIGHT, "server_enabled"), returns=EnabledServer, etag=ETag.REQUIRED,
    refusals=(*_UNENTITLED, RefusalReason.TOKENS_OF_OTHERS),
)  # fmt: skip
def change_enabled_server(call: Call, choice: ServerToEnable) -> Answer:
    """Enable an authorization server and disable the other one at the same time; null disables the enabled one.

    If-Match names the server that is enabled now, in the version that was read: one that was changed since is not
    disabled.
    """
    enabled = _enabled(call)
    if call.etag != _etag_of(enabled):
        raise fault(Fault.VERSION_DIFFERS)
    if choice.id is not None:
        if not registrations(call.organization).filter(pk=choice.id).exists():
            sentence = "The organization has no authorization server with this ID."
            raise Problem(
                status=RefusalReason.NOT_FOUND.status,
                reason=RefusalReason.NOT_FOUND.code,
                detail=sentence,
                errors=[Invalid("/id", sentence)],
            )
        EnableServer(
            organization_id=call.organization,
            server_id=choice.id,
            confirmed=choice.confirm_any_token or choice.confirm_any_user,
            expected_enabled=() if enabled is None else (enabled.pk, enabled.version),
        ).run(call.actor)
    elif enabled is not None:
        DisableServer(organization_id=call.organization, server_id=enabled.pk, expected_version=enabled.version).run(
            call.actor
        )
    return _enabled_answer(_enabled(call))


@operation(
    router, "GET", "/organizations/{slug:organization}/publication",
    reads=_RIGHT, returns=Publication,
)  # fmt: skip
def read_publication(call: Call) -> Answer:
    """Read whether the verifiers have the last change. They report it within 25 seconds."""
    return Answer(body=Publication(**asdict(publication_of(call.organization, timezone.now()))))


def _enabled(call: Call) -> AuthorizationServer | None:
    return registrations(call.organization).filter(enabled=True).first()


def _etag_of(enabled: AuthorizationServer | None) -> str:
    return etag("none", 0) if enabled is None else etag(enabled.pk, enabled.version)


def _enabled_answer(enabled: AuthorizationServer | None) -> Answer:
    return Answer(body=EnabledServer(id=None if enabled is None else enabled.pk), etag=_etag_of(enabled))


def _validated(call: Call, fields: ServerFields) -> tuple[Validation, str]:
    """Validate the key source, and return what was found with its receipt.

    Raises:
        Problem: validation_failed, with what was found.
    """
    findings, receipt = validate(
        call.actor,
        call.organization,
        fields.jwks_location,
        verify_certificate=fields.verify_certificate,
        ca_bundle=fields.authority,
    )
    found = Validation.of(findings)
    if receipt is None:
        reason = RefusalReason.VALIDATION_FAILED
        raise Problem(
            status=reason.status,
            reason=reason.code,
            detail=reason.template,
            errors=[Invalid("/jwks_location", _sentence(found))],
            more={"validation": found.model_dump(mode="json")},
        )
    return found, receipt


def _sentence(found: Validation) -> str:
    failed = next((step for step in found.steps if step.outcome == Outcome.FAILED.value), None)
    return "" if failed is None else " ".join(part for part in (failed.detail, failed.fix) if part)


def _shown(call: Call, server: AuthorizationServer) -> Server:
    # Clients that may change it need the whole value to notice that it was changed by someone else.
    return Server.of(server, unmasked=call.actor.may(_RIGHT, call.organization))


def _with(server: Server, validation: Validation | None) -> ValidatedServer:
    members = {name: getattr(server, name) for name in Server.model_fields}
    return ValidatedServer(**members, validation=validation)


def _answer(server: Server, *, status: int = 200, location: str | None = None) -> Answer:
    return Answer(body=server, status=status, etag=etag(server.id, server.version), location=location)
