"""Reading the authorization servers of an organization, for pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from watchword.control.servers import rotation, rules
from watchword.control.servers.acceptance import accepted
from watchword.control.servers.ca_bundle import described, state_of
from watchword.control.servers.models import AuthorizationServer, KeyHistory
from watchword.control.servers.rotation import WithdrawnKey
from watchword.control.servers.shown_location import ShownLocation, shown_location
from watchword.jwks.problem import Problem
from watchword.outbound.address import masked

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from uuid import UUID

    from watchword.control.servers.acceptance import AcceptanceWarning
    from watchword.control.servers.ca_bundle import AttachedCertificate
    from watchword.control.servers.rotation import RotationWarning

PROBLEMS: Final = {problem.code: problem for problem in Problem}

THUMBPRINT_SHOWN: Final = 11

_FAULT_OF_OURS: Final = ("The keys could not be fetched because of a fault of this service.", None)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRow:
    """One key of a server, for the expanded row.

    Attributes:
        withdrawn_at: None while it is published.
        asked_at: when a token with this kid was last reported, if recently; else None.
    """

    kid: str | None
    algorithm: str
    kty: str
    bits: int
    thumbprint: str
    first_seen_at: datetime
    last_seen_at: datetime
    withdrawn_at: datetime | None
    asked_at: datetime | None

    @property
    def thumbprint_begin(self) -> str:
        return f"{self.thumbprint[:THUMBPRINT_SHOWN]}…"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerRow:
    """One registration, for the list.

    Attributes:
        jwks_location: for display, with the values of its query hidden.
        shown_location: the same in parts, so that two servers on one host look different.
        ca_bundle: the attached CA certificates; empty while the certificate is not validated.
        ca_bundle_state: good, soon or expired; None without any.
        audience, issuer, client_id: None means any.
        required_role: None means none.
        key_algorithms: the algorithms of `keys`, each once, sorted.
        keys: the keys in use, the newest first.
        withdrawn_keys: the last withdrawn first; at most `rotation.HISTORY_SHOWN`.
        withdrawn_left_out: how many more there are.
        fetch: a value of `rules.FetchState`.
        last_successful_fetch: None before the first.
        failing_since, problem, fix: all None unless the latest fetch failed.
        keys_good_until: when the keys expire; None without keys.
        keys_believed: whether there are keys that have not expired.
        acceptance: the warning about whose tokens are accepted; None if only the organization's own are.
        must_confirm: whether enabling it needs a confirmation.
        rotation: warnings about the key rotation.
    """

    id: UUID
    slot: int
    enabled: bool
    name: str
    description: str
    jwks_host: str
    jwks_location: str
    shown_location: ShownLocation
    verify_certificate: bool
    ca_bundle: tuple[AttachedCertificate, ...]
    ca_bundle_state: str | None
    audience: str | None
    issuer: str | None
    client_id: str | None
    accepts_bound_tokens: bool
    required_role: str | None
    version: int
    updated_at: datetime
    updated_by: str
    key_algorithms: tuple[str, ...]
    keys: tuple[KeyRow, ...]
    withdrawn_keys: tuple[KeyRow, ...]
    withdrawn_left_out: int
    fetch: str
    last_successful_fetch: datetime | None
    last_attempt: datetime | None
    failing_since: datetime | None
    problem: str | None
    fix: str | None
    keys_good_until: datetime | None
    keys_believed: bool
    acceptance: AcceptanceWarning | None
    must_confirm: bool
    rotation: tuple[RotationWarning, ...]

    @property
    def lasting_failure(self) -> RotationWarning | None:
        """The warning about a `problem` that lasts."""
        return next((warning for warning in self.rotation if warning.place is rotation.Place.FETCH), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerDetail:
    """One registration, with the names of the Edit form: blank fields are "", the location is complete."""

    id: UUID
    version: int
    enabled: bool
    name: str
    description: str
    jwks_location: str
    verify_certificate: bool
    authority: str
    audience: str
    issuer: str
    client_id: str
    accepts_bound_tokens: bool
    required_role: str
    updated_at: datetime
    updated_by: str


def list_servers(organization_id: str, now: datetime) -> tuple[ServerRow, ...]:
    """Return all servers of the organization at `now`, oldest first, in a constant number of queries."""
    servers = (
        AuthorizationServer.objects.filter(organization_id=organization_id)
        .select_related("key_set")
        .prefetch_related("key_history")
        .order_by("created_at", "slot")
    )
    return tuple(_row(server, now) for server in servers)


def server_of(organization_id: str, server_id: UUID) -> ServerDetail | None:
    """Return the organization's server with this id; None for another organization's, too (M-11)."""
    server = AuthorizationServer.objects.filter(organization_id=organization_id, pk=server_id).first()
    if server is None:
        return None
    return ServerDetail(
        id=server.pk,
        version=server.version,
        enabled=server.enabled,
        name=server.name,
        description=server.description,
        jwks_location=server.jwks_location,
        verify_certificate=server.verify_certificate,
        authority=server.ca_bundle or "",
        audience=server.audience or "",
        issuer=server.issuer or "",
        client_id=server.client_id or "",
        accepts_bound_tokens=server.accepts_bound_tokens,
        required_role=server.required_role or "",
        updated_at=server.updated_at,
        updated_by=server.updated_by,
    )


def servers_requiring_api_role(organization_id: str, role: str) -> list[str]:
    """Return the names of the organization's servers that require this API role, also of disabled ones; sorted."""
    servers = AuthorizationServer.objects.filter(organization_id=organization_id, required_role=role)
    return list(servers.order_by("name").values_list("name", flat=True))


