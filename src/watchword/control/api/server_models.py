"""Authorization servers as the API reads and writes them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Final, Literal, Self
from uuid import UUID

from watchword.control.api.key_set_models import KeySet, SigningKey
from watchword.control.api.types import Body, Change, GivenId, Resource, Text
from watchword.control.servers.acceptance import accepted
from watchword.control.servers.rules import ServerFields, algorithm_label
from watchword.outbound.address import masked

if TYPE_CHECKING:
    from watchword.control.servers.models import AuthorizationServer
    from watchword.jwks.findings import Findings


_CONFIRMATIONS: Final[dict[str | None, Literal["confirm_any_token", "confirm_any_user"]]] = {
    "accept_any": "confirm_any_token",
    "accept_anybody": "confirm_any_user",
}
"""By the field of the Add dialog."""


class Server(Resource):
    """A registered authorization server."""

    id: UUID
    name: str
    description: str
    jwks_location: str
    """The values of its query are replaced by `…` for clients that cannot change the server."""
    verify_certificate: bool
    ca_bundle: str | None
    """CA certificates in PEM that are trusted for the JWKS location."""
    issuer: str | None
    """null accepts any value, as for audience and client_id."""
    audience: str | None
    client_id: str | None
    accepts_bound_tokens: bool
    required_role: str | None
    """The API role that gateways require of each token; null for none."""
    required_confirmation: Literal["confirm_any_token", "confirm_any_user"] | None
    """What a client must confirm to save or enable this registration; null if nothing."""
    enabled: bool
    version: int
    created_at: datetime
    created_by: str
    updated_at: datetime
    updated_by: str
    key_set: KeySet

    @classmethod
    def of(cls, server: AuthorizationServer, *, unmasked: bool) -> Self:
        return cls(
            id=server.pk,
            name=server.name,
            description=server.description,
            jwks_location=server.jwks_location if unmasked else masked(server.jwks_location),
            verify_certificate=server.verify_certificate,
            ca_bundle=server.ca_bundle,
            issuer=server.issuer,
            audience=server.audience,
            client_id=server.client_id,
            accepts_bound_tokens=server.accepts_bound_tokens,
            required_role=server.required_role,
            required_confirmation=_CONFIRMATIONS.get(accepted(server).confirmed_by),
            enabled=server.enabled,
            version=server.version,
            created_at=server.created_at,
            created_by=server.created_by,
            updated_at=server.updated_at,
            updated_by=server.updated_by,
            key_set=KeySet.of(server.key_set),
        )


class Servers(Resource):
    """All authorization servers of an organization; at most two."""

    items: list[Server]


class ValidationStep(Resource):
    """The result of one step of a validation."""

    step: str
    outcome: str
    """passed, warned, failed or not_reached."""
    milliseconds: int
    detail: str
    fix: str | None


class IgnoredKey(Resource):
    """A published key that is not used."""

    kid: str | None
    kty: str | None
    detail: str


class Validation(Resource):
    """What one fetch of a JWKS location found."""

    succeeded: bool
    problem: str | None
    """The stable code of the failure."""
    steps: list[ValidationStep]
    keys: list[SigningKey]
    ignored_keys: list[IgnoredKey]
    certificate_expires_at: datetime | None

    @classmethod
    def of(cls, findings: Findings) -> Self:
        keys = () if findings.key_set is None else findings.key_set.keys
        return cls(
            succeeded=findings.succeeded,
            problem=None if findings.problem is None else findings.problem.code,
            steps=[
                ValidationStep(
                    step=step.step.code,
                    outcome=step.outcome.value,
                    milliseconds=step.milliseconds,
                    detail=step.sentence,
                    fix=step.fix,
                )
                for step in findings.steps
            ],
            keys=[
                SigningKey(
                    kid=key.kid,
                    kty=key.kty,
                    algorithm=algorithm_label(kty=key.kty, alg=key.alg, bits=key.bits),
                    bits=key.bits,
                    thumbprint=key.thumbprint,
                )
                for key in keys
            ],
            ignored_keys=[
                IgnoredKey(kid=key.kid, kty=key.kty, detail=key.problem.sentence) for key in findings.ignored
            ],
            certificate_expires_at=findings.certificate_expires_at,
        )


class ValidatedServer(Server):
    """A server, and the validation of its JWKS location if this request made one."""

    validation: Validation | None


class KeySource(Body):
    """What is validated."""

    jwks_location: str
    verify_certificate: bool = True
    ca_bundle: Text | None = None


class ServerRegistration(KeySource):
    """A new authorization server. It is disabled until `enabled-server` names it."""

    name: str
    description: str = ""
    issuer: Text | None = None
    audience: Text | None = None
    client_id: Text | None = None
    accepts_bound_tokens: bool = False
    required_role: Text | None = None
    confirm_any_token: bool = False
    """Accept every token that the server signs. Required if issuer, audience and client_id are all null."""
    confirm_any_user: bool = False
    """Accept tokens that any user of a shared server can request."""

    def fields(self) -> ServerFields:
        """Return them as the Add dialog has them."""
        return ServerFields(
            enabled=False,
            name=self.name,
            description=self.description,
            jwks_location=self.jwks_location,
            verify_certificate=self.verify_certificate,
            authority=self.ca_bundle or "",
            issuer=self.issuer or "",
            audience=self.audience or "",
            client_id=self.client_id or "",
            accepts_bound_tokens=self.accepts_bound_tokens,
            required_role=self.required_role or "",
            accept_any=self.confirm_any_token,
            accept_anybody=self.confirm_any_user,
        )


class ServerChange(Change):
    """The members to change; all others stay as they are."""

    name: str = ""
    description: str = ""
    jwks_location: str = ""
    verify_certificate: bool = True
    ca_bundle: Text | None = None
    issuer: Text | None = None
    audience: Text | None = None
    client_id: Text | None = None
    accepts_bound_tokens: bool = False
    required_role: Text | None = None
    confirm_any_token: bool = False
    confirm_any_user: bool = False

    def fields(self, server: AuthorizationServer) -> ServerFields:
        """Return the server's fields after the change."""
        stored = {
            name: getattr(server, name)
            for name in ServerRegistration.model_fields
            if name not in {"confirm_any_token", "confirm_any_user"}
        }
        given = {name: getattr(self, name) for name in self.model_fields_set}
        fields = ServerRegistration.model_construct(**{**stored, **given}).fields()
        return replace(fields, enabled=server.enabled)


class EnabledServer(Resource):
    """The one enabled server; null if none is."""

    id: UUID | None


class ServerToEnable(Body):
    """The server to enable; null disables the enabled one."""

    id: GivenId | None
    confirm_any_token: bool = False
    confirm_any_user: bool = False


class Publication(Resource):
    """Which verifiers have the newest trust of the organization."""

    revision: int | None
    """Grows with each change; null before the first one."""
    verifiers: int
    """How many follow the feed."""
    up_to_date: int
    """How many of them have the revision and can read it."""
