"""Authorization servers: add, edit, enable, disable, delete, refresh. The only writers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.conf import settings

from watchword.control.base.actor import Permission
from watchword.control.base.audit_log import difference
from watchword.control.base.refusals import Refusal, RefusalReason
from watchword.control.base.unit_of_work import unit_of_work
from watchword.control.servers import rules
from watchword.control.servers.acceptance import CONFIRMED_BY, accepted, confirmed
from watchword.control.servers.ca_bundle import fingerprints
from watchword.control.servers.conflicts import (
    explained_conflicts,
    find_server,
    free_slot,
    other_servers,
    refuse_taken_name,
    stale,
)
from watchword.control.servers.field_checks import checked_fields
from watchword.control.servers.forced_fetch_commands import bring_forward
from watchword.control.servers.key_sets import KeyChange, labels
from watchword.control.servers.models import AuthorizationServer, KeySetState
from watchword.control.servers.shown_location import on_one_line
from watchword.control.servers.sources import KeySource, install, validated
from watchword.jwks.schedule import FORCED_COOL_DOWN

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from watchword.control.base.actor import Actor
    from watchword.control.base.audit_log import Scalar
    from watchword.control.base.unit_of_work import UnitOfWork
    from watchword.control.servers.rules import ServerFields

_REQUIRED: Final = Permission.API_KEY_MANAGEMENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """The result of a command.

    Attributes:
        version: of the server, for the next edit.
        disabled: the name of the server that the command disabled because only one can be enabled, or None.
    """

    server_id: UUID
    version: int
    disabled: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AddServer:
    """Register a server. Its JWKS location must have been validated less than ten minutes ago."""

    organization_id: str
    fields: ServerFields
    receipt: str

    def run(self, actor: Actor) -> Saved:
        with (
            explained_conflicts(self.organization_id, name=self.fields.name),
            unit_of_work(actor, self.organization_id, permission=_REQUIRED, action="server_added") as work,
        ):
            slot = free_slot(self.organization_id)
            source, ca_bundle = checked_fields(self.organization_id, self.fields, work.now, None)
            refuse_taken_name(self.organization_id, self.fields.name)
            validation = validated(self.organization_id, source, self.receipt, work.now)
            disabled = _disable_other(work) if self.fields.enabled else None
            server = AuthorizationServer(
                organization_id=self.organization_id,
                slot=slot,
                version=0,
                created_at=work.now,
                created_by=work.actor.name,
            )
            server.ca_bundle = ca_bundle
            _save(server, self.fields, source, work)
            keys = install(KeySetState(server=server), validation, settings=settings.WATCHWORD)
            work.record(target=server.name, changes=difference({}, _audit_fields(server)) | keys.as_changes())
            return Saved(server_id=server.pk, version=server.version, disabled=disabled)


@dataclass(frozen=True, slots=True, kw_only=True)
class EditServer:
    """Change a registration.

    Only a change of location, certificate setting or CA certificates needs the receipt of a new validation.
    """

    organization_id: str
    server_id: UUID
    expected_version: int
    fields: ServerFields
    receipt: str = ""

    def run(self, actor: Actor) -> Saved:
        with (
            explained_conflicts(self.organization_id, name=self.fields.name, server_id=self.server_id),
            unit_of_work(actor, self.organization_id, permission=_REQUIRED, action="server_edited") as work,
        ):
            server = find_server(self.organization_id, self.server_id, self.expected_version)
            source, ca_bundle = checked_fields(self.organization_id, self.fields, work.now, server)
            refuse_taken_name(self.organization_id, self.fields.name, server_id=server.pk)
            before = _audit_fields(server)
            moved = source != KeySource.of(server)
            keys = KeyChange(added=(), removed=())
            if moved:
                # The old location's keys are replaced in the same transaction: they must not stay trusted under the new
                # location.
                validation = validated(self.organization_id, source, self.receipt, work.now)
                keys = install(_key_set_of(server), validation, settings=settings.WATCHWORD)
            disabled = _disable_other(work, except_for=server) if self.fields.enabled else None
            server.ca_bundle = ca_bundle
            _save(server, self.fields, source, work)
            # The marks of two hidden values may collide, so the event always has both locations.
            always = frozenset({"jwks_location"}) if moved else frozenset()
            changes = difference(before, _audit_fields(server), always=always)
            work.record(target=server.name, changes=changes | keys.as_changes())
            return Saved(server_id=server.pk, version=server.version, disabled=disabled)


@dataclass(frozen=True, slots=True, kw_only=True)
class EnableServer:
    """Enable a server and disable the other one in the same transaction.

    Attributes:
        confirmed: the administrator confirms that it accepts tokens of others, if it does.
        expected_enabled: the server that is enabled before, with its version; () for none, None for any.
    """

    organization_id: str
    server_id: UUID
    expected_version: int | None = None
    confirmed: bool = False
    expected_enabled: tuple[UUID, int] | tuple[()] | None = None

    def run(self, actor: Actor) -> Saved:
        with (
            explained_conflicts(self.organization_id),
            unit_of_work(actor, self.organization_id, permission=_REQUIRED, action="server_enabled") as work,
        ):
            server = find_server(self.organization_id, self.server_id, self.expected_version)
            if self.expected_enabled is not None:
                _check_enabled(server, self.expected_enabled)
            _check_acceptance(server, confirmed=self.confirmed)
            disabled = _disable_other(work, except_for=server)
            _switch(work, server, enabled=True, knowing=confirmed(server))
            return Saved(server_id=server.pk, version=server.version, disabled=disabled)


@dataclass(frozen=True, slots=True, kw_only=True)
class DisableServer:
    """Disable a server. With none enabled, no token of the organization is accepted."""

    organization_id: str
    server_id: UUID
    expected_version: int | None = None

    def run(self, actor: Actor) -> Saved:
        with unit_of_work(actor, self.organization_id, permission=_REQUIRED, action="server_disabled") as work:
            server = find_server(self.organization_id, self.server_id, self.expected_version)
            _switch(work, server, enabled=False)
            return Saved(server_id=server.pk, version=server.version)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteServer:
    """Delete a server with its keys and their history. The audit log keeps its fields."""

    organization_id: str
    server_id: UUID
    expected_version: int | None = None

    def run(self, actor: Actor) -> None:
        with unit_of_work(actor, self.organization_id, permission=_REQUIRED, action="server_deleted") as work:
            server = find_server(self.organization_id, self.server_id, self.expected_version)
            gone = difference(_audit_fields(server), {})
            keys = KeyChange(added=(), removed=labels(_key_set_of(server)))
            work.record(target=server.name, changes=gone | keys.as_changes())
            server.delete()


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRefresh:
    """Fetch a key set now ("Refresh now"), at most once in 30 seconds."""

    organization_id: str
    server_id: UUID

    def run(self, actor: Actor) -> None:
        with unit_of_work(actor, self.organization_id, permission=_REQUIRED, action="refresh_requested") as work:
            server = find_server(self.organization_id, self.server_id)
            if not bring_forward(server.pk, work.now, stamp="requested_at"):
                raise Refusal(RefusalReason.TOO_MANY_REQUESTS, seconds=FORCED_COOL_DOWN)
            work.record(target=server.name)


def _key_set_of(server: AuthorizationServer) -> KeySetState:
    # Locked, so that a concurrent claim of a worker waits and its fetch is then outdated.
    return KeySetState.objects.select_for_update().get(server=server)


def _check_enabled(server: AuthorizationServer, expected: tuple[UUID, int] | tuple[()]) -> None:
    enabled = other_servers(server.organization_id, None).filter(enabled=True).first()
    if expected != (() if enabled is None else (enabled.pk, enabled.version)):
        raise stale(server if enabled is None else enabled)


def _disable_other(work: UnitOfWork, *, except_for: AuthorizationServer | None = None) -> str | None:
    """Disable the organization's other enabled server, if there is one, and return its name."""
    others = other_servers(work.organization_id, None if except_for is None else except_for.pk)
    other = others.filter(enabled=True).first()
    if other is None:
        return None
    _switch(work, other, enabled=False, action="server_disabled")
    return other.name


