"""Acme in the portal without any network: people signed in by a planted session, servers saved by the real commands.

The responses of JWKS locations are in `ANSWERS`, a table by host that replaces the probe's network.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Final

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.utils import timezone

from kit import authorities, forge, people
from watchword.control.base.actor import Permission, command_line
from watchword.control.identity.factor_rules import Factor
from watchword.control.identity.models import Person, PersonKind, Role
from watchword.control.identity.session_store import SessionStore
from watchword.control.organizations.commands import CreateOrganization, SetSubscription
from watchword.control.organizations.models import Organization
from watchword.control.servers.ca_bundle import canonical
from watchword.control.servers.commands import AddServer
from watchword.control.servers.models import KeyHistory, KeySetState
from watchword.control.servers.rules import ServerFields
from watchword.control.servers.validate import BeginValidation, RecordValidation
from watchword.core.jwk import KeySetRefused, admit
from watchword.jwks.discovery import NotDiscovered
from watchword.jwks.discovery_problems import OTHER_ISSUER
from watchword.jwks.findings import Findings, Outcome, Step, StepFinding
from watchword.jwks.metadata import Fault, Metadata, UnusableMetadata
from watchword.jwks.problem import Problem
from watchword.outbound.address import LocationRefused, parse_location
from watchword.outbound.chain import read_chain

if TYPE_CHECKING:
    from uuid import UUID

    from watchword.control.base.actor import Actor
    from watchword.jwks.fetch import FetchPolicy
    from watchword.outbound.chain import PresentedChain

ACME: Final = "acme"
LOCATION: Final = "https://login.acme.example/oauth2/default/v1/keys"
FIREFOX: Final = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
UNKNOWN_AUTHORITY: Final = "https://sso.internal.acme.example/pf/JWKS"
SELF_SIGNED: Final = "https://appliance.acme.example/jwks"
WITHOUT_ROOT: Final = "https://idp.acme.example/keys"
EXPIRED: Final = "https://old.acme.example/keys"
METADATA: Final = "https://login.acme.example/oauth2/default/.well-known/openid-configuration"
FOREIGN_METADATA: Final = "https://sts.acme.example/.well-known/openid-configuration"
UNUSABLE_METADATA: Final = "https://login.acme.example/common/.well-known/openid-configuration"
SLOW: Final = "https://slow.acme.example/keys"
GOOGLE: Final = "https://www.googleapis.com/oauth2/v3/certs"
GITLAB: Final = "https://gitlab.com/oauth/discovery/keys"

PROD_OKTA: Final = ServerFields(
    enabled=True,
    name="ProdOkta",
    description="Batch jobs and partner integrations",
    jwks_location=LOCATION,
    verify_certificate=True,
    audience="https://api.example.com",
    issuer="https://login.acme.example/oauth2/default",
    client_id="",
)
STANDBY: Final = ServerFields(
    enabled=False,
    name="StandbyKeycloak",
    description="",
    jwks_location="https://id.acme.example/realms/prod/protocol/openid-connect/certs",
    verify_certificate=False,
    audience="",
    issuer="",
    client_id="acme-batch",
)


def acme() -> Organization:
    """Acme with an API subscription."""
    CreateOrganization(organization_id=ACME, name="Acme Corporation").run(command_line())
    now = timezone.now()
    SetSubscription(
        organization_id=ACME, starts_at=now - timedelta(days=400), expires_at=now + timedelta(days=300)
    ).run(command_line())
    return Organization.objects.get(pk=ACME)


def expire() -> None:
    """End Acme's API subscription three days ago."""
    now = timezone.now()
    SetSubscription(organization_id=ACME, starts_at=now - timedelta(days=400), expires_at=now - timedelta(days=3)).run(
        command_line()
    )


def person(name: str, *permissions: Permission) -> Person:
    """An administrator of Acme whose role holds these permissions."""
    role = Role.objects.create(
        organization_id=ACME, name=f"Role of {name}", permissions=[permission.value for permission in permissions]
    )
    return Person.objects.create(
        email=f"{name.lower()}@acme.example",
        name=name,
        kind=PersonKind.ADMINISTRATOR,
        organization_id=ACME,
        role=role,
        created_at=timezone.now(),
    )


