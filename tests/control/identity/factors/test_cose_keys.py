"""Which keys of passkeys are accepted (P-22)."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from kit import forge
from kit.authenticator import EDDSA, ES256, RS256, Key, cbor, cose_key
from watchword.control.identity.factors.cose_keys import ALGORITHMS, KeyRefused, is_signed, stored_key

P: Final = 2**256 - 2**224 + 2**192 + 2**96 - 1


@cache
def keys() -> dict[int, Key]:
    made = forge.rsa_key("passkey").private
    assert isinstance(made, rsa.RSAPrivateKey)
    return {
        ES256: ec.generate_private_key(ec.SECP256R1()),
        EDDSA: ed25519.Ed25519PrivateKey.generate(),
        RS256: made,
    }


def changed(algorithm: int, **members: Any) -> dict[int, Any]:
    labels = {"kty": 1, "alg": 3, "first": -1, "second": -2, "third": -3}
    return cose_key(keys()[algorithm]) | {labels[name]: value for name, value in members.items()}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_key_is_stored_with_its_own_members_only(algorithm: int) -> None:
    key = changed(algorithm)
    surplus = {2: b"kid", 4: [1, 2], 5: b"iv", -70000: {"x": 1}}

    assert stored_key(key | surplus) == stored_key(key)
    assert len(stored_key(key)) < 320


@pytest.mark.parametrize(
    "key",
    [
        pytest.param(changed(ES256, alg=-35), id="ES384"),
        pytest.param(changed(ES256, alg=-9), id="ESP256"),
        pytest.param(changed(ES256, alg=-47), id="ES256K"),
        pytest.param(changed(EDDSA, alg=-19), id="Ed25519 by its other number"),
        pytest.param(changed(EDDSA, alg=-53), id="Ed448"),
        pytest.param(changed(RS256, alg=-37), id="PS256"),
        pytest.param(changed(RS256, alg=-65535), id="RS1"),
        pytest.param(changed(RS256, alg=-258), id="RS384"),
        pytest.param(changed(ES256, alg=5), id="HMAC"),
        pytest.param(changed(ES256, alg=0), id="algorithm zero"),
        pytest.param(changed(ES256, alg="ES256"), id="algorithm as text"),
        pytest.param(changed(ES256, alg=None), id="no algorithm"),
        pytest.param(changed(ES256, alg=EDDSA), id="EdDSA with a key for ES256"),
        pytest.param(changed(RS256, alg=ES256), id="ES256 with a key for RS256"),
        pytest.param(changed(ES256, kty=3), id="key type of RSA"),
        pytest.param(changed(RS256, kty=2), id="key type of curves"),
        pytest.param(changed(ES256, kty=4), id="symmetric key"),
        pytest.param(changed(ES256, first=2), id="P-384"),
        pytest.param(changed(ES256, first=8), id="secp256k1"),
        pytest.param(changed(EDDSA, first=7), id="Ed448 curve"),
        pytest.param(changed(EDDSA, first=4), id="X25519"),
        pytest.param(changed(ES256, third=True), id="a compressed point"),
        pytest.param(changed(ES256, third=bytes(32)), id="a point that is not on the curve"),
        pytest.param(changed(ES256, second=bytes(32), third=bytes(32)), id="the point zero"),
        pytest.param(changed(ES256, second=P.to_bytes(32, "big")), id="a coordinate beyond the field"),
        pytest.param(changed(ES256, second=b""), id="an empty coordinate"),
        pytest.param(changed(ES256, second=b"\1" * 33), id="a long coordinate"),
        pytest.param(changed(ES256, second="text"), id="a coordinate as text"),
        pytest.param(changed(EDDSA, second=bytes(31)), id="a short Ed25519 key"),
        pytest.param(changed(EDDSA, second=b"\1" + bytes(31)), id="an Ed25519 key of small order"),
        pytest.param(changed(EDDSA, second=bytes(32)), id="an Ed25519 key of zeros"),
        pytest.param(changed(RS256, second=b"\1"), id="exponent 1"),
        pytest.param(changed(RS256, second=b"\1\0\0"), id="an even exponent"),
        pytest.param(changed(RS256, second=b"\xff" * 256), id="an exponent that takes long"),
        pytest.param(changed(RS256, second=b""), id="no exponent"),
        pytest.param(changed(RS256, first=b"\xff" * 127 + b"\xf1"), id="a modulus of 1,016 bits"),
        pytest.param(changed(RS256, first=b"\xff" * 4096), id="a modulus of 32,768 bits"),
        pytest.param(changed(RS256, first=b"\xff" * 255 + b"\xfe"), id="an even modulus"),
        pytest.param(changed(RS256, first=(3**1293).to_bytes(257, "big")), id="a modulus with small factors"),
        pytest.param({}, id="an empty map"),
    ],
)
def test_other_and_weak_keys_are_refused(key: dict[int, Any]) -> None:
    with pytest.raises(KeyRefused):
        stored_key(key)


def test_rsa_key_of_1024_bits_is_refused() -> None:
    weak = rsa.generate_private_key(65537, 1024)  # noqa: S505 - that is the test.

    with pytest.raises(KeyRefused):
        stored_key(cose_key(weak))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_stored_key_verifies(algorithm: int) -> None:
    stored = stored_key(changed(algorithm))

    assert stored == stored_key(dict(reversed(changed(algorithm).items())))
    assert not is_signed(stored, b"signed", b"")


def test_damaged_row_verifies_nothing() -> None:
    damaged = cbor({1: 2, 3: ES256, -1: 1, -2: bytes(32), -3: bytes(32)})

    assert not is_signed(damaged, b"signed", b"signature")
