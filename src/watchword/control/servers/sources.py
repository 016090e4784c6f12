"""A server's key source, and installing the keys of its validation."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from watchword.control.base.refusals import Refusal, RefusalReason
from watchword.control.servers.key_sets import KeyChange, from_document, from_unix, put_keys
from watchword.control.servers.models import Validation
from watchword.control.servers.receipt import ReceiptRefused, digest_of, read
from watchword.jwks.schedule import next_due

if TYPE_CHECKING:
    from datetime import datetime

    from watchword.control.servers.models import AuthorizationServer, KeySetState
    from watchword.control.servers.receipt import Receipt
    from watchword.settings.control import ControlSettings

_DICE: Final = random.SystemRandom()


@dataclass(frozen=True, slots=True)
class KeySource:
    """What is validated: the normalised JWKS location, the certificate setting and the attached CA certificates.

    A change of any of them is another source: keys fetched without the check deserve less trust, and the owner of a CA
    can impersonate the server.
    """

    location: str
    verify_certificate: bool
    ca_bundle: str | None

    @classmethod
    def named(cls, location: str, *, verify_certificate: bool, ca_bundle: str | None) -> KeySource:
        """Create a source. Without the certificate check the stored CA certificates are not part of it."""
        return cls(location, verify_certificate, ca_bundle if verify_certificate else None)

    @classmethod
    def of(cls, server: AuthorizationServer) -> KeySource:
        return cls.named(server.jwks_location, verify_certificate=server.verify_certificate, ca_bundle=server.ca_bundle)

    def is_of(self, proof: Receipt) -> bool:
        """Whether exactly this source was validated."""
        return (proof.location, proof.verify_certificate, proof.ca_bundle_digest) == (
            self.location,
            self.verify_certificate,
            digest_of(self.ca_bundle),
        )


def validated(organization_id: str, source: KeySource, receipt: str, now: datetime) -> Validation:
    """Return the successful validation of the receipt.

    Raises:
        Refusal: validation_missing (none, or not this organization's), validation_for_other_location,
            validation_expired.
    """
    try:
        proof = read(receipt, now=now.timestamp())
    except ReceiptRefused as refused:
        raise _refusal(
            RefusalReason.VALIDATION_EXPIRED if refused.expired else RefusalReason.VALIDATION_MISSING
        ) from None
    if proof.organization != organization_id:
        raise _refusal(RefusalReason.VALIDATION_MISSING)
    if not source.is_of(proof):
        raise _refusal(RefusalReason.VALIDATION_FOR_OTHER_LOCATION)
    validation = Validation.objects.filter(
        pk=proof.validation, organization_id=organization_id, document__isnull=False
    ).first()
    # Purged, lost by restoring a backup, or without a key that the present rules admit.
    if validation is None or not from_document(validation.document):
        raise _refusal(RefusalReason.VALIDATION_EXPIRED)
    return validation


def install(state: KeySetState, validation: Validation, *, settings: ControlSettings) -> KeyChange:
    """Replace a server's key set by the validated one, and save it.

    A fetch of the old location that is still in progress becomes outdated through the fetch number.
    """
    state.fetch_number += 1
    state.lease_until = None
    state.lease_holder = None
    fetched_at = validation.created_at
    change = put_keys(
        state,
        from_document(validation.document),
        etag=validation.etag,
        fetched_at=fetched_at,
        good_until=from_unix(int(fetched_at.timestamp()) + settings.keys_hard_limit),
    )
    # Warnings about the old source do not apply to this one.
    state.replaced_at = None
    state.certificate_expires_at = validation.certificate_expires_at
    state.certificate_expiry_reported = None
    state.attempted_at = fetched_at
    state.due_at = from_unix(
        next_due(
            fetched_at.timestamp(),
            max_age=validation.max_age,
            interval=settings.refresh_interval,
            jitter=_DICE.random(),
        )
    )
    state.save()
    return change


def _refusal(reason: RefusalReason) -> Refusal:
    refusal = Refusal(reason)
    return Refusal(reason, field_errors={"jwks_location": refusal.sentence})
