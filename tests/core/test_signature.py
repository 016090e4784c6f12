"""The kernel's own checks of a signature, with a library that would accept anything.

The real library refuses these too, today; the kernel does not depend on that.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from watchword.core import signature
from watchword.core.algorithms import ALGORITHMS, CURVES
from watchword.core.claims import UnverifiedClaims
from watchword.core.compact import UnverifiedToken
from watchword.core.header import UnverifiedHeader, read_header

KEY: Any = SimpleNamespace(key_size=2_048)
"""All that the kernel reads of a public key before it calls the library."""


def token(octets: bytes) -> UnverifiedToken:
    header = read_header({})
    assert isinstance(header, UnverifiedHeader)
    return UnverifiedToken(header, UnverifiedClaims({}), b"", octets)


@pytest.mark.parametrize("alg", ["RS256", "PS512"])
@pytest.mark.parametrize("length", [0, 1, 255, 257, 512])
def test_a25_rsa_signature_has_the_length_of_the_modulus(alg: str, length: int) -> None:
    assert signature._for_rsa(KEY, ALGORITHMS[alg], token(b"\x01" * 256)) is not None
    assert signature._for_rsa(KEY, ALGORITHMS[alg], token(b"\x01" * length)) is None


@pytest.mark.parametrize(("alg", "size"), [("ES256", 32), ("ES384", 48), ("ES512", 66)])
def test_a11_ecdsa_signature_has_the_length_of_two_coordinates(alg: str, size: int) -> None:
    good = (1).to_bytes(size, "big") * 2
    assert signature._for_ecdsa(KEY, ALGORITHMS[alg], token(good)) is not None
    for octets in (b"", good[1:], good + b"\x00", b"\x00" + good, good[:size] + b"\x00" + good[size:], good * 2):
        assert signature._for_ecdsa(KEY, ALGORITHMS[alg], token(octets)) is None


@pytest.mark.parametrize(("alg", "size"), [("ML-DSA-44", 2_420), ("ML-DSA-65", 3_309), ("ML-DSA-87", 4_627)])
def test_a11_ml_dsa_signature_has_the_length_of_its_parameter_set(alg: str, size: int) -> None:
    assert signature._for_ml_dsa(KEY, ALGORITHMS[alg], token(bytes(size))) is not None
    for length in (0, size - 1, size + 1, 2 * size):
        assert signature._for_ml_dsa(KEY, ALGORITHMS[alg], token(bytes(length))) is None


@pytest.mark.parametrize(("alg", "crv"), [("ES256", "P-256"), ("ES384", "P-384"), ("ES512", "P-521")])
def test_a10_ecdsa_numbers_are_above_zero_and_below_the_order(alg: str, crv: str) -> None:
    curve = CURVES[crv]

    def is_passed_on(r: int, s: int) -> bool:
        octets = r.to_bytes(curve.coordinate_bytes, "big") + s.to_bytes(curve.coordinate_bytes, "big")
        return signature._for_ecdsa(KEY, ALGORITHMS[alg], token(octets)) is not None

    order = curve.implementation.group_order
    assert is_passed_on(1, 1)
    assert is_passed_on(order - 1, order - 1)
    for r, s in ((0, 1), (1, 0), (order, 1), (1, order), (order + 1, 1)):
        assert not is_passed_on(r, s)