def alice() -> Person:
    """May manage Acme's authorization servers."""
    return person("Alice", Permission.API_KEY_MANAGEMENT)


def bob() -> Person:
    """An administrator of Acme whose role lacks API Key Management."""
    return person("Bob", Permission.AUDIT_LOGS)


def acting(somebody: Person) -> Actor:
    return people.acting(somebody, address="127.0.0.1")


def session_of(somebody: Person, *, user_agent: str = FIREFOX, address: str = "127.0.0.1") -> str:
    """The session key of a person who has just signed in."""
    session = SessionStore()
    session[SESSION_KEY] = str(somebody.pk)
    session[BACKEND_SESSION_KEY] = "watchword.control.identity.backend.PasswordBackend"
    session[HASH_SESSION_KEY] = somebody.get_session_auth_hash()
    session.create()
    # A passkey is enough for everyone.
    session.begin(timezone.now(), address=address, user_agent=user_agent, factors={Factor.PASSKEY})
    return str(session.session_key)


def keys_document() -> bytes:
    """Two used keys and an unused one."""
    return forge.key_set(
        forge.rsa_key("prod").named("prod-2026-11").jwk(alg="RS256"),
        forge.ec_key("prod").named("prod-ec-1"),
        forge.rsa_key("encryption").named("enc-1").jwk(use="enc"),
    )


def receipt_for(actor: Actor, fields: ServerFields) -> str:
    """The receipt of a successful validation, as the Validate button leaves it."""
    attempt = BeginValidation(organization_id=ACME).run(actor, timezone.now())
    return RecordValidation(
        attempt=attempt,
        organization_id=ACME,
        location=parse_location(fields.jwks_location).url,
        verify_certificate=fields.verify_certificate,
        ca_bundle=canonical(fields.authority) if fields.verify_certificate else None,
        keys=admit(keys_document()).keys,
        etag=None,
        max_age=None,
    ).run(actor, timezone.now())


def add(actor: Actor, fields: ServerFields) -> UUID:
    return AddServer(organization_id=ACME, fields=fields, receipt=receipt_for(actor, fields)).run(actor).server_id


def age(server: UUID, *, fetched_minutes_ago: int, failing: bool = False) -> None:
    """Move the last fetch into the past; fetches have failed since then if `failing`."""
    then = timezone.now() - timedelta(minutes=fetched_minutes_ago)
    failure = {"failing_since": then, "problem": Problem.CONNECTION_FAILED.code, "failures": 3} if failing else {}
    KeySetState.objects.filter(server_id=server).update(fetched_at=then, **failure)
    for key in KeyHistory.objects.filter(server_id=server):
        key.first_seen_at, key.last_seen_at = then - timedelta(days=41), then
        key.thumbprint = thumbprint(key.kid or "")
        key.save()


def thumbprint(kid: str) -> str:
    """Made from the name: the keys differ in every process, and pictures must not change."""
    return forge.b64(hashlib.sha256(kid.encode()).digest())


def probe(
    location: str,
    *,
    verify_certificate: bool,
    ca_bundle: str | None = None,
    policy: FetchPolicy,
    etag: str | None = None,
) -> Findings:
    """Replaces `watchword.jwks.probe.probe`: the rules about the location are real, the network is a table."""
    try:
        host = parse_location(location).host
    except LocationRefused as refused:
        return _failed(Step.ADDRESS, Problem.of(refused.failure))
    if location in PRESENTED and verify_certificate:
        problem, chain = PRESENTED[location]
        if ca_bundle is None or problem is Problem.CERTIFICATE_EXPIRED:
            return _failed(Step.TLS, problem, read_chain(chain(), timezone.now()))
    if location == SLOW:
        time.sleep(1.2)
    if location in READ_METADATA:
        return replace(_failed(Step.JWKS, Problem.METADATA), metadata=READ_METADATA[location])
    if not host.endswith(".acme.example") and location not in (GOOGLE, GITLAB):
        return _failed(Step.ADDRESS, Problem.HOST_NOT_FOUND)
    try:
        key_set = admit(keys_document())
    except KeySetRefused:  # pragma: no cover - the document is good.
        raise AssertionError("the sample's own keys are refused") from None
    steps: tuple[StepFinding, ...] = _PASSED
    if not verify_certificate:
        unchecked = StepFinding(
            Step.TLS,
            Outcome.WARNED,
            31,
            "TLS 1.3; the certificate was not validated.",
            "Turn JWKS Server Certificate Validation on once the certificate is signed by a recognized authority.",
        )
        steps = tuple(unchecked if step.step is Step.TLS else step for step in steps)
    return Findings(steps=steps, key_set=key_set, ignored=key_set.ignored)


