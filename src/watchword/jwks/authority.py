"""The CA certificates that one registration trusts beside the recognized ones. Pure: PEM text and the time come in."""

from __future__ import annotations

import re
from base64 import b64decode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import MD5, SHA1
from cryptography.hazmat.primitives.serialization import Encoding

from watchword.jwks.certificate import EXPIRES_SOON, fingerprint_of, name_of

if TYPE_CHECKING:
    from datetime import datetime

MAX_CHARACTERS: Final = 16 * 1024
MAX_CERTIFICATES: Final = 5
"""Enough for an authority and its successor, twice. Who needs more is pasting a bundle that trusts half the world."""

_MIN_RSA_BITS = 2048
_MAX_RSA_BITS = 8192

# Whatever program wrote it (OpenSSL, OpenSSH, PuTTY): a private key has no business here.
_PRIVATE_KEY: Final = re.compile(r"PRIVATE[ -]?KEY|PRIVATE-LINES", re.IGNORECASE | re.ASCII)
# What text can be indented and broken with on its way. Mail programs indent with the last one.
_BLANKS: Final = "\t\n\v\f\r \u00a0"
_BLOCK: Final = re.compile(f"-----BEGIN CERTIFICATE-----[{_BLANKS}]([A-Za-z0-9+/={_BLANKS}]+)-----END CERTIFICATE-----")
_WITHOUT_BLANKS: Final = str.maketrans(dict.fromkeys(_BLANKS))

PRIVATE_KEY_PASTED: Final = (
    "DANGER: this holds a PRIVATE KEY, which nobody but its owner may ever see. Nothing of it was kept. Treat the key "
    "as exposed, and paste the CA certificate alone."
)
_NOT_CERTIFICATES: Final = (
    "This is not a CA certificate in PEM form. Paste nothing but the lines from -----BEGIN CERTIFICATE----- to "
    "-----END CERTIFICATE-----."
)


class AuthorityRefused(Exception):
    """The text is not what a registration may trust; `sentence` tells an administrator why."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """One certificate that a registration trusts.

    Attributes:
        name: of its subject, shortened and stripped of unprintable characters.
        fingerprint: SHA-256, in the form AA:BB:…
        of_a_server: it is a self-signed server certificate, good for that one server and never an authority.
        pem: canonical.
    """

    name: str
    fingerprint: str
    starts_at: datetime
    expires_at: datetime
    of_a_server: bool
    pem: str

    def expired(self, now: datetime) -> bool:
        return self.expires_at <= now

    def expires_soon(self, now: datetime) -> bool:
        return self.expires_at - now < EXPIRES_SOON


@dataclass(frozen=True, slots=True)
class AttachedAuthority:
    """One to five certificates in the order of their fingerprints, each once: equal sets have equal PEM."""

    anchors: tuple[Anchor, ...]

    @property
    def pem(self) -> str:
        return "".join(anchor.pem for anchor in self.anchors)

    @property
    def fingerprints(self) -> str:
        return ", ".join(anchor.fingerprint for anchor in self.anchors)

    def check_dates(self, now: datetime) -> None:
        """Refuse what is not valid at this time; asked when it is attached.

        Raises:
            AuthorityRefused: with the first certificate at fault.
        """
        for anchor in self.anchors:
            if anchor.expired(now):
                raise AuthorityRefused(f"The certificate “{anchor.name}” expired on {anchor.expires_at:%Y-%m-%d}.")
            if now < anchor.starts_at:
                raise AuthorityRefused(
                    f"The certificate “{anchor.name}” is not valid before {anchor.starts_at:%Y-%m-%d}."
                )


def holds_private_key(text: str) -> bool:
    """Whether the text must not be kept, logged or shown again."""
    return _PRIVATE_KEY.search(text) is not None


def read_authority(text: str) -> AttachedAuthority:
    """Read certificates in PEM form, strictly: between the blocks there may be blanks and nothing else.

    Raises:
        AuthorityRefused: with a sentence about the first fault; it never quotes more of the text than a subject's name.
    """
    if holds_private_key(text):
        raise AuthorityRefused(PRIVATE_KEY_PASTED)
    if len(text) > MAX_CHARACTERS:
        raise AuthorityRefused(f"CA certificates cannot exceed {MAX_CHARACTERS:,} characters; this has {len(text):,}.")
    bodies = _BLOCK.findall(text)
    if not bodies or _BLOCK.sub("", text).strip(_BLANKS):
        raise AuthorityRefused(_NOT_CERTIFICATES)
    anchors = {anchor.fingerprint: anchor for anchor in map(_anchor, bodies)}
    if len(anchors) > MAX_CERTIFICATES:
        raise AuthorityRefused(f"Attach at most {MAX_CERTIFICATES} CA certificates; these are {len(anchors)}.")
    authority = AttachedAuthority(tuple(anchors[fingerprint] for fingerprint in sorted(anchors)))
    if len(authority.pem) > MAX_CHARACTERS:
        raise AuthorityRefused(f"CA certificates cannot exceed {MAX_CHARACTERS:,} characters in their usual form.")
    return authority


def is_self_signed(certificate: x509.Certificate) -> bool:
    # The library checks no signature with MD5 or SHA-1. For such a one the names must do: what a root says of itself
    # with its own signature nobody relies on anyway.
    return (
        certificate.issuer == certificate.subject
        if _is_weakly_signed(certificate)
        else was_issued_by(certificate, certificate)
    )


def was_issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether the names fit and the signature was made with the issuer's key."""
    try:
        certificate.verify_directly_issued_by(issuer)
    except Exception:  # noqa: BLE001  # Names, keys and signatures of strangers fail in many ways; all of them mean no.
        return False
    return True


