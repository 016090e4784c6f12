"""Server certificates for the tests: a good one and one for each way to be wrong. Made once per process."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from kit.secret_file import secret_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HOSTS = ("127.0.0.1", "::1", "localhost", "keys.acme.example")


@dataclass(frozen=True)
class ServerCertificate:
    """A certificate with its key, as a function, so that it is made only for tests that use it."""

    load_into: Callable[[ssl.SSLContext], None]

    def server_context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.load_into(context)
        return context


@cache
def _authority() -> trustme.CA:
    return trustme.CA(organization_name="Initech Test Authority")


def authority_pem() -> str:
    """The authority that signs GOOD, EXPIRED and all others that test something else than the authority."""
    return _authority().cert_pem.bytes().decode()


def issued(*hosts: str, starts_in_days: int = -30, expires_in_days: int = 365) -> ServerCertificate:
    def load_into(context: ssl.SSLContext) -> None:
        now = datetime.now(UTC)
        leaf = _authority().issue_cert(
            *hosts,
            not_before=now + timedelta(days=starts_in_days),
            not_after=now + timedelta(days=expires_in_days),
        )
        leaf.configure_cert(context)

    return ServerCertificate(load_into)


def _load_from_unknown_authority(context: ssl.SSLContext) -> None:
    trustme.CA(organization_name="Nobody Knows").issue_cert(*HOSTS).configure_cert(context)


def _load_self_signed(context: ssl.SSLContext) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=365))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with trustme.Blob(pem).tempfile() as path:
        context.load_cert_chain(path)


GOOD = issued(*HOSTS)
EXPIRES_IN_A_WEEK = issued(*HOSTS, expires_in_days=7)
EXPIRED = issued(*HOSTS, expires_in_days=-1)
NOT_YET_VALID = issued(*HOSTS, starts_in_days=1)
FOR_ANOTHER_HOST = issued("keys.globex.example")
FROM_UNKNOWN_AUTHORITY = ServerCertificate(_load_from_unknown_authority)
SELF_SIGNED = ServerCertificate(_load_self_signed)


@dataclass(frozen=True)
class Pair:
    """PEM files of a certificate of the test authority, and of its key."""

    certificate: Path
    key: Path
    authority: Path

    def both_in_one(self) -> Path:
        """A file that holds certificate and key, as HAProxy wants it."""
        both = self.certificate.with_suffix(".both")
        both.write_bytes(self.certificate.read_bytes() + self.key.read_bytes())
        return both


def pair(folder: Path, name: str, *, authority: trustme.CA | None = None, password: bytes | None = None) -> Pair:
    """Write a certificate for the loopback hosts, which a server or a client may show, with its key and authority."""
    signer = authority or _authority()
    leaf = signer.issue_cert(*HOSTS)
    files = Pair(folder / f"{name}.pem", folder / f"{name}.key", folder / f"{name}-authority.pem")
    files.certificate.write_bytes(b"".join(blob.bytes() for blob in leaf.cert_chain_pems))
    key = serialization.load_pem_private_key(leaf.private_key_pem.bytes(), None)
    protection = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection)
    secret_file(files.key, key.private_bytes(*form))
    signer.cert_pem.write_to_path(str(files.authority))
    return files
