"""Public keys with invalid numbers (W-01 to W-05)."""

from __future__ import annotations

from typing import Any

import pytest

from kit import forge
from watchword.core.jwk import IgnoredKey, SigningKey, admit_key
from watchword.core.jwk_problems import KeyProblem

RSA = forge.rsa_key("rsa-1")
EC = forge.ec_key("ec-1", "P-256")
ED = forge.ed25519_key("ed-1")


def problem_of(jwk: object) -> KeyProblem | None:
    key = admit_key(jwk)
    return key.problem if isinstance(key, IgnoredKey) else None


def number(jwk: dict[str, Any], member: str) -> int:
    return int.from_bytes(forge.unb64(jwk[member]), "big")


def test_unchanged_keys_are_admitted() -> None:
    for alg in forge.ALGORITHMS:
        assert problem_of(forge.key_for(alg).jwk()) is None


# -------------------------------------------------------------------- W-01, W-02: RSA


@pytest.mark.parametrize(
    ("bits", "expected"),
    [
        (512, KeyProblem.RSA_TOO_SMALL), (1_024, KeyProblem.RSA_TOO_SMALL), (1_536, KeyProblem.RSA_TOO_SMALL),
        (2_047, KeyProblem.RSA_TOO_SMALL), (2_048, None), (2_049, None), (3_072, None), (4_096, None), (8_192, None),
        (8_193, KeyProblem.RSA_TOO_LARGE), (16_384, KeyProblem.RSA_TOO_LARGE), (32_768, KeyProblem.RSA_TOO_LARGE),
    ],
)  # fmt: skip
def test_w01_modulus_has_2048_to_8192_bits(bits: int, expected: KeyProblem | None) -> None:
    key = admit_key(forge.rsa_jwk(bits))
    assert (key.problem if isinstance(key, IgnoredKey) else None) is expected
    if isinstance(key, SigningKey):
        assert key.bits == bits


@pytest.mark.parametrize(
    ("exponent", "expected"),
    [
        (0, KeyProblem.RSA_EXPONENT_INVALID), (1, KeyProblem.RSA_EXPONENT_INVALID),
        (2, KeyProblem.RSA_EXPONENT_INVALID), (3, None), (4, KeyProblem.RSA_EXPONENT_INVALID), (17, None),
        (65_537, None), (2**32 - 1, None), (2**32, KeyProblem.RSA_EXPONENT_INVALID),
        (2**32 + 1, KeyProblem.RSA_EXPONENT_INVALID), (2**2_048 + 1, KeyProblem.RSA_EXPONENT_INVALID),
    ],
    ids=lambda value: str(value)[:12],
)  # fmt: skip
def test_w02_exponent_is_odd_and_bounded(exponent: int, expected: KeyProblem | None) -> None:
    assert problem_of(forge.rsa_jwk(2_048, exponent=exponent)) is expected


@pytest.mark.parametrize(
    ("bits", "exponent", "expected"),
    [
        (8_192, 3, None), (8_192, 65_537, None), (8_192, 65_539, KeyProblem.RSA_TOO_SLOW),
        (8_192, 2**17 + 1, KeyProblem.RSA_TOO_SLOW), (8_192, 2**31 + 1, KeyProblem.RSA_TOO_SLOW),
        (8_192, 2**32 - 1, KeyProblem.RSA_TOO_SLOW), (8_000, 2**32 - 1, KeyProblem.RSA_TOO_SLOW),
        (4_289, 2**32 - 1, None), (4_290, 2**32 - 1, KeyProblem.RSA_TOO_SLOW), (4_096, 2**32 - 1, None),
    ],
    ids=str,
)  # fmt: skip
def test_fk_07_no_key_is_slower_than_the_largest_with_the_usual_exponent(
    bits: int, exponent: int, expected: KeyProblem | None
) -> None:
    assert problem_of(forge.rsa_jwk(bits, exponent=exponent)) is expected


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        pytest.param(
            {"n": forge.integer(number(RSA.jwk(), "n") + 1)}, KeyProblem.RSA_MODULUS_INVALID, id="an even modulus"
        ),
        pytest.param({"n": "AA"}, KeyProblem.RSA_TOO_SMALL, id="modulus zero"),
        pytest.param({"n": "AQ"}, KeyProblem.RSA_TOO_SMALL, id="modulus one"),
        pytest.param({"n": ""}, KeyProblem.VALUE_MISSING, id="an empty modulus"),
        pytest.param({"n": "AA" + RSA.jwk()["n"]}, KeyProblem.RSA_MODULUS_INVALID, id="text put before the modulus"),
        pytest.param({"n": "é"}, KeyProblem.VALUE_MALFORMED, id="letters that are not ASCII"),
        pytest.param({"n": number(RSA.jwk(), "n")}, KeyProblem.VALUE_MISSING, id="a number instead of a text"),
        pytest.param({"n": ...}, KeyProblem.VALUE_MISSING, id="no modulus"),
        pytest.param({"e": ...}, KeyProblem.VALUE_MISSING, id="no exponent"),
        pytest.param({"e": 65_537}, KeyProblem.VALUE_MISSING, id="the exponent as a number"),
    ],
)
def test_w02_invalid_numbers_are_ignored(members: dict[str, Any], expected: KeyProblem) -> None:
    assert problem_of(RSA.jwk(**members)) is expected


