from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from kit import forge
from watchword.outbound.certificate import EXPIRES_SOON, CertificateFacts, failure_of, read_certificate
from watchword.outbound.failure import Failure

NOW = datetime.fromtimestamp(forge.NOW, UTC)


def certificate_of(*attributes: tuple[x509.ObjectIdentifier, str]) -> bytes:
    key = forge.ec_key("initech").private
    name = x509.Name([x509.NameAttribute(oid, value) for oid, value in attributes])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW)
        .not_valid_after(NOW + timedelta(days=30))
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.DER)
    )


@pytest.mark.parametrize(
    ("attributes", "issuer"),
    [
        ([(x509.NameOID.COMMON_NAME, "R1"), (x509.NameOID.ORGANIZATION_NAME, "Initech")], "Initech, R1"),
        ([], "an authority without a name"),
        ([(x509.NameOID.COMMON_NAME, "a\r\nb\u202e\x1b[0m")], "ab[0m"),
        ([(x509.NameOID.ORGANIZATION_NAME, "I" * 64), (x509.NameOID.COMMON_NAME, "R1")], "I" * 64),
    ],
)
def test_issuer_is_shown_printable(attributes: list[tuple[x509.ObjectIdentifier, str]], issuer: str) -> None:
    assert read_certificate(certificate_of(*attributes)) == CertificateFacts(issuer, NOW + timedelta(days=30))


@pytest.mark.parametrize("der", [b"", b"\x30\x03\x02\x01\x01", b"certificate"])
def test_malformed_certificate_has_no_names(der: bytes) -> None:
    facts = read_certificate(der)

    assert facts.describe() == "Certificate issued by an unknown authority, of unknown validity."
    assert not facts.expires_soon(NOW)


def test_soon_is_within_14_days() -> None:
    assert timedelta(days=14) == EXPIRES_SOON
    assert not CertificateFacts("Initech", NOW + timedelta(days=14)).expires_soon(NOW)
    assert CertificateFacts("Initech", NOW + timedelta(days=14, seconds=-1)).expires_soon(NOW)


@pytest.mark.parametrize(
    ("verify_code", "failure"),
    [
        *((code, Failure.CERTIFICATE_UNKNOWN_AUTHORITY) for code in (2, 19, 20, 21)),
        (9, Failure.CERTIFICATE_NOT_YET_VALID),
        (10, Failure.CERTIFICATE_EXPIRED),
        (18, Failure.CERTIFICATE_SELF_SIGNED),
        (62, Failure.CERTIFICATE_WRONG_HOST),
        (64, Failure.CERTIFICATE_WRONG_HOST),
        (9_999, Failure.CERTIFICATE_REFUSED),
    ],
)
def test_openssl_errors_have_their_own_problem(verify_code: int, failure: Failure) -> None:
    assert failure_of(verify_code) is failure
