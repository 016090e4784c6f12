"""The certificates of servers: their validation, their description, and the failures they cause."""

from __future__ import annotations

import hashlib
import ssl
import sys
import time
from _ssl import ENCODING_DER
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

import truststore
from cryptography import x509
from cryptography.x509.oid import NameOID

from watchword.core.characters import UNPRINTABLE
from watchword.outbound.failure import Failure

EXPIRES_SOON: Final = timedelta(days=14)
SHARED_SECONDS: Final = 3600.0
"""The time until a change of the system's certificate store takes effect."""

_MAX_NAME_LENGTH = 64

# X509_V_ERR_* of OpenSSL's x509_vfy.h.
_FAILURE_OF_VERIFY_CODE: dict[int, Failure] = {
    2: Failure.CERTIFICATE_UNKNOWN_AUTHORITY,  # UNABLE_TO_GET_ISSUER_CERT
    9: Failure.CERTIFICATE_NOT_YET_VALID,
    10: Failure.CERTIFICATE_EXPIRED,
    18: Failure.CERTIFICATE_SELF_SIGNED,  # DEPTH_ZERO_SELF_SIGNED_CERT
    19: Failure.CERTIFICATE_UNKNOWN_AUTHORITY,  # SELF_SIGNED_CERT_IN_CHAIN: the server sent an unknown root.
    20: Failure.CERTIFICATE_UNKNOWN_AUTHORITY,  # UNABLE_TO_GET_ISSUER_CERT_LOCALLY
    21: Failure.CERTIFICATE_UNKNOWN_AUTHORITY,  # UNABLE_TO_VERIFY_LEAF_SIGNATURE
    62: Failure.CERTIFICATE_WRONG_HOST,  # HOSTNAME_MISMATCH
    64: Failure.CERTIFICATE_WRONG_HOST,  # IP_ADDRESS_MISMATCH
}


def failure_of(verify_code: int) -> Failure:
    return _FAILURE_OF_VERIFY_CODE.get(verify_code, Failure.CERTIFICATE_REFUSED)


def context_for(
    *, verify_certificate: bool, extra_authorities: str | None, ca_bundle: str | None = None
) -> ssl.SSLContext:
    """The context for one fetch.

    Registrations with different settings never share a context: a session or setting of a registration without
    certificate validation, or the CA of another registration, must not affect one with validation (J-24). Registrations
    that validate without CA certificates of their own share a context for an hour, because reading the system's store
    takes longer than the rest of a fetch.

    Args:
        verify_certificate: whether to validate the certificate; if not, the other arguments have no effect.
        extra_authorities: PEM certificates that the operator trusts for all registrations.
        ca_bundle: PEM certificates that this registration trusts.
    """
    if verify_certificate and ca_bundle is None and _system_store_is_a_file():
        return _shared_context(extra_authorities, int(time.monotonic() / SHARED_SECONDS))
    return new_context(verify_certificate=verify_certificate, extra_authorities=extra_authorities, ca_bundle=ca_bundle)


def _system_store_is_a_file() -> bool:
    """Whether OpenSSL finds the system's CAs; otherwise truststore asks the system at every handshake."""
    paths = ssl.get_default_verify_paths()
    return sys.platform == "linux" and (paths.cafile or paths.capath) is not None


@lru_cache(maxsize=4)
def _shared_context(extra_authorities: str | None, _hour: int) -> ssl.SSLContext:
    return new_context(verify_certificate=True, extra_authorities=extra_authorities)


def new_context(
    *, verify_certificate: bool, extra_authorities: str | None, ca_bundle: str | None = None
) -> ssl.SSLContext:
    """A new context; the arguments are those of `context_for`."""
    context: ssl.SSLContext
    if verify_certificate:
        if _system_store_is_a_file():
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.set_default_verify_paths()
        else:
            context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = True
        context.verify_mode = ssl.CERT_REQUIRED
        if extra_authorities is not None:
            context.load_verify_locations(cadata=extra_authorities)
        if ca_bundle is not None:
            context.load_verify_locations(cadata=ca_bundle)
            # Trust the attached certificates themselves. Otherwise OpenSSL would require the root of an attached
            # intermediate CA, and so trust in everything that this root signs.
            context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    else:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    # Some builds of Python set this option, including Debian's. A connection cut by an attacker would then look as if
    # the server had closed it, and a truncated response without a length would look complete.
    context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


def presented_chain(tls: ssl.SSLObject) -> tuple[bytes, ...]:
    """The certificates that the server presented in this handshake, in DER; untrusted, and at most 100 KiB together.

    Read from the failed connection itself, because a second connection could get another chain.
    """
    try:
        # Public since Python 3.13. Before, only the inner object has it; truststore uses that too.
        read = getattr(tls, "get_unverified_chain", None) or tls._sslobj.get_unverified_chain  # type: ignore[attr-defined]  # noqa: SLF001
    except AttributeError:
        return ()
    return tuple(der if isinstance(der, bytes) else der.public_bytes(ENCODING_DER) for der in read() or ())


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """The description of a server certificate.

    Attributes:
        issuer: the issuer's organization and common name, shortened and without unprintable characters.
        expires_at: None if the certificate cannot be read, which only happens without validation.
    """

    issuer: str
    expires_at: datetime | None

    def describe(self) -> str:
        until = f"valid until {self.expires_at:%Y-%m-%d}" if self.expires_at else "of unknown validity"
        return f"Certificate issued by {self.issuer}, {until}."

    def expires_soon(self, now: datetime) -> bool:
        return self.expires_at is not None and self.expires_at - now < EXPIRES_SOON


def read_certificate(der: bytes) -> CertificateFacts:
    try:
        certificate = x509.load_der_x509_certificate(der)
        return CertificateFacts(name_of(certificate.issuer), certificate.not_valid_after_utc)
    except Exception:  # noqa: BLE001  # Without validation the bytes are untrusted and raise many exceptions in parsers.
        return CertificateFacts("an unknown authority", None)


def now_utc() -> datetime:
    return datetime.now(UTC)


def fingerprint_of(der: bytes) -> str:
    """SHA-256 in the form AA:BB:…, as in other programs, so that people can compare it."""
    return hashlib.sha256(der).digest().hex(":").upper()


def name_of(name: x509.Name, *, nameless: str = "an authority without a name") -> str:
    """Organization and common name, shortened and without unprintable characters; `nameless` if there are none."""
    oids = (NameOID.ORGANIZATION_NAME, NameOID.COMMON_NAME)
    values = [str(attribute.value) for oid in oids for attribute in name.get_attributes_for_oid(oid)]
    text = UNPRINTABLE.sub("", ", ".join(values))
    return text[:_MAX_NAME_LENGTH] or nameless
