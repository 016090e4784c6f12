"""The certificates that a server presented, told to the administrator who must decide whether to trust their root.

Everything in them was written by whoever answers at that address. What is told is in a fixed form, in printable
characters and shortened; the root is offered only if signatures lead from the server's certificate to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from watchword.jwks.authority import AuthorityRefused, is_self_signed, read_authority, was_issued_by
from watchword.jwks.certificate import fingerprint_of, name_of
from watchword.jwks.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from watchword.jwks.authority import Anchor, AttachedAuthority
    from watchword.jwks.problem import ProbeFailed

MAX_SHOWN: Final = 8
MAX_BYTES: Final = 16 * 1024
"""Of one certificate that is looked into; real ones have one or two KiB."""

UNREADABLE: Final = "a certificate that cannot be read"


@dataclass(frozen=True, slots=True, kw_only=True)
class PresentedCertificate:
    """One certificate as told.

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
    """What a server presented.

    Attributes:
        certificates: the server's own first; at most `MAX_SHOWN`.
        left_out: how many more were presented.
        root: what could be attached to trust this server: the self-signed certificate that the signatures lead to.
        missing: without a root, the name of the authority whose certificate would have to be attached.
        unfit: why the root that was presented may not be attached.
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
    looked_into = presented[:MAX_SHOWN]
    loaded = [_load(der) for der in looked_into]
    certificates = tuple(map(_told, loaded, looked_into))
    left_out = len(presented) - len(looked_into)
    top = _top_of([certificate for certificate in loaded if certificate is not None]) if loaded[0] else None
    if top is None:
        return PresentedChain(certificates=certificates, left_out=left_out)
    if not is_self_signed(top):
        return PresentedChain(certificates=certificates, left_out=left_out, missing=name_of(top.issuer))
    root, unfit = _as_anchor(top, now)
    return PresentedChain(certificates=certificates, left_out=left_out, root=root, unfit=unfit)


def problem_with(attached: AttachedAuthority, failure: ProbeFailed, now: datetime) -> Problem:
    """What a failure is called where an attached authority might have prevented it, or is itself the reason."""
    if failure.problem in {Problem.CERTIFICATE_UNKNOWN_AUTHORITY, Problem.CERTIFICATE_SELF_SIGNED}:
        return Problem.CERTIFICATE_OTHER_AUTHORITY
    if failure.problem is Problem.CERTIFICATE_EXPIRED and any(anchor.expired(now) for anchor in attached.anchors):
        fingerprints = {anchor.fingerprint for anchor in attached.anchors}
        others = [_load(der) for der in failure.presented[:MAX_SHOWN] if fingerprint_of(der) not in fingerprints]
        if not any(other is not None and other.not_valid_after_utc <= now for other in others):
            return Problem.AUTHORITY_EXPIRED
    return failure.problem


def _load(der: bytes) -> x509.Certificate | None:
    if len(der) > MAX_BYTES:
        return None
    try:
        certificate = x509.load_der_x509_certificate(der)
        # Read here once, as some parts are parsed only when they are asked for.
        name_of(certificate.subject), name_of(certificate.issuer)
        _ = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    except Exception:  # noqa: BLE001  # The bytes are anyone's, and they break parsers in many ways.
        return None
    return certificate


def _told(certificate: x509.Certificate | None, der: bytes) -> PresentedCertificate:
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
    """The certificate that signatures lead to from the first one. What merely lies beside is not considered."""
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
        authority = read_authority(certificate.public_bytes(Encoding.PEM).decode("ascii"))
        authority.check_dates(now)
    except AuthorityRefused as refused:
        return None, refused.sentence
    return authority.anchors[0], None
