"""The buttons Validate and Find from issuer: a probe of a JWKS location with a receipt, and an issuer's metadata."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.utils import timezone

from watchword.control.base.actor import Permission
from watchword.control.base.fetch_policy import fetch_policy
from watchword.control.base.refusals import Refusal, RefusalReason
from watchword.control.base.unit_of_work import admitted, release_connection
from watchword.control.servers import receipt
from watchword.control.servers.ca_bundle import canonical, checked_ca_bundle
from watchword.control.servers.key_sets import to_document
from watchword.control.servers.models import Validation
from watchword.control.servers.receipt import Receipt
from watchword.jwks.discovery import NotDiscovered, discover
from watchword.jwks.probe import probe
from watchword.outbound.address import parse_location
from watchword.outbound.ca_bundle import CaBundleRefused

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from datetime import datetime
    from uuid import UUID

    from watchword.control.base.actor import Actor
    from watchword.control.base.unit_of_work import Admission
    from watchword.core.jwk import SigningKey
    from watchword.jwks.findings import Findings
    from watchword.jwks.metadata import Metadata

ATTEMPTS: Final = 10
PER_SECONDS: Final = 60
"""Without a limit an administrator could use Validate as a port scanner (J-15)."""

_MAX_AGE_KEPT: Final = 2**31


def validate(
    actor: Actor, organization_id: str, location: str, *, verify_certificate: bool, ca_bundle: str = ""
) -> tuple[Findings, str | None]:
    """Probe a JWKS location on behalf of an administrator.

    The probe takes up to five seconds and runs outside of any transaction, without locks.

    Args:
        actor: needs API Key Management in the organization.
        organization_id: must be entitled to changes: only then may this service open connections for it.
        location: as typed.
        verify_certificate: the certificate setting to validate with, and to be saved with.
        ca_bundle: CA certificates as typed, trusted for this probe only and to be saved with; "" for none.

    Returns:
        The findings, and the receipt if they may be saved.

    Raises:
        Refusal: fields_invalid (the ca_bundle), not_found, permission_missing, subscription_inactive,
            organization_suspended, too_many_requests.
    """
    attempt = BeginValidation(organization_id=organization_id).run(actor, timezone.now())
    trusted = ca_bundle_to_use(ca_bundle, used=verify_certificate)
    release_connection()
    findings = probe(
        location,
        verify_certificate=verify_certificate,
        ca_bundle=trusted,
        policy=fetch_policy(settings.WATCHWORD),
    )
    if findings.problem is not None or findings.key_set is None:
        return findings, None
    proof = RecordValidation(
        attempt=attempt,
        organization_id=organization_id,
        location=parse_location(location).url,
        verify_certificate=verify_certificate,
        ca_bundle=trusted,
        keys=findings.key_set.keys,
        etag=findings.etag,
        max_age=findings.max_age,
        certificate_expires_at=findings.certificate_expires_at,
    ).run(actor, timezone.now())
    return findings, proof


def find_metadata(
    actor: Actor, organization_id: str, issuer: str, *, verify_certificate: bool, ca_bundle: str = ""
) -> Metadata:
    """Fetch the metadata of an issuer on behalf of an administrator.

    It counts towards the limit of validations, because both open connections.

    Args:
        actor: needs API Key Management in the organization.
        organization_id: must be entitled to changes.
        issuer: as typed; the metadata names exactly this one.
        verify_certificate: the certificate setting to ask with.
        ca_bundle: CA certificates as typed, trusted for this fetch only; "" for none.

    Raises:
        Refusal: fields_invalid (the ca_bundle, the issuer), not_found, permission_missing, subscription_inactive,
            organization_suspended, too_many_requests.
    """
    BeginValidation(organization_id=organization_id).run(actor, timezone.now())
    trusted = ca_bundle_to_use(ca_bundle, used=verify_certificate)
    release_connection()
    found = discover(
        issuer, verify_certificate=verify_certificate, ca_bundle=trusted, policy=fetch_policy(settings.WATCHWORD)
    )
    if isinstance(found, NotDiscovered):
        raise Refusal(RefusalReason.FIELDS_INVALID, field_errors={"issuer": found.sentence})
    return found


def _admitted(actor: Actor, organization_id: str, now: datetime) -> AbstractContextManager[Admission]:
    return admitted(
        actor, organization_id, permission=Permission.API_KEY_MANAGEMENT, action="validation_attempted", now=now
    )


def ca_bundle_to_use(ca_bundle: str, *, used: bool) -> str | None:
    """Return the CA certificates to validate with. Unused ones must be well-formed, too, because they are stored.

    Raises:
        Refusal: fields_invalid.
    """
    try:
        checked = checked_ca_bundle(ca_bundle, timezone.now(), kept=None if used else canonical(ca_bundle))
    except CaBundleRefused as refused:
        raise Refusal(RefusalReason.FIELDS_INVALID, field_errors={"authority": refused.sentence}) from None
    return checked if used else None


@dataclass(frozen=True, slots=True, kw_only=True)
class BeginValidation:
    """Record an attempt before the fetch, so that concurrent attempts count, too."""

    organization_id: str

    def run(self, actor: Actor, now: datetime) -> UUID:
        """Return the attempt. `RecordValidation` adds its document."""
        # Under the organization's lock, so that concurrent attempts do not miss each other.
        with _admitted(actor, self.organization_id, now):
            self._refuse_too_many(now)
            return Validation.objects.create(
                organization_id=self.organization_id, location="", verify_certificate=True, created_at=now
            ).pk

    def _refuse_too_many(self, now: datetime) -> None:
        since = now - timedelta(seconds=PER_SECONDS)
        recent = Validation.objects.filter(organization_id=self.organization_id, created_at__gt=since)
        earlier = list(recent.order_by("-created_at").values_list("created_at", flat=True)[:ATTEMPTS])
        if len(earlier) == ATTEMPTS:
            wait = math.ceil((earlier[-1] - since).total_seconds())
            raise Refusal(RefusalReason.TOO_MANY_REQUESTS, seconds=max(1, wait))


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordValidation:
    """Store what a successful validation fetched until it is saved or its receipt expires.

    Attributes:
        location: normalised.
        ca_bundle: the canonical CA certificates of the check; None for none.
        keys: at least one.
    """

    attempt: UUID
    organization_id: str
    location: str
    verify_certificate: bool
    ca_bundle: str | None = None
    keys: tuple[SigningKey, ...]
    etag: str | None
    max_age: int | None
    certificate_expires_at: datetime | None = None

    def run(self, actor: Actor, now: datetime) -> str:
        """Return the receipt; refused if the actor lost the right during the probe."""
        with _admitted(actor, self.organization_id, now):
            Validation.objects.filter(pk=self.attempt).update(
                location=self.location,
                verify_certificate=self.verify_certificate,
                ca_bundle=self.ca_bundle,
                document=to_document(self.keys),
                etag=self.etag,
                max_age=None if self.max_age is None else min(max(self.max_age, 0), _MAX_AGE_KEPT),
                certificate_expires_at=self.certificate_expires_at,
            )
        return receipt.issue(
            Receipt(
                validation=self.attempt,
                organization=self.organization_id,
                location=self.location,
                verify_certificate=self.verify_certificate,
                ca_bundle_digest=receipt.digest_of(self.ca_bundle),
                issued_at=now.timestamp(),
            )
        )
