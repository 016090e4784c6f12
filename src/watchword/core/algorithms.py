"""The table of signature algorithms. Every other algorithm is refused: no HMAC, no `none`, no aliases."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, mldsa

if TYPE_CHECKING:
    from collections.abc import Mapping

MlDsaPublicKey = mldsa.MLDSA44PublicKey | mldsa.MLDSA65PublicKey | mldsa.MLDSA87PublicKey


class Scheme(Enum):
    """A signature scheme."""

    RSASSA_PKCS1 = "RSASSA-PKCS1-v1_5"
    RSASSA_PSS = "RSASSA-PSS"
    ECDSA = "ECDSA"
    EDDSA = "EdDSA"
    ML_DSA = "ML-DSA"


@dataclass(frozen=True, slots=True)
class Algorithm:
    """A row of the table.

    Attributes:
        name: the `alg` value, compared exactly.
        scheme: the signature scheme.
        kty, variant: the only kind of key that it works with. The variant is the `crv` of EC and OKP keys, the `alg` of
            AKP keys, and None for RSA.
        hash: the hash function. Ed25519 (RFC 8032 section 5.1) and ML-DSA (FIPS 204 section 5.3) include it; the
        library
            needs it as an argument for the others.
    """

    name: str
    scheme: Scheme
    kty: str
    variant: str | None
    hash: hashes.HashAlgorithm


@dataclass(frozen=True, slots=True)
class Curve:
    """A curve of ECDSA.

    Attributes:
        name: its `crv` name.
        bits: of its field.
        coordinate_bytes: of a coordinate, and of each number of a signature.
        zero, order: of its group, as `coordinate_bytes` bytes, big-endian.
        implementation: the library's class.
    """

    name: str
    bits: int
    coordinate_bytes: int
    zero: bytes
    order: bytes
    implementation: ec.EllipticCurve


def _curve(name: str, implementation: ec.EllipticCurve) -> Curve:
    bits = implementation.key_size
    size = (bits + 7) // 8
    return Curve(name, bits, size, bytes(size), implementation.group_order.to_bytes(size, "big"), implementation)


CURVES: Final[Mapping[str, Curve]] = MappingProxyType(
    {
        curve.name: curve
        for curve in (
            _curve("P-256", ec.SECP256R1()),
            _curve("P-384", ec.SECP384R1()),
            _curve("P-521", ec.SECP521R1()),
        )
    }
)
"""RFC 7518 section 6.2.1.1. secp256k1 is not here: ES256K is not accepted."""


@dataclass(frozen=True, slots=True)
class ParameterSet:
    """A parameter set of ML-DSA: its name, the bytes of a public key and of a signature, and the class of its keys."""

    name: str
    key_bytes: int
    signature_bytes: int
    implementation: type[MlDsaPublicKey]


PARAMETER_SETS: Final[Mapping[str, ParameterSet]] = MappingProxyType(
    {
        parameters.name: parameters
        for parameters in (
            ParameterSet("ML-DSA-44", 1_312, 2_420, mldsa.MLDSA44PublicKey),
            ParameterSet("ML-DSA-65", 1_952, 3_309, mldsa.MLDSA65PublicKey),
            ParameterSet("ML-DSA-87", 2_592, 4_627, mldsa.MLDSA87PublicKey),
        )
    }
)
"""FIPS 204 table 2. A token signed by the largest is about 7 KiB, well below the limit of 16."""

_CLASSICAL = (
    # RFC 7518 section 3.3.
    Algorithm("RS256", Scheme.RSASSA_PKCS1, "RSA", None, hashes.SHA256()),
    Algorithm("RS384", Scheme.RSASSA_PKCS1, "RSA", None, hashes.SHA384()),
    Algorithm("RS512", Scheme.RSASSA_PKCS1, "RSA", None, hashes.SHA512()),
    # RFC 7518 section 3.5.
    Algorithm("PS256", Scheme.RSASSA_PSS, "RSA", None, hashes.SHA256()),
    Algorithm("PS384", Scheme.RSASSA_PSS, "RSA", None, hashes.SHA384()),
    Algorithm("PS512", Scheme.RSASSA_PSS, "RSA", None, hashes.SHA512()),
    # RFC 7518 section 3.4: the name binds the curve as well.
    Algorithm("ES256", Scheme.ECDSA, "EC", "P-256", hashes.SHA256()),
    Algorithm("ES384", Scheme.ECDSA, "EC", "P-384", hashes.SHA384()),
    Algorithm("ES512", Scheme.ECDSA, "EC", "P-521", hashes.SHA512()),
    # RFC 8037 section 3.1, and its fully specified name of RFC 9864. Ed448 is not accepted.
    Algorithm("EdDSA", Scheme.EDDSA, "OKP", "Ed25519", hashes.SHA512()),
    Algorithm("Ed25519", Scheme.EDDSA, "OKP", "Ed25519", hashes.SHA512()),
)

# RFC 9964: the key names the algorithm, and the algorithm the parameter set.
_POST_QUANTUM = tuple(Algorithm(name, Scheme.ML_DSA, "AKP", name, hashes.SHAKE256(64)) for name in PARAMETER_SETS)


def _ml_dsa_is_offered() -> bool:
    """Whether the installed cryptographic library can verify ML-DSA; not every build of OpenSSL can."""
    smallest = PARAMETER_SETS["ML-DSA-44"]
    try:
        smallest.implementation.from_public_bytes(bytes(smallest.key_bytes))
    except UnsupportedAlgorithm:
        return False
    return True


_ROWS = (*_CLASSICAL, *(_POST_QUANTUM if _ml_dsa_is_offered() else ()))

ALGORITHMS: Final[Mapping[str, Algorithm]] = MappingProxyType({row.name: row for row in _ROWS})

NAMES_FITTING: Final[Mapping[tuple[str, str | None], frozenset[str]]] = MappingProxyType(
    {
        kind: frozenset(row.name for row in _ROWS if (row.kty, row.variant) == kind)
        for kind in {(row.kty, row.variant) for row in _ROWS}
    }
)
"""By (`kty`, variant) of a key: the names of all algorithms that it can be used with."""
