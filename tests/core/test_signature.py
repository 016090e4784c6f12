"""The kernel's own checks of a signature, beneath which stands a library that would take anything.

The real library refuses these too, today; here it is shown that nothing depends on that.
"""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature

from watchword.core import signature
from watchword.core.algorithms import ALGORITHMS, CURVES
from watchword.core.claims import UnverifiedClaims
from watchword.core.compact import UnverifiedToken
from watchword.core.header import read_header


class GullibleKey:
    """A public key of 2048 bits that finds every signature good."""

    key_size = 2_048

    def verify(self, *_: object) -> None:
        """Raises nothing, which is the library's way to say yes."""


GULLIBLE: Any = GullibleKey()


def token(octets: bytes) -> UnverifiedToken:
    return UnverifiedToken(read_header({}), UnverifiedClaims({}), b"", octets)


@pytest.mark.parametrize("alg", ["RS256", "PS512"])
@pytest.mark.parametrize("length", [0, 1, 255, 257, 512])
def test_a25_rsa_signature_has_the_length_of_the_modulus(alg: str, length: int) -> None:
    signature._verify_rsa(GULLIBLE, ALGORITHMS[alg], token(b"\x01" * 256))
    with pytest.raises(InvalidSignature):
        signature._verify_rsa(GULLIBLE, ALGORITHMS[alg], token(b"\x01" * length))


@pytest.mark.parametrize(("alg", "size"), [("ES256", 32), ("ES384", 48), ("ES512", 66)])
def test_a11_ecdsa_signature_has_the_length_of_two_coordinates(alg: str, size: int) -> None:
    good = (1).to_bytes(size, "big") * 2
    signature._verify_ecdsa(GULLIBLE, ALGORITHMS[alg], token(good))
    for octets in (b"", good[1:], good + b"\x00", b"\x00" + good, good[:size] + b"\x00" + good[size:], good * 2):
        with pytest.raises(InvalidSignature):
            signature._verify_ecdsa(GULLIBLE, ALGORITHMS[alg], token(octets))


@pytest.mark.parametrize(("alg", "size"), [("ML-DSA-44", 2_420), ("ML-DSA-65", 3_309), ("ML-DSA-87", 4_627)])
def test_a11_ml_dsa_signature_has_the_length_of_its_parameter_set(alg: str, size: int) -> None:
    signature._verify_ml_dsa(GULLIBLE, ALGORITHMS[alg], token(bytes(size)))
    for length in (0, size - 1, size + 1, 2 * size):
        with pytest.raises(InvalidSignature):
            signature._verify_ml_dsa(GULLIBLE, ALGORITHMS[alg], token(bytes(length)))


@pytest.mark.parametrize(("alg", "crv"), [("ES256", "P-256"), ("ES384", "P-384"), ("ES512", "P-521")])
def test_a10_ecdsa_numbers_are_above_zero_and_below_the_order(alg: str, crv: str) -> None:
    curve = CURVES[crv]

    def check(r: int, s: int) -> None:
        octets = r.to_bytes(curve.coordinate_bytes, "big") + s.to_bytes(curve.coordinate_bytes, "big")
        signature._verify_ecdsa(GULLIBLE, ALGORITHMS[alg], token(octets))

    order = curve.implementation.group_order
    check(1, 1)
    check(order - 1, order - 1)
    for r, s in ((0, 1), (1, 0), (order, 1), (1, order), (order + 1, 1)):
        with pytest.raises(InvalidSignature):
            check(r, s)