def _anchor(body: str) -> Anchor:
    try:
        # Decoded here, as lines that were indented or broken otherwise on their way are no reason to refuse.
        certificate = x509.load_der_x509_certificate(b64decode(body.translate(_WITHOUT_BLANKS), validate=True))
        name, pem = name_of(certificate.subject), certificate.public_bytes(Encoding.PEM).decode("ascii")
        sentence, of_a_server = _fault_of(certificate), not _is_authority(certificate)
    except Exception:  # noqa: BLE001  # Anyone's bytes break parsers in many ways, and lazily read parts break them late.
        raise AuthorityRefused("One of the certificates is damaged: it cannot be read.") from None
    if sentence is not None:
        raise AuthorityRefused(f"The certificate “{name}” {sentence}")
    return Anchor(
        name=name,
        fingerprint=fingerprint_of(certificate.public_bytes(Encoding.DER)),
        starts_at=certificate.not_valid_before_utc,
        expires_at=certificate.not_valid_after_utc,
        of_a_server=of_a_server,
        pem=pem,
    )


def _fault_of(certificate: x509.Certificate) -> str | None:
    """What follows on the certificate's name in a sentence; None if it may be trusted."""
    if certificate.version is not x509.Version.v3:
        return "is in an outdated form (X.509 version 1)."
    if not _is_strong(certificate.public_key()):
        return "has a weak or unusual key. Use RSA (2,048 to 8,192 bits), EC (P-256, P-384, P-521) or Ed25519."
    self_signed = is_self_signed(certificate)
    # A root of the days of SHA-1 is trusted because it was attached, not for its signature. Any other signature may one
    # day be the link that a chain hangs by.
    if not self_signed and _is_weakly_signed(certificate):
        return "is signed with MD5 or SHA-1, which can be forged."
    if _is_authority(certificate):
        return None if _may_sign_certificates(certificate) else "may not sign certificates (its key usage says so)."
    if self_signed and not _claims_to_sign_certificates(certificate):
        return None
    issuer = name_of(certificate.issuer)
    return f"is not one of a certificate authority. Attach the certificate of its issuer, “{issuer}”."


def _is_strong(key: object) -> bool:
    match key:
        case rsa.RSAPublicKey():
            return _MIN_RSA_BITS <= key.key_size <= _MAX_RSA_BITS
        case ec.EllipticCurvePublicKey():
            return isinstance(key.curve, (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1))
        case _:
            return isinstance(key, ed25519.Ed25519PublicKey)


def _is_weakly_signed(certificate: x509.Certificate) -> bool:
    return isinstance(certificate.signature_hash_algorithm, (MD5, SHA1))


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _may_sign_certificates(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    except x509.ExtensionNotFound:
        return True


def _claims_to_sign_certificates(certificate: x509.Certificate) -> bool:
    # OpenSSL takes a certificate without basic constraints for an authority if its key usage says that it signs others;
    # a server certificate that is trusted for itself must not become one by that door.
    try:
        return certificate.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    except x509.ExtensionNotFound:
        return False
