"""Forged and re-encoded signatures (A-10 to A-13 and A-25)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from kit import acme, forge
from watchword.core.decision import Allow, Deny, Reason

if TYPE_CHECKING:
    from collections.abc import Callable

RSA = forge.rsa_key("rsa-1")
EC_KEYS = {alg: forge.ec_key(alg, forge.CURVE_OF[alg]) for alg in forge.EC_ALGORITHMS}
SIZES = {"ES256": 32, "ES384": 48, "ES512": 66}
ML_DSA_KEYS = {alg: forge.ml_dsa_key(alg, alg) for alg in forge.ML_DSA}
TRUST = acme.trust(RSA, *EC_KEYS.values(), *ML_DSA_KEYS.values(), forge.ed25519_key("ed-1"))
REFUSED = Deny(Reason.SIGNATURE_INVALID)

SHA256_PREFIX = bytes.fromhex("3031300d060960864801650304020105000420")
"""The DigestInfo of SHA-256 (RFC 8017 section 9.2, note 1)."""
SHA1_PREFIX = bytes.fromhex("3021300906052b0e03021a05000414")


def with_signature(key: forge.Key, alg: str, change: Callable[[bytes], bytes]) -> str:
    good = forge.token(key, alg)
    signing_input, _, signature = good.rpartition(".")
    return f"{signing_input}.{forge.b64(change(forge.unb64(signature)))}"


# -------------------------------------------------------------------- the numbers of ECDSA


@pytest.mark.parametrize("alg", forge.EC_ALGORITHMS)
@pytest.mark.parametrize(
    "numbers",
    [
        pytest.param(lambda _: (0, 0), id="A-10: both numbers are zero, as in Java's psychic signatures"),
        pytest.param(lambda _: (0, 1), id="A-10: r is zero"),
        pytest.param(lambda _: (1, 0), id="A-10: s is zero"),
        pytest.param(lambda n: (n, 1), id="A-10: r is the order"),
        pytest.param(lambda n: (1, n), id="A-10: s is the order"),
        pytest.param(lambda n: (n, n), id="A-10: both are the order"),
        pytest.param(lambda _: (1, 1), id="A-10: both are one"),
    ],
)
def test_a10_numbers_out_of_range_are_refused(alg: str, numbers: Callable[[int], tuple[int, int]]) -> None:
    order = forge.CURVES[forge.CURVE_OF[alg]].group_order
    signature = forge.p1363(*numbers(order), SIZES[alg])
    assert acme.decide(forge.token(EC_KEYS[alg], alg, signature=signature), TRUST) == REFUSED


def test_a10_number_plus_the_order_is_refused() -> None:
    """On P-521 a number plus the order still fits into 66 bytes."""
    order = forge.CURVES["P-521"].group_order

    def raise_s(signature: bytes) -> bytes:
        r, s = (int.from_bytes(half, "big") for half in (signature[:66], signature[66:]))
        return forge.p1363(r, s + order, 66)

    assert acme.decide(with_signature(EC_KEYS["ES512"], "ES512", raise_s), TRUST) == REFUSED


# -------------------------------------------------------------------- lengths and encodings


@pytest.mark.parametrize("alg", forge.ALGORITHMS)
@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda _: b"", id="nothing"),
        pytest.param(lambda signature: signature[:-1], id="the last byte is missing"),
        pytest.param(lambda signature: signature[1:], id="the first byte is missing"),
        pytest.param(lambda signature: signature + b"\x00", id="a zero is appended"),
        pytest.param(lambda signature: b"\x00" + signature, id="a zero is put before"),
        pytest.param(lambda signature: b"\x00" + signature + b"\x00", id="a zero on either side"),
        pytest.param(
            lambda signature: signature[: len(signature) // 2] + b"\x00" + signature[len(signature) // 2 :],
            id="a zero is put between the halves, which changes neither number",
        ),
        pytest.param(lambda signature: signature * 2, id="twice"),
        pytest.param(lambda signature: bytes(len(signature)), id="all zeros"),
        pytest.param(lambda signature: b"\xff" * len(signature), id="all ones"),
        pytest.param(lambda signature: signature[::-1], id="backwards"),
    ],
)
def test_a11_a25_signature_of_another_length_or_order_is_refused(alg: str, change: Callable[[bytes], bytes]) -> None:
    keys = {**EC_KEYS, **ML_DSA_KEYS, **dict.fromkeys(forge.RSA_ALGORITHMS, RSA)}
    key = keys.get(alg, forge.ed25519_key("ed-1"))
    assert isinstance(acme.decide(with_signature(key, alg, lambda signature: signature), TRUST), Allow)
    assert acme.decide(with_signature(key, alg, change), TRUST) == REFUSED


@pytest.mark.parametrize("alg", forge.EC_ALGORITHMS)
def test_a11_signature_in_asn1_is_refused(alg: str) -> None:
    private = EC_KEYS[alg].private
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    signing_input = forge.token(EC_KEYS[alg], alg).rpartition(".")[0]
    signature = private.sign(signing_input.encode(), ec.ECDSA(forge.HASHES[alg[-3:]]))
    assert acme.decide(f"{signing_input}.{forge.b64(signature)}", TRUST) == REFUSED


def test_a25_signature_plus_the_modulus_is_refused() -> None:
    assert isinstance(RSA.private, rsa.RSAPrivateKey)
    modulus = RSA.private.public_key().public_numbers().n

    def add(signature: bytes) -> bytes:
        number = int.from_bytes(signature, "big") + modulus
        return number.to_bytes((number.bit_length() + 7) // 8, "big")

    assert acme.decide(with_signature(RSA, "RS256", add), TRUST) == REFUSED


# -------------------------------------------------------------------- paddings of PKCS #1 v1.5


def digest(octets: bytes, algorithm: hashes.HashAlgorithm) -> bytes:
    hasher = hashes.Hash(algorithm)
    hasher.update(octets)
    return hasher.finalize()


def block(middle: bytes, tail: bytes, *, start: bytes = b"\x00\x01") -> bytes:
    """An encoded message of 2048 bits: start, padding to fill, a zero, and the tail."""
    filling = middle * 256
    return start + filling[: 256 - len(start) - 1 - len(tail)] + b"\x00" + tail


PADDINGS = [
    ("the right one, to show that the forge forges well", True, lambda h: block(b"\xff", SHA256_PREFIX + h)),
    ("padded with other bytes than FF", False, lambda h: block(b"\xfe", SHA256_PREFIX + h)),
    ("block type 2", False, lambda h: block(b"\xff", SHA256_PREFIX + h, start=b"\x00\x02")),
    ("without DigestInfo", False, lambda h: block(b"\xff", h)),
    ("with the DigestInfo of SHA-1", False, lambda h: block(b"\xff", SHA1_PREFIX + h)),
    (
        "the NULL parameter of DigestInfo left out",
        False,
        lambda h: block(b"\xff", bytes.fromhex("302f300b0609608648016503040201") + b"\x04\x20" + h),
    ),
    ("garbage after the hash, the padding shortened", False, lambda h: block(b"\xff", SHA256_PREFIX + h + b"garbage!")),
    (
        "garbage after the hash, eight bytes of padding left (Bleichenbacher 2006)",
        False,
        lambda h: (b"\x00\x01" + b"\xff" * 8 + b"\x00" + SHA256_PREFIX + h).ljust(256, b"\x00"),
    ),
    ("a hash cut short", False, lambda h: block(b"\xff", SHA256_PREFIX + h[:-1])),
    ("the hash of something else", False, lambda h: block(b"\xff", SHA256_PREFIX + h[::-1])),
]


@pytest.mark.parametrize(("good", "make"), [row[1:] for row in PADDINGS], ids=[f"A-12: {row[0]}" for row in PADDINGS])
def test_a12_changed_padding_is_refused(good: bool, make: Callable[[bytes], bytes]) -> None:  # noqa: FBT001
    signing_input = forge.token(RSA, "RS256").rpartition(".")[0]
    signature = forge.raw_rsa_signature(RSA, make(digest(signing_input.encode(), hashes.SHA256())))
    decision = acme.decide(f"{signing_input}.{forge.b64(signature)}", TRUST)
    assert isinstance(decision, Allow) if good else decision == REFUSED


# -------------------------------------------------------------------- parameters of PSS

SHA256, SHA384, SHA512 = hashes.SHA256(), hashes.SHA384(), hashes.SHA512()


@pytest.mark.parametrize(
    ("salt", "mask", "hashed", "good"),
    [
        pytest.param(32, SHA256, SHA256, True, id="the right parameters, to show that the rows differ in one thing"),
        pytest.param(0, SHA256, SHA256, False, id="A-13: no salt"),
        pytest.param(31, SHA256, SHA256, False, id="A-13: salt one byte short"),
        pytest.param(33, SHA256, SHA256, False, id="A-13: salt one byte long"),
        pytest.param(222, SHA256, SHA256, False, id="A-13: the longest salt that fits"),
        pytest.param(32, SHA512, SHA256, False, id="A-13: mask generated with another hash"),
        pytest.param(32, SHA256, SHA384, False, id="A-13: another hash"),
    ],
)
def test_a13_other_pss_parameters_are_refused(
    salt: int,
    mask: hashes.HashAlgorithm,
    hashed: hashes.HashAlgorithm,
    good: bool,  # noqa: FBT001
) -> None:
    assert isinstance(RSA.private, rsa.RSAPrivateKey)
    signing_input = forge.token(RSA, "PS256").rpartition(".")[0]
    signature = RSA.private.sign(signing_input.encode(), padding.PSS(padding.MGF1(mask), salt), hashed)
    decision = acme.decide(f"{signing_input}.{forge.b64(signature)}", TRUST)
    assert isinstance(decision, Allow) if good else decision == REFUSED


@pytest.mark.parametrize("alg", forge.RSA_ALGORITHMS)
@pytest.mark.parametrize("sign_as", forge.RSA_ALGORITHMS)
def test_a08_algorithm_of_signature_and_header_must_match(alg: str, sign_as: str) -> None:
    decision = acme.decide(forge.token(RSA, alg, sign_as=sign_as), TRUST)
    assert isinstance(decision, Allow) if alg == sign_as else decision == REFUSED


@pytest.mark.parametrize("alg", forge.ALGORITHMS)
def test_signature_by_another_key_of_the_same_kind_is_refused(alg: str) -> None:
    published, other = forge.key_for(alg, "published"), forge.key_for(alg, "other")
    assert acme.decide(forge.token(other.named("published"), alg), acme.trust(published)) == REFUSED


def test_w05_second_half_of_an_ed25519_signature_must_be_below_the_order() -> None:
    order = 2**252 + 27742317777372353535851937790883648493

    def raise_s(signature: bytes) -> bytes:
        s = int.from_bytes(signature[32:], "little") + order
        return signature[:32] + s.to_bytes(32, "little")

    assert acme.decide(with_signature(forge.ed25519_key("ed-1"), "EdDSA", raise_s), TRUST) == REFUSED