def _chain_of_a_private_root() -> list[bytes]:
    root = private_root()
    intermediate = authorities.issue("Acme Issuing CA 2", by=root)
    own = authorities.issue("sso.internal.acme.example", by=intermediate, authority=False)
    return [own.der, intermediate.der, root.der]


@cache
def private_root() -> authorities.Issued:
    """Acme's own root, the same for as long as the process runs."""
    return authorities.issue("Acme Corporation Internal Root CA", starts_in_days=-900, expires_in_days=2700)


def _self_signed() -> list[bytes]:
    return [authorities.issue("appliance.acme.example", authority=None).der]


def _without_root() -> list[bytes]:
    return _chain_of_a_private_root()[:2]


def _expired() -> list[bytes]:
    return [authorities.issue("old.acme.example", by=private_root(), authority=False, expires_in_days=-3).der]


PRESENTED: Final = {
    UNKNOWN_AUTHORITY: (Problem.CERTIFICATE_UNKNOWN_AUTHORITY, _chain_of_a_private_root),
    SELF_SIGNED: (Problem.CERTIFICATE_SELF_SIGNED, _self_signed),
    WITHOUT_ROOT: (Problem.CERTIFICATE_UNKNOWN_AUTHORITY, _without_root),
    EXPIRED: (Problem.CERTIFICATE_EXPIRED, _expired),
}
"""What servers whose certificates are refused present, by location; an attached authority cures all but expiry."""

_METADATA: Final = Metadata(PROD_OKTA.issuer, LOCATION)
READ_METADATA: Final[dict[str, Metadata | UnusableMetadata]] = {
    METADATA: _METADATA,
    FOREIGN_METADATA: _METADATA,
    UNUSABLE_METADATA: UnusableMetadata("issuer", Fault.PLACEHOLDER),
}
"""What metadata that stands in the place of a key set says, by location."""


def discover(
    issuer: str, *, verify_certificate: bool, ca_bundle: str | None = None, policy: FetchPolicy
) -> Metadata | NotDiscovered:
    """Replaces `watchword.jwks.discovery.discover`: only one issuer has metadata."""
    if issuer == PROD_OKTA.issuer:
        return _METADATA
    return NotDiscovered(OTHER_ISSUER.format(named=PROD_OKTA.issuer, typed=issuer))


_PASSED: Final = (
    StepFinding(Step.ADDRESS, Outcome.PASSED, 9, "The host has 2 public addresses."),
    StepFinding(Step.CONNECT, Outcome.PASSED, 18, "Connected to port 443."),
    StepFinding(
        Step.TLS, Outcome.PASSED, 31, "TLS 1.3; certificate issued by Example Trust R4, valid until 14 February 2027."
    ),
    StepFinding(Step.HTTP, Outcome.PASSED, 42, "Status 200, 2.1 KiB."),
    StepFinding(Step.JWKS, Outcome.PASSED, 1, "The answer is a JSON Web Key Set of public keys."),
    StepFinding(Step.KEYS, Outcome.PASSED, 0, "2 usable keys, 1 ignored."),
)


def _failed(at: Step, problem: Problem, chain: PresentedChain | None = None) -> Findings:
    reached = list(Step).index(at)
    steps = [
        replace(passed, outcome=Outcome.NOT_REACHED, milliseconds=0, sentence="Not reached.", fix=None)
        if position > reached
        else passed
        for position, passed in enumerate(_PASSED)
    ]
    steps[reached] = StepFinding(at, Outcome.FAILED, 100, problem.sentence, problem.fix)
    return Findings(steps=tuple(steps), problem=problem, chain=chain)
