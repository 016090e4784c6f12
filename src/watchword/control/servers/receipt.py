"""The receipt of a successful validation, which Save requires: hiding the button would not be enough.

A receipt is bound to the validated organization, JWKS location, certificate setting and CA certificates (J-26). It
names the stored validation, whose keys are installed when the registration is saved.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.core.signing import BadSignature, Signer

RECEIPT_SECONDS: Final = 600

# The salt separates receipts from other values that are signed with the same secret. Its number is the version of the
# format: receipts of an older release are invalid.
_SALT: Final = "watchword.servers.receipt.2"


class ReceiptRefused(Exception):
    """The receipt is invalid or, if `expired`, too old; the administrator's fix differs."""

    def __init__(self, *, expired: bool) -> None:
        super().__init__("expired" if expired else "not a receipt")
        self.expired = expired


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What was validated.

    Attributes:
        validation: identifies the stored validation.
        organization: the id of the organization that validated.
        location: the normalised JWKS location.
        verify_certificate: whether the server's certificate was checked.
        ca_bundle_digest: of the CA certificates of the check; "" for none.
        issued_at: Unix seconds.
    """

    validation: UUID
    organization: str
    location: str
    verify_certificate: bool
    ca_bundle_digest: str
    issued_at: float


def digest_of(ca_bundle: str | None) -> str:
    """Return the digest of the CA certificates, which keeps the receipt short: it is sent in a form field."""
    return "" if ca_bundle is None else hashlib.sha256(ca_bundle.encode()).hexdigest()


def issue(receipt: Receipt) -> str:
    """Sign a receipt; the result is ASCII and fit for a form field."""
    return _signer().sign_object(
        [
            str(receipt.validation),
            receipt.organization,
            receipt.location,
            receipt.verify_certificate,
            receipt.ca_bundle_digest,
            receipt.issued_at,
        ]
    )


def read(text: str, *, now: float) -> Receipt:
    """Check a receipt's signature and age.

    Args:
        text: as the browser sent it.
        now: Unix seconds.

    Raises:
        ReceiptRefused: it is not a receipt of ours, or older than `RECEIPT_SECONDS`.
    """
    # A lone surrogate would cause an encoding error instead of a refusal.
    if not text.isascii():
        raise ReceiptRefused(expired=False)
    try:
        validation, organization, location, verify_certificate, digest, issued_at = _signer().unsign_object(text)
    except BadSignature:
        raise ReceiptRefused(expired=False) from None
    if now - issued_at >= RECEIPT_SECONDS:
        raise ReceiptRefused(expired=True)
    return Receipt(
        validation=UUID(validation),
        organization=organization,
        location=location,
        verify_certificate=verify_certificate,
        ca_bundle_digest=digest,
        issued_at=issued_at,
    )


def _signer() -> Signer:
    return Signer(salt=_SALT)