# -------------------------------------------------------------------- W-04, W-05: points

OFF_CURVE = forge.integer(number(EC.jwk(), "y") ^ 1, 32)


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        pytest.param({"y": OFF_CURVE}, KeyProblem.POINT_INVALID, id="a point off the curve"),
        pytest.param({"x": EC.jwk()["y"], "y": EC.jwk()["x"]}, KeyProblem.POINT_INVALID, id="coordinates exchanged"),
        pytest.param({"x": forge.b64(bytes(32)), "y": forge.b64(bytes(32))}, KeyProblem.POINT_INVALID, id="zeros"),
        pytest.param({"x": forge.b64(b"\xff" * 32)}, KeyProblem.POINT_INVALID, id="x above the field's prime"),
        pytest.param({"x": "", "y": ""}, KeyProblem.VALUE_MISSING, id="the point at infinity"),
        pytest.param({"x": forge.b64(b"\x01" * 31)}, KeyProblem.POINT_INVALID, id="x one byte short, off the curve"),
        pytest.param({"x": forge.b64(b"\x01" * 33)}, KeyProblem.VALUE_MALFORMED, id="x one byte long"),
        pytest.param({"x": EC.jwk()["x"][:-2]}, KeyProblem.VALUE_MALFORMED, id="x cut off"),
        pytest.param({"y": ...}, KeyProblem.VALUE_MISSING, id="a compressed point"),
        pytest.param({"crv": "P-384"}, KeyProblem.POINT_INVALID, id="the name of another curve"),
        pytest.param({"crv": "secp256k1"}, KeyProblem.CURVE_UNKNOWN, id="a curve that is not accepted"),
        pytest.param({"crv": "Ed25519"}, KeyProblem.CURVE_UNKNOWN, id="a curve of another key type"),
        pytest.param({"crv": "p-256"}, KeyProblem.CURVE_UNKNOWN, id="the curve in small letters"),
        pytest.param({"crv": ["P-256"]}, KeyProblem.CURVE_UNKNOWN, id="a list of curves"),
        pytest.param({"crv": ...}, KeyProblem.CURVE_UNKNOWN, id="no curve"),
    ],
)
def test_w04_points_lie_on_their_curve(members: dict[str, Any], expected: KeyProblem) -> None:
    assert problem_of(EC.jwk(**members)) is expected


P25519 = 2**255 - 19
ORDER_8 = (
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
)
SMALL_ORDER = {
    "the neutral element": (1).to_bytes(32, "little"),
    "the neutral element with the sign bit": (1 | 1 << 255).to_bytes(32, "little"),
    "order 2": (P25519 - 1).to_bytes(32, "little"),
    "order 2 with the sign bit": (P25519 - 1 | 1 << 255).to_bytes(32, "little"),
    "order 4": bytes(32),
    "order 4, the other one": (1 << 255).to_bytes(32, "little"),
    **{f"order 8, number {index}": bytes.fromhex(text) for index, text in enumerate(ORDER_8)},
    **{
        f"order 8, number {index}, the other sign": bytes.fromhex(text)[:-1] + bytes([bytes.fromhex(text)[-1] | 0x80])
        for index, text in enumerate(ORDER_8)
    },
    "the neutral element, not reduced": (P25519 + 1).to_bytes(32, "little"),
    "order 4, not reduced": P25519.to_bytes(32, "little"),
    "all ones": b"\xff" * 32,
    "a point off the curve": (2).to_bytes(32, "little"),
}


@pytest.mark.parametrize("point", SMALL_ORDER.values(), ids=SMALL_ORDER)
def test_w05_invalid_ed25519_points_are_ignored(point: bytes) -> None:
    assert problem_of(ED.jwk(x=forge.b64(point))) is KeyProblem.POINT_INVALID


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"x": forge.b64(bytes(31))}, KeyProblem.VALUE_MALFORMED),
        ({"x": forge.b64(bytes(33))}, KeyProblem.VALUE_MALFORMED),
        ({"x": ...}, KeyProblem.VALUE_MISSING),
        ({"crv": "Ed448"}, KeyProblem.CURVE_UNKNOWN),
        ({"crv": "X25519"}, KeyProblem.CURVE_UNKNOWN),
        ({"crv": "P-256"}, KeyProblem.CURVE_UNKNOWN),
    ],
)
def test_w05_ed25519_is_the_only_okp_curve(members: dict[str, Any], expected: KeyProblem) -> None:
    assert problem_of(ED.jwk(**members)) is expected
