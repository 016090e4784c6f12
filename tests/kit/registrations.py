"""Organizations with authorization servers in the control plane's database: for tests that change one thing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from django.utils import timezone

from kit import forge
from watchword.control.audit.models import AuditEvent
from watchword.control.base.actor import Actor, Interface, Permission
from watchword.control.fleet.models import FeedState
from watchword.control.organizations.models import Organization, Subscription, Suspension, SuspensionReason
from watchword.control.servers.ca_bundle import canonical
from watchword.control.servers.commands import AddServer
from watchword.control.servers.key_set_commands import RefreshSettings, claim_due, record_findings
from watchword.control.servers.models import AuthorizationServer, KeySetState
from watchword.control.servers.rules import ServerFields
from watchword.control.servers.validate import BeginValidation, RecordValidation
from watchword.core.jwk import admit
from watchword.jwks.findings import Findings

if TYPE_CHECKING:
    from watchword.control.servers.key_set_commands import Claim, Recorded
    from watchword.control.servers.models import Validation
    from watchword.jwks.problem import Problem

LOCATION: Final = "https://login.acme.example/keys"
OTHER_LOCATION: Final = "https://login.acme.example/other-keys"
SETTINGS: Final = RefreshSettings(interval=300, hard_limit=86_400)


def administrator(name: str, organization_id: str, *permissions: Permission) -> Actor:
    """Rights without a person, as of code that runs on the machine: they are not re-read.

    `people.acting` gives the actor of a person who is signed in.
    """
    return Actor(
        name=f"{name}@{organization_id}.example",
        organization=organization_id,
        permissions=frozenset(permissions),
        interface=Interface.COMMAND_LINE,
        address="192.0.2.7",
    )


ALICE: Final = administrator("alice", "acme", Permission.API_KEY_MANAGEMENT)
BOB: Final = administrator("bob", "acme", Permission.AUDIT_LOGS)
"""Of Acme, too, but with a role that does not carry API Key Management."""
CHARLIE: Final = administrator("charlie", "globex", Permission.API_KEY_MANAGEMENT)


def organization(organization_id: str = "acme") -> Organization:
    """An organization with an active API subscription."""
    now = timezone.now()
    created = Organization.objects.create(id=organization_id, name=organization_id.title(), created_at=now)
    Subscription.objects.create(
        organization=created, starts_at=now - timedelta(days=30), expires_at=now + timedelta(days=300)
    )
    return created


def expire(organization_id: str = "acme") -> None:
    Subscription.objects.filter(pk=organization_id).update(expires_at=timezone.now() - timedelta(seconds=1))


def suspend(organization_id: str = "acme") -> None:
    Suspension.objects.create(
        organization_id=organization_id,
        reason=SuspensionReason.TERMS_VIOLATED,
        reference="CASE-1",
        started_at=timezone.now(),
        started_by="operator",
    )


def fields(**changes: Any) -> ServerFields:
    good: dict[str, Any] = {
        "enabled": True,
        "name": "ProdOkta",
        "description": "",
        "jwks_location": LOCATION,
        "verify_certificate": True,
        "audience": "https://api.example/",
        "issuer": "https://login.acme.example/",
        "client_id": "",
    }
    return ServerFields(**{**good, **changes})


def receipt(
    *keys: forge.Key,
    actor: Actor = ALICE,
    location: str = LOCATION,
    verify_certificate: bool = True,
    authority: str | None = None,
    at: datetime | None = None,
    etag: str | None = None,
) -> str:
    """The receipt of a successful validation that found these keys; one key if none is named."""
    assert actor.organization is not None
    begun = at or timezone.now()
    return RecordValidation(
        attempt=BeginValidation(organization_id=actor.organization).run(actor, begun),
        organization_id=actor.organization,
        location=location,
        verify_certificate=verify_certificate,
        ca_bundle=authority,
        keys=admit(forge.key_set(*(keys or (forge.ec_key("first"),)))).keys,
        etag=etag,
        max_age=None,
    ).run(actor, begun)


def add(*keys: forge.Key, actor: Actor = ALICE, **changes: Any) -> AuthorizationServer:
    """A registered server with these keys; one key if none is named."""
    assert actor.organization is not None
    wanted = fields(**changes)
    proof = receipt(
        *keys,
        actor=actor,
        location=wanted.jwks_location,
        verify_certificate=wanted.verify_certificate,
        authority=canonical(wanted.authority) if wanted.verify_certificate else None,
    )
    saved = AddServer(organization_id=actor.organization, fields=wanted, receipt=proof).run(actor)
    return AuthorizationServer.objects.get(pk=saved.server_id)


def found(*keys: forge.Key, etag: str | None = None, max_age: int | None = None) -> Findings:
    """The findings of a successful probe."""
    return Findings(steps=(), key_set=admit(forge.key_set(*keys)), etag=etag, max_age=max_age)


def not_modified(max_age: int | None = None) -> Findings:
    return Findings(steps=(), not_modified=True, max_age=max_age)


def failed(problem: Problem) -> Findings:
    return Findings(steps=(), problem=problem)


def stored_jwks(state: KeySetState | Validation) -> list[dict[str, str]]:
    """The stored keys, or those that a validation found."""
    return list(state.document or [])


def make_due(state: KeySetState, at: datetime) -> None:
    type(state).objects.filter(pk=state.pk).update(due_at=at)


def claim_at(now: datetime, holder: str = "one") -> Claim:
    """The only key set, claimed by the worker `holder` as soon as it is due."""
    make_due(KeySetState.objects.get(), now)
    (claim,) = claim_due(holder, now, 8)
    return claim


def fetch(findings: Findings, now: datetime) -> Recorded:
    """One turn of a worker with this finding."""
    return record_findings(claim_at(now), findings, now, SETTINGS)


def after(seconds: float) -> datetime:
    """An instant after the only key set's last good fetch."""
    fetched_at = KeySetState.objects.get().fetched_at
    assert fetched_at is not None
    return fetched_at + timedelta(seconds=seconds)


def events(action: str | None = None) -> list[AuditEvent]:
    """The audit events, oldest first."""
    found_events = AuditEvent.objects.order_by("sequence")
    return list(found_events if action is None else found_events.filter(action=action))


def revision() -> int:
    """The newest revision of the feed; 0 if there was none."""
    state = FeedState.objects.first()
    return 0 if state is None else state.revision


def at(seconds: float) -> datetime:
    """An instant, `seconds` after a fixed one."""
    return datetime.fromtimestamp(forge.NOW + seconds, tz=UTC)
