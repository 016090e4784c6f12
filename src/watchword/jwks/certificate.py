"""The certificate of a key server: how it is validated, what is told about it, and what its faults are called."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import truststore
from cryptography import x509
from cryptography.x509.oid import NameOID

from watchword.jwks.problem import Problem

EXPIRES_SOON: Final = timedelta(days=14)
_MAX_ISSUER_LENGTH = 64

# X509_V_ERR_* of OpenSSL's x509_vfy.h.
_PROBLEM_OF_VERIFY_CODE: dict[int, Problem] = {
    2: Problem.CERTIFICATE_UNKNOWN_AUTHORITY,  # UNABLE_TO_GET_ISSUER_CERT
    9: Problem.CERTIFICATE_NOT_YET_VALID,
    10: Problem.CERTIFICATE_EXPIRED,
    18: Problem.CERTIFICATE_SELF_SIGNED,  # DEPTH_ZERO_SELF_SIGNED_CERT
    19: Problem.CERTIFICATE_UNKNOWN_AUTHORITY,  # SELF_SIGNED_CERT_IN_CHAIN: the authority sent along is not recognized.
    20: Problem.CERTIFICATE_UNKNOWN_AUTHORITY,  # UNABLE_TO_GET_ISSUER_CERT_LOCALLY
    21: Problem.CERTIFICATE_UNKNOWN_AUTHORITY,  # UNABLE_TO_VERIFY_LEAF_SIGNATURE
    62: Problem.CERTIFICATE_WRONG_HOST,  # HOSTNAME_MISMATCH
    64: Problem.CERTIFICATE_WRONG_HOST,  # IP_ADDRESS_MISMATCH
}


def problem_of(verify_code: int) -> Problem:
    return _PROBLEM_OF_VERIFY_CODE.get(verify_code, Problem.CERTIFICATE_REFUSED)


def new_context(*, verify_certificate: bool, extra_authorities: str | None) -> ssl.SSLContext:
    """A context for one fetch and no other.

    It is never shared: a session or a setting left over from a registration without certificate validation must not
    reach one that has it switched on (CASES J-24).
    """
    context: ssl.SSLContext
    if verify_certificate:
        context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = True
        context.verify_mode = ssl.CERT_REQUIRED
        if extra_authorities is not None:
            context.load_verify_locations(cadata=extra_authorities)
    else:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    # Some builds of Python switch it on, Debian's among them: a connection that an attacker cut off would then look
    # like one that its server ended, and an answer without a length like a whole one.
    context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """What is told about a server certificate.

    Attributes:
        issuer: the issuer's organization and common name, shortened and stripped of unprintable characters.
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
        return CertificateFacts(_name_of(certificate.issuer), certificate.not_valid_after_utc)
    except Exception:  # noqa: BLE001  # Without validation the bytes are anyone's, and they break parsers in many ways.
        return CertificateFacts("an unknown authority", None)


def now_utc() -> datetime:
    return datetime.now(UTC)


def _name_of(name: x509.Name) -> str:
    oids = (NameOID.ORGANIZATION_NAME, NameOID.COMMON_NAME)
    values = [str(attribute.value) for oid in oids for attribute in name.get_attributes_for_oid(oid)]
    text = "".join(character for character in ", ".join(values) if character.isprintable())
    return text[:_MAX_ISSUER_LENGTH] or "an authority without a name"