def _switch(
    work: UnitOfWork,
    server: AuthorizationServer,
    *,
    enabled: bool,
    action: str | None = None,
    knowing: Mapping[str, Scalar] | None = None,
) -> None:
    before = _audit_fields(server)
    if server.enabled != enabled:
        server.enabled = enabled
        _stamp(server, work)
        server.save()
    changes = difference(before, _audit_fields(server)) | difference({}, knowing or {})
    work.record(target=server.name, changes=changes, action=action)


def _save(server: AuthorizationServer, fields: ServerFields, source: KeySource, work: UnitOfWork) -> None:
    server.enabled = fields.enabled
    server.name = fields.name
    server.description = fields.description
    server.jwks_location = source.location
    server.verify_certificate = source.verify_certificate
    server.audience = rules.stored(fields.audience)
    server.issuer = rules.stored(fields.issuer)
    server.client_id = rules.stored(fields.client_id)
    server.accepts_bound_tokens = fields.accepts_bound_tokens
    server.required_role = rules.stored(fields.required_role)
    _stamp(server, work)
    server.save()


def _stamp(server: AuthorizationServer, work: UnitOfWork) -> None:
    server.version += 1
    server.updated_at = work.now
    server.updated_by = work.actor.name


def _check_acceptance(server: AuthorizationServer, *, confirmed: bool) -> None:
    """Refuse to enable a server that could not be saved now, because the table or a rule is newer than it.

    Raises:
        Refusal: tokens_of_others.
    """
    confirmed_fields = frozenset(CONFIRMED_BY.values()) if confirmed else frozenset[str]()
    fault = accepted(server).fault(confirmed_fields)
    if fault is not None:
        raise Refusal(RefusalReason.TOKENS_OF_OTHERS, sentence=fault[1])


def _audit_fields(server: AuthorizationServer) -> dict[str, Scalar]:
    """Return every field as the log stores it, and what an administrator has confirmed."""
    return {
        "enabled": server.enabled,
        "name": server.name,
        "description": server.description,
        "jwks_location": on_one_line(server.jwks_location),
        "verify_certificate": server.verify_certificate,
        "ca_bundle": fingerprints(server.ca_bundle),
        "audience": server.audience,
        "issuer": server.issuer,
        "client_id": server.client_id,
        "accepts_bound_tokens": server.accepts_bound_tokens,
        "required_role": server.required_role,
        **confirmed(server),
    }
