"""Which CA certificates can be attached to a registration, as a table."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa

from kit import forge, old_certificates
from kit.authorities import Issued, issue, self_signed, server
from watchword.outbound import ca_bundle
from watchword.outbound.ca_bundle import (
    MAX_CERTIFICATES,
    MAX_CHARACTERS,
    CaBundleRefused,
    holds_private_key,
    read_ca_bundle,
)


@cache
def root() -> Issued:
    return issue("Initech Root")


@cache
def other() -> Issued:
    return issue("Globex Root")


def refusal(text: str) -> str:
    with pytest.raises(CaBundleRefused) as refused:
        read_ca_bundle(text)
    assert str(refused.value) == refused.value.sentence
    return refused.value.sentence


@pytest.mark.parametrize(
    "good",
    [
        issue("a root"),
        issue("a root that says it signs", signs=True),
        issue("an RSA root", key=forge.rsa_key("root").private),
        issue("a P-384 root", key=ec.generate_private_key(ec.SECP384R1())),
        issue("a P-521 root", key=ec.generate_private_key(ec.SECP521R1())),
        issue("an Ed25519 root", key=ed25519.Ed25519PrivateKey.generate()),
        issue("an intermediate authority", by=root()),
    ],
    ids=lambda good: good.certificate.subject.rfc4514_string(),
)
def test_authority_can_be_attached(good: Issued) -> None:
    (anchor,) = read_ca_bundle(good.pem).anchors
    assert (anchor.pem, anchor.fingerprint, anchor.of_a_server) == (good.pem, good.fingerprint, False)


@pytest.mark.parametrize("changes", [{}, {"authority": False}, {"signs": False}])
def test_self_signed_server_certificate_can_be_attached(changes: dict[str, bool]) -> None:
    (anchor,) = read_ca_bundle(self_signed(**changes).pem).anchors
    assert anchor.of_a_server
    assert anchor.name == "keys.acme.example"


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        (
            server(root()),
            "is not one of a certificate authority. Attach the certificate of its issuer, “Initech Root”.",
        ),
        (server(root(), authority=None), "is not one of a certificate authority."),
        (self_signed(signs=True), "is not one of a certificate authority."),
        (issue("x", signs=False), "may not sign certificates (its key usage says so)."),
        (issue("x", key=rsa.generate_private_key(65537, 1024)), "has a weak or unusual key."),  # noqa: S505
        (issue("x", key=ec.generate_private_key(ec.SECP224R1())), "has a weak or unusual key."),
        (issue("x", key=ec.generate_private_key(ec.SECP256K1())), "has a weak or unusual key."),
        (issue("x", key=ed448.Ed448PrivateKey.generate()), "has a weak or unusual key."),
    ],
)
def test_unfit_authority_is_refused_with_the_reason(bad: Issued, sentence: str) -> None:
    assert sentence in refusal(bad.pem)


def test_dsa_authority_is_refused() -> None:
    # Not above: to make such a key takes half a second, in each process that collects tests.
    assert "has a weak or unusual key." in refusal(issue("x", key=dsa.generate_private_key(2048)).pem)


class HugeKey:
    """A public key of 8,200 bits without a private one: generating it takes a minute."""

    def public_key(self) -> rsa.RSAPublicKey:
        return rsa.RSAPublicNumbers(65537, 2**8199 + 1).public_key()


def test_too_large_key_is_refused() -> None:
    assert "has a weak or unusual key." in refusal(issue("x", by=root(), key=HugeKey()).pem)


@pytest.mark.parametrize("pem", [old_certificates.SHA1_ROOT, old_certificates.MD5_ROOT], ids=["SHA-1", "MD5"])
def test_roots_own_signature_may_be_outdated(pem: str) -> None:
    assert read_ca_bundle(pem).pem == pem


@pytest.mark.parametrize(
    "pem", [old_certificates.SHA1_INTERMEDIATE, old_certificates.MD5_INTERMEDIATE], ids=["SHA-1", "MD5"]
)
def test_other_outdated_signatures_are_refused(pem: str) -> None:
    assert "“Initech Issuing CA” is signed with MD5 or SHA-1" in refusal(pem)


def test_equal_names_do_not_make_a_certificate_self_signed() -> None:
    """Anyone can write a name; only the signature shows who issued a certificate."""
    impostor = issue("keys.acme.example", by=issue("keys.acme.example"), authority=None)
    assert "is not one of a certificate authority" in refusal(impostor.pem)


@pytest.mark.parametrize(
    "text",
    [
        " ",
        "Initech Root",
        "-----BEGIN CERTIFICATE-----",
        "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----",
        root().pem.replace("CERTIFICATE", "X509 CERTIFICATE"),
        root().pem.replace("CERTIFICATE", "TRUSTED CERTIFICATE"),
        "# Initech\n" + root().pem,
        root().pem + "x",
        root().pem + "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
        root().pem + "-----BEGIN CERTIFICATE-----\nAAAA",
        root().pem.replace("\n", "\x00\n", 1),
        root().pem.replace("M", "Ｍ", 1),  # noqa: RUF001
    ],
    ids=count(),
)
def test_other_text_between_certificates_is_refused(text: str) -> None:
    assert "Paste nothing but the lines" in refusal(text)


WHOLE = "".join(root().pem.splitlines()[1:-1])


@pytest.mark.parametrize(
    "body",
    ["AAAA", "=", "MIIB", WHOLE[:64], f"{WHOLE[:64]}={WHOLE[64:]}"],
    ids=range(5),
)
def test_damaged_certificate_is_refused(body: str) -> None:
    assert "damaged" in refusal(f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n")


def test_damaged_extensions_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(_name: object) -> str:
        raise ValueError("not a name")

    monkeypatch.setattr(ca_bundle, "name_of", breaks)
    assert "damaged" in refusal(root().pem)


def test_version_1_certificate_is_refused() -> None:
    assert "X.509 version 1" in refusal(old_certificates.VERSION_1)


@pytest.mark.parametrize(
    "label", ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "OPENSSH PRIVATE KEY"]
)
def test_private_key_is_refused_and_not_repeated(label: str) -> None:
    block = f"-----BEGIN {label}-----\nc2VjcmV0\n-----END {label}-----\n"
    for text in (block, root().pem + block, block.lower(), block.replace("\n", "")):
        assert holds_private_key(text)
        sentence = refusal(text)
        assert "PRIVATE KEY" in sentence
        assert "c2VjcmV0" not in sentence


@pytest.mark.parametrize("text", ["PuTTY-User-Key-File-3: x\nPrivate-Lines: 1\nAAAA", "<PrivateKey>x</PrivateKey>"])
def test_other_private_key_formats_are_refused(text: str) -> None:
    assert holds_private_key(text)


def test_certificate_is_not_mistaken_for_a_private_key() -> None:
    assert not holds_private_key(root().pem)


def test_too_long_text_is_refused_unread() -> None:
    assert "16,384 characters" in refusal("x" * (MAX_CHARACTERS + 1))


def test_at_most_five_different_certificates() -> None:
    many = [issue(f"root {number}").pem for number in range(MAX_CERTIFICATES + 1)]
    assert len(read_ca_bundle("".join(many[1:]) * 3).anchors) == MAX_CERTIFICATES
    assert "at most 5 CA certificates; these are 6" in refusal("".join(many))


def test_normalized_text_has_a_limit_too() -> None:
    """On one line a certificate is shorter than in lines of 64, and the database has one limit."""
    bulky = [issue(f"root {number}", extra=bytes(2070)).pem for number in range(MAX_CERTIFICATES)]
    on_one_line = "".join(
        re.sub(r"\n(?!-)", "", pem).replace("CERTIFICATE-----M", "CERTIFICATE-----\nM", 1) for pem in bulky
    )
    assert len(on_one_line) <= MAX_CHARACTERS < len("".join(bulky))
    assert "in their usual form" in refusal(on_one_line)


def test_equal_sets_have_the_same_text() -> None:
    one, two = root().pem, other().pem
    spellings = (
        one + two,
        two + one,
        one + two + one,
        f"\n\n{two}  \n\t{one}\n".replace("\n", "\r\n"),
        (two + one).replace("\n-----END", "\n\n-----END"),
        (two + one).replace("\n", "\n    "),
    )
    assert len({read_ca_bundle(text).pem for text in spellings}) == 1
    both = read_ca_bundle(one + two)
    assert sorted(anchor.fingerprint for anchor in both.anchors) == [anchor.fingerprint for anchor in both.anchors]
    assert both.fingerprints == ", ".join(sorted([root().fingerprint, other().fingerprint]))
    assert read_ca_bundle(both.pem) == both


def test_dates_are_checked_on_attaching() -> None:
    attached = read_ca_bundle(issue("Initech Root", starts_in_days=-10, expires_in_days=10).pem)
    now = datetime.now(UTC)
    attached.check_dates(now)
    with pytest.raises(CaBundleRefused, match="“Initech Root” expired on "):
        attached.check_dates(now + timedelta(days=11))
    with pytest.raises(CaBundleRefused, match="“Initech Root” is not valid before "):
        attached.check_dates(now - timedelta(days=11))


def test_dates_are_exact_to_the_second() -> None:
    (anchor,) = read_ca_bundle(root().pem).anchors
    assert anchor.expired(anchor.expires_at)
    assert not anchor.expired(anchor.expires_at - timedelta(seconds=1))
    assert anchor.expires_soon(anchor.expires_at - timedelta(days=13))
    assert not anchor.expires_soon(anchor.expires_at - timedelta(days=14))


def test_names_are_shown_printable() -> None:
    (anchor,) = read_ca_bundle(issue("Initech\u202e\x1b[2J").pem).anchors
    assert anchor.name == "Initech[2J"
