"""Describes the certificates that a server presented, for the administrator who decides whether to trust their root.

Their content is untrusted. The description has a fixed form, is printable and shortened. The root is offered only if
signatures lead from the server's certificate to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from watchword.outbound.ca_bundle import CaBundleRefused, is_self_signed, read_ca_bundle, was_issued_by
from watchword.outbound.certificate import fingerprint_of, name_of
from watchword.outbound.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from watchword.outbound.ca_bundle import Anchor, CaBundle
    from watchword.outbound.failure import ExchangeFailed

MAX_SHOWN: Final = 8
MAX_BYTES: Final = 16 * 1024
"""The largest certificate that is read; real ones have one or two KiB."""

UNREADABLE: Final = "a certificate that cannot be read"


@dataclass(frozen=True, slots=True, kw_only=True)
class PresentedCertificate:
    """The description of one certificate.

    Attributes:
        subject, issuer: names, shortened and printable.
        starts_at, expires_at: None if it cannot be read.
        fingerprint: SHA-256, in the form AA:BB:…
    """

    subject: str
    issuer: str
    starts_at: datetime | None
    expires_at: datetime | None
    fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PresentedChain:
    """The description of all certificates that a server presented.

    Attributes:
        certificates: the server's own first; at most `MAX_SHOWN`.
        left_out: how many more were presented.
        root: the self-signed certificate that the signatures lead to; attaching it makes this server trusted.
        missing: without a root, the name of the CA whose certificate is needed.
        unfit: why the presented root must not be attached.
    """

    certificates: tuple[PresentedCertificate, ...]
    left_out: int = 0
    root: Anchor | None = None
    missing: str | None = None
    unfit: str | None = None


def read_chain(presented: Sequence[bytes], now: datetime) -> PresentedChain | None:
    """Describe the certificates in DER, the server's own first; None if there are none."""
    if not presented:
        return None
    shown = presented[:MAX_SHOWN]
    loaded = [_load(der) for der in shown]
    certificates = tuple(map(_described, loaded, shown))
    left_out = len(presented) - len(shown)
    top = _top_of([certificate for certificate in loaded if certificate is not None]) if loaded[0] else None
    if top is None:
        return PresentedChain(certificates=certificates, left_out=left_out)
    if not is_self_signed(top):
        return PresentedChain(certificates=certificates, left_out=left_out, missing=name_of(top.issuer))
    root, unfit = _as_anchor(top, now)
    return PresentedChain(certificates=certificates, left_out=left_out, root=root, unfit=unfit)


def failure_with(attached: CaBundle, failed: ExchangeFailed, now: datetime) -> Failure:
    """The failure to report of a registration with CA certificates of its own."""
    if failed.failure in {Failure.CERTIFICATE_UNKNOWN_AUTHORITY, Failure.CERTIFICATE_SELF_SIGNED}:
        return Failure.CERTIFICATE_OTHER_AUTHORITY
    if failed.failure is Failure.CERTIFICATE_EXPIRED and any(anchor.expired(now) for anchor in attached.anchors):
        fingerprints = {anchor.fingerprint for anchor in attached.anchors}
        others = [_load(der) for der in failed.presented[:MAX_SHOWN] if fingerprint_of(der) not in fingerprints]
        if not any(other is not None and other.not_valid_after_utc <= now for other in others):
            return Failure.AUTHORITY_EXPIRED
    return failed.failure


def _load(der: bytes) -> x509.Certificate | None:
    if len(der) > MAX_BYTES:
        return None
    try:
        certificate = x509.load_der_x509_certificate(der)
        # Read once here, because some parts are parsed only when they are read.
        name_of(certificate.subject), name_of(certificate.issuer)
        _ = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    except Exception:  # noqa: BLE001  # Untrusted bytes raise many exceptions in parsers.
        return None
    return certificate


def _described(certificate: x509.Certificate | None, der: bytes) -> PresentedCertificate:
    fingerprint = fingerprint_of(der)
    if certificate is None:
        return PresentedCertificate(
            subject=UNREADABLE, issuer="", starts_at=None, expires_at=None, fingerprint=fingerprint
        )
    return PresentedCertificate(
        subject=name_of(certificate.subject, nameless="a certificate without a name"),
        issuer=name_of(certificate.issuer),
        starts_at=certificate.not_valid_before_utc,
        expires_at=certificate.not_valid_after_utc,
        fingerprint=fingerprint,
    )


def _top_of(certificates: list[x509.Certificate]) -> x509.Certificate:
    """The certificate that signatures lead to from the first one; unrelated certificates are ignored."""
    top, others = certificates[0], certificates[1:]
    while not is_self_signed(top):
        issuer = next((other for other in others if was_issued_by(top, other)), None)
        if issuer is None:
            break
        others.remove(issuer)
        top = issuer
    return top


def _as_anchor(certificate: x509.Certificate, now: datetime) -> tuple[Anchor | None, str | None]:
    try:
        ca_bundle = read_ca_bundle(certificate.public_bytes(Encoding.PEM).decode("ascii"))
        ca_bundle.check_dates(now)
    except CaBundleRefused as refused:
        return None, refused.sentence
    return ca_bundle.anchors[0], None