def organizations_that_require_roles() -> list[str]:
    """Return the ids of the organizations with an enabled server that requires an API role, sorted."""
    servers = AuthorizationServer.objects.filter(enabled=True, required_role__isnull=False)
    return list(servers.order_by("organization_id").values_list("organization_id", flat=True))


def _row(server: AuthorizationServer, now: datetime) -> ServerRow:
    state = server.key_set
    history = server.key_history.all()
    in_use = tuple(_key_row(key, now) for key in sorted(history, key=_newest_first) if key.withdrawn_at is None)
    withdrawn = sorted(_withdrawn(history), key=lambda pair: pair[0], reverse=True)
    shown = withdrawn[: rotation.HISTORY_SHOWN]
    ca_bundle = described(server.ca_bundle, now) if server.verify_certificate else ()
    problem, fix = problem_of(state.problem, ca_bundle)
    accepts = accepted(server)
    return ServerRow(
        id=server.pk,
        slot=server.slot,
        enabled=server.enabled,
        name=server.name,
        description=server.description,
        jwks_host=urlsplit(server.jwks_location).hostname or "",
        jwks_location=masked(server.jwks_location),
        shown_location=shown_location(server.jwks_location),
        verify_certificate=server.verify_certificate,
        ca_bundle=ca_bundle,
        ca_bundle_state=state_of(ca_bundle),
        audience=server.audience,
        issuer=server.issuer,
        client_id=server.client_id,
        accepts_bound_tokens=server.accepts_bound_tokens,
        required_role=server.required_role,
        version=server.version,
        updated_at=server.updated_at,
        updated_by=server.updated_by,
        key_algorithms=tuple(sorted({key.algorithm for key in in_use})),
        keys=in_use,
        withdrawn_keys=tuple(_key_row(key, now) for _, key in shown),
        withdrawn_left_out=len(withdrawn) - len(shown),
        fetch=rules.fetch_state(
            now=now,
            fetched_at=state.fetched_at,
            attempted_at=state.attempted_at,
            requested_at=state.requested_at,
            leased_until=state.lease_until,
            failing_since=state.failing_since,
        ).value,
        last_successful_fetch=state.fetched_at,
        last_attempt=state.attempted_at,
        failing_since=state.failing_since,
        problem=problem,
        fix=fix,
        keys_good_until=state.good_until,
        keys_believed=state.good_until is not None and now < state.good_until,
        acceptance=accepts.warning,
        must_confirm=accepts.confirmed_by is not None,
        rotation=rotation.warnings(
            now=now,
            host=urlsplit(server.jwks_location).hostname or "",
            verify_certificate=server.verify_certificate,
            failing_since=state.failing_since,
            keys_good_until=state.good_until,
            certificate_expires_at=state.certificate_expires_at,
            replaced_at=state.replaced_at,
            withdrawn=[
                WithdrawnKey(kid=key.kid, withdrawn_at=withdrawn_at, asked_at=key.asked_at)
                for withdrawn_at, key in withdrawn
            ],
        ),
    )


def _withdrawn(history: Iterable[KeyHistory]) -> list[tuple[datetime, KeyHistory]]:
    return [(key.withdrawn_at, key) for key in history if key.withdrawn_at is not None]


def _key_row(key: KeyHistory, now: datetime) -> KeyRow:
    return KeyRow(
        kid=key.kid,
        algorithm=rules.algorithm_label(kty=key.kty, alg=key.alg, bits=key.bits),
        kty=key.kty,
        bits=key.bits,
        thumbprint=key.thumbprint,
        first_seen_at=key.first_seen_at,
        last_seen_at=key.last_seen_at,
        withdrawn_at=key.withdrawn_at,
        asked_at=key.asked_at if rotation.is_named(key.withdrawn_at, key.asked_at, now) else None,
    )


def _newest_first(key: KeyHistory) -> tuple[float, str]:
    return (-key.first_seen_at.timestamp(), key.kid or "")


def problem_of(code: str | None, ca_bundle: tuple[AttachedCertificate, ...] = ()) -> tuple[str | None, str | None]:
    """Return the sentence about a failed fetch and its fix; both None for None.

    Args:
        code: the stored problem.
        ca_bundle: the CA certificates that the registration trusts, so that the sentence names the expired ones.
    """
    if code is None:
        return None, None
    known = PROBLEMS.get(code)
    if known is Problem.AUTHORITY_EXPIRED and ca_bundle:
        names = ", ".join(f"“{each.name}”" for each in ca_bundle if each.state == "expired")
        return f"{known.sentence} It is {names}.", known.fix
    return _FAULT_OF_OURS if known is None else (known.sentence, known.fix)
