"""The CA certificates that one registration trusts in addition to the system's. Pure: no clock and no I/O."""

from __future__ import annotations

import re
from base64 import b64decode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import MD5, SHA1
from cryptography.hazmat.primitives.serialization import Encoding

from watchword.outbound.certificate import EXPIRES_SOON, fingerprint_of, name_of

if TYPE_CHECKING:
    from datetime import datetime

MAX_CHARACTERS: Final = 16 * 1024
MAX_CERTIFICATES: Final = 5
"""Enough for two CAs and their successors. A longer list is most likely a bundle of public CAs."""

_MIN_RSA_BITS = 2048
_MAX_RSA_BITS = 8192

# Private keys of OpenSSL, OpenSSH and PuTTY. None must be stored here.
_PRIVATE_KEY: Final = re.compile(r"PRIVATE[ -]?KEY|PRIVATE-LINES", re.IGNORECASE | re.ASCII)
# Characters that indent or break text, for instance in mail programs, which indent with the last one.
_BLANKS: Final = "\t\n\v\f\r \u00a0"
_BLOCK: Final = re.compile(f"-----BEGIN CERTIFICATE-----[{_BLANKS}]([A-Za-z0-9+/={_BLANKS}]+)-----END CERTIFICATE-----")
_WITHOUT_BLANKS: Final = str.maketrans(dict.fromkeys(_BLANKS))

PRIVATE_KEY_PASTED: Final = (
    "DANGER: this contains a PRIVATE KEY. It was not stored. Treat the key as compromised, and paste only the CA "
    "certificate."
)
_NOT_CERTIFICATES: Final = (
    "This is not a CA certificate in PEM form. Paste nothing but the lines from -----BEGIN CERTIFICATE----- to "
    "-----END CERTIFICATE-----."
)


class CaBundleRefused(Exception):
    """A registration must not trust these certificates; `sentence` gives the reason for administrators."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """One certificate that a registration trusts.

    Attributes:
        name: of its subject, shortened and without unprintable characters.
        fingerprint: SHA-256, in the form AA:BB:…
        of_a_server: whether it is a self-signed server certificate, which verifies only that server and is no CA.
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
class CaBundle:
    """One to five different certificates, sorted by fingerprint, so that equal sets have equal PEM."""

    anchors: tuple[Anchor, ...]

    @property
    def pem(self) -> str:
        return "".join(anchor.pem for anchor in self.anchors)

    @property
    def fingerprints(self) -> str:
        return ", ".join(anchor.fingerprint for anchor in self.anchors)

    def check_dates(self, now: datetime) -> None:
        """Check the validity periods; called when the certificates are attached.

        Raises:
            CaBundleRefused: names the first certificate that is not valid now.
        """
        for anchor in self.anchors:
            if anchor.expired(now):
                raise CaBundleRefused(f"The certificate “{anchor.name}” expired on {anchor.expires_at:%Y-%m-%d}.")
            if now < anchor.starts_at:
                raise CaBundleRefused(
                    f"The certificate “{anchor.name}” is not valid before {anchor.starts_at:%Y-%m-%d}."
                )


def holds_private_key(text: str) -> bool:
    """Whether the text contains a private key, so that it must not be stored, logged or shown again."""
    return _PRIVATE_KEY.search(text) is not None


def read_ca_bundle(text: str) -> CaBundle:
    """Read certificates in PEM form. Only white space is allowed between the blocks.

    Raises:
        CaBundleRefused: with a sentence about the first fault, which quotes at most a subject's name.
    """
    if holds_private_key(text):
        raise CaBundleRefused(PRIVATE_KEY_PASTED)
    if len(text) > MAX_CHARACTERS:
        raise CaBundleRefused(f"CA certificates cannot exceed {MAX_CHARACTERS:,} characters; this has {len(text):,}.")
    bodies = _BLOCK.findall(text)
    if not bodies or _BLOCK.sub("", text).strip(_BLANKS):
        raise CaBundleRefused(_NOT_CERTIFICATES)
    anchors = {anchor.fingerprint: anchor for anchor in map(_anchor, bodies)}
    if len(anchors) > MAX_CERTIFICATES:
        raise CaBundleRefused(f"Attach at most {MAX_CERTIFICATES} CA certificates; these are {len(anchors)}.")
    ca_bundle = CaBundle(tuple(anchors[fingerprint] for fingerprint in sorted(anchors)))
    if len(ca_bundle.pem) > MAX_CHARACTERS:
        raise CaBundleRefused(f"CA certificates cannot exceed {MAX_CHARACTERS:,} characters in their usual form.")
    return ca_bundle


def is_self_signed(certificate: x509.Certificate) -> bool:
    # The library does not check signatures with MD5 or SHA-1. Comparing the names is enough for them, because the
    # signature of a root by itself proves nothing.
    return (
        certificate.issuer == certificate.subject
        if _is_weakly_signed(certificate)
        else was_issued_by(certificate, certificate)
    )


def was_issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether the names match and the issuer's key made the signature."""
    try:
        certificate.verify_directly_issued_by(issuer)
    except Exception:  # noqa: BLE001  # Untrusted names, keys and signatures raise many exceptions; all mean no.
        return False
    return True


def _anchor(body: str) -> Anchor:
    try:
        # Decoded here, so that indented or re-wrapped lines are accepted.
        certificate = x509.load_der_x509_certificate(b64decode(body.translate(_WITHOUT_BLANKS), validate=True))
        name, pem = name_of(certificate.subject), certificate.public_bytes(Encoding.PEM).decode("ascii")
        sentence, of_a_server = _fault_of(certificate), not _is_authority(certificate)
    except Exception:  # noqa: BLE001  # Untrusted bytes raise many exceptions in parsers, some only when a part is read.
        raise CaBundleRefused("One of the certificates is damaged: it cannot be read.") from None
    if sentence is not None:
        raise CaBundleRefused(f"The certificate “{name}” {sentence}")
    return Anchor(
        name=name,
        fingerprint=fingerprint_of(certificate.public_bytes(Encoding.DER)),
        starts_at=certificate.not_valid_before_utc,
        expires_at=certificate.not_valid_after_utc,
        of_a_server=of_a_server,
        pem=pem,
    )


def _fault_of(certificate: x509.Certificate) -> str | None:
    """The fault as the end of a sentence after the certificate's name; None if it may be trusted."""
    if certificate.version is not x509.Version.v3:
        return "is in an outdated form (X.509 version 1)."
    if not _is_strong(certificate.public_key()):
        return "has a weak or unusual key. Use RSA (2,048 to 8,192 bits), EC (P-256, P-384, P-521) or Ed25519."
    self_signed = is_self_signed(certificate)
    # An old root signed with SHA-1 is trusted because it was attached, not for its signature. Every other signature may
    # be part of a chain.
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
    # OpenSSL treats a certificate without basic constraints as a CA if its key usage allows it to sign certificates. A
    # trusted server certificate must not become a CA that way.
    try:
        return certificate.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    except x509.ExtensionNotFound:
        return False
