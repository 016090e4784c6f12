"""Certificate authorities and what they sign, in every shape that a registration may or may not trust.

root = issue("Initech Root")
server = presenting(issue("keys.acme.example", by=root, authority=False), root)
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519
from cryptography.x509.oid import NameOID

from kit.certificates import HOSTS, ServerCertificate

if TYPE_CHECKING:
    import ssl
    from collections.abc import Sequence


@dataclass(frozen=True)
class Issued:
    """A certificate with its private key."""

    certificate: x509.Certificate
    key: Any

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def key_pem(self) -> str:
        return str(
            self.key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            ).decode()
        )

    @property
    def fingerprint(self) -> str:
        return self.certificate.fingerprint(hashes.SHA256()).hex(":").upper()


def issue(
    name: str,
    *,
    by: Issued | None = None,
    authority: bool | None = True,
    signs: bool | None = None,
    key: Any = None,
    hosts: Sequence[str] = (),
    starts_in_days: float = -30,
    expires_in_days: float = 365,
    extra: bytes = b"",
) -> Issued:
    """Issue a certificate.

    Args:
        name: of the subject.
        by: the signer; itself by default.
        authority: the CA flag; None for no basic constraints at all.
        signs: keyCertSign of the key usage; None for no key usage at all.
        key: a new P-256 key if none is given.
        hosts: DNS names or addresses.
        starts_in_days, expires_in_days: from now.
        extra: bytes of an extension that means nothing, to make it large.
    """
    key = key or ec.generate_private_key(ec.SECP256R1())
    signer = by.key if by else key
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=starts_in_days))
        .not_valid_after(now + timedelta(days=expires_in_days))
    )
    if authority is not None:
        builder = builder.add_extension(x509.BasicConstraints(authority, None), critical=True)
    if signs is not None:
        usage = dict.fromkeys(
            (
                "content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "crl_sign",
                "encipher_only", "decipher_only",
            ),
            False,
        )  # fmt: skip
        builder = builder.add_extension(
            x509.KeyUsage(digital_signature=True, key_cert_sign=signs, **usage), critical=True
        )
    if hosts:
        builder = builder.add_extension(x509.SubjectAlternativeName([_host(host) for host in hosts]), critical=False)
    if extra:
        oid = x509.ObjectIdentifier("1.3.6.1.4.1.99999.1")
        builder = builder.add_extension(x509.UnrecognizedExtension(oid, extra), critical=False)
    without_hash = isinstance(signer, (ed25519.Ed25519PrivateKey, ed448.Ed448PrivateKey))
    return Issued(builder.sign(signer, None if without_hash else hashes.SHA256()), key)


def server(by: Issued, **changes: Any) -> Issued:
    """A certificate for the hosts of the key servers on loopback."""
    return issue("keys.acme.example", **{"by": by, "authority": False, "hosts": HOSTS, **changes})


def self_signed(**changes: Any) -> Issued:
    """A self-signed server certificate, as appliances make them."""
    return issue("keys.acme.example", **{"authority": None, "hosts": HOSTS, **changes})


def presenting(own: Issued, *others: Issued) -> ServerCertificate:
    """A server that presents its own certificate and then these, related or not."""

    def load_into(context: ssl.SSLContext) -> None:
        pem = own.key_pem + own.pem + "".join(other.pem for other in others)
        with trustme.Blob(pem.encode()).tempfile() as path:
            context.load_cert_chain(path)

    return ServerCertificate(load_into)


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)
