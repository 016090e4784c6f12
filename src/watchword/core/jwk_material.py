"""The numbers of a public key: reads them from the members of a JWK, checks them and loads the key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from watchword.core import base64url, jwk_spelling
from watchword.core.algorithms import CURVES, PARAMETER_SETS, MlDsaPublicKey
from watchword.core.jwk_problems import KeyProblem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | MlDsaPublicKey

MIN_RSA_BITS: Final = 2048
MAX_RSA_BITS: Final = 8192
"""A limit on work: checking a signature takes quadratic time in the size of the modulus (W-01)."""

MAX_RSA_WORK: Final = MAX_RSA_BITS**2 * 17
"""The most work for a signature: the number of squares and products, times the squared bits of the modulus. This is the
work for the largest modulus with the usual exponent 65537, which takes 17 of them. The largest modulus with the largest
exponent would take four times as long, and 70 times as long as an ordinary key (FK-07)."""

MIN_RSA_EXPONENT: Final = 3
"""With 1 every signature would be its own message (W-02)."""

MAX_RSA_EXPONENT: Final = 2**32
"""Also a limit on work."""

MEMBERS: Final[Mapping[str, tuple[str, ...]]] = {
    "RSA": ("n", "e"),
    "EC": ("x", "y"),
    "OKP": ("x",),
    "AKP": ("pub",),
}
"""The members that contain the public key, by `kty` (RFC 7518 section 6, RFC 8037 section 2, RFC 9964)."""

VARIANT_MEMBER: Final[Mapping[str, str]] = {"EC": "crv", "OKP": "crv", "AKP": "alg"}
"""The member that completes `kty` to the kind of key."""


class MaterialRefused(Exception):
    """The members are not an accepted public key."""

    def __init__(self, problem: KeyProblem) -> None:
        super().__init__(problem.code)
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Material:
    """A checked public key: `values` are the members named by MEMBERS, in that order and in canonical form."""

    kty: str
    variant: str | None
    bits: int
    values: tuple[str, ...]


def read(jwk: Mapping[str, object]) -> Material:
    """Check the public members of a JWK; `load` cannot fail for the result.

    Raises:
        MaterialRefused: with the first problem found.
    """
    kty = jwk.get("kty")
    if kty == "oct":
        raise MaterialRefused(KeyProblem.SYMMETRIC)
    if not isinstance(kty, str) or kty not in _READERS:
        raise MaterialRefused(KeyProblem.KIND_UNKNOWN)
    spelled = tuple([_text(jwk_spelling.member(jwk, name)) for name in MEMBERS[kty]])
    variant, bits, octets, _ = _READERS[kty](jwk_spelling.member(jwk, VARIANT_MEMBER.get(kty, "")), spelled)
    return Material(kty, variant, bits, tuple(map(_canonical, octets, spelled)))


def load(material: Material) -> PublicKey:
    """Make the key object of checked material, with the same code that checked it."""
    return _READERS[material.kty](material.variant, material.values)[3]


def modulus_of(material: Material) -> int:
    """The modulus of checked RSA material."""
    return int.from_bytes(_octets(material.values[0]), "big")


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise MaterialRefused(KeyProblem.VALUE_MISSING)
    return value


def _octets(value: str) -> bytes:
    try:
        return jwk_spelling.octets(value)
    except base64url.Base64urlRefused:
        raise MaterialRefused(KeyProblem.VALUE_MALFORMED) from None


def _canonical(octets: bytes, spelled: str) -> str:
    canonical = base64url.encode(octets)
    # The received text if it is equal, so that the verifier shares one "AQAB" between all organizations.
    return spelled if spelled == canonical else canonical


Reading = tuple[str | None, int, tuple[bytes, ...], PublicKey]
"""The variant, the size in bits, the canonical bytes of each value, and the key."""


def _read_rsa(_variant: object, values: tuple[str, ...]) -> Reading:
    octets = tuple([jwk_spelling.shortest(_octets(value)) for value in values])
    modulus, exponent = [int.from_bytes(number, "big") for number in octets]
    bits = modulus.bit_length()
    if bits < MIN_RSA_BITS:
        raise MaterialRefused(KeyProblem.RSA_TOO_SMALL)
    if bits > MAX_RSA_BITS:
        raise MaterialRefused(KeyProblem.RSA_TOO_LARGE)
    if modulus % 2 == 0:
        raise MaterialRefused(KeyProblem.RSA_MODULUS_INVALID)
    if exponent % 2 == 0 or not MIN_RSA_EXPONENT <= exponent <= MAX_RSA_EXPONENT:
        raise MaterialRefused(KeyProblem.RSA_EXPONENT_INVALID)
    # Square and multiply: a square for each bit after the first, a product for each of them that is set.
    if bits**2 * (exponent.bit_length() + exponent.bit_count() - 2) > MAX_RSA_WORK:
        raise MaterialRefused(KeyProblem.RSA_TOO_SLOW)
    try:
        return None, bits, octets, rsa.RSAPublicNumbers(exponent, modulus).public_key()
    except (ValueError, UnsupportedAlgorithm):
        # A later version of the library may have stricter rules than those above.
        raise MaterialRefused(KeyProblem.NOT_LOADABLE) from None


def _read_ec(crv: object, values: tuple[str, ...]) -> Reading:
    curve = CURVES.get(crv) if isinstance(crv, str) else None
    if curve is None:
        raise MaterialRefused(KeyProblem.CURVE_UNKNOWN)
    coordinates = tuple([jwk_spelling.of_length(_octets(value), curve.coordinate_bytes) for value in values])
    if any(len(coordinate) != curve.coordinate_bytes for coordinate in coordinates):
        raise MaterialRefused(KeyProblem.VALUE_MALFORMED)
    uncompressed = b"\x04" + b"".join(coordinates)
    try:
        key = ec.EllipticCurvePublicKey.from_encoded_point(curve.implementation, uncompressed)
    except (ValueError, UnsupportedAlgorithm):
        # The library checks that the point is on the curve (W-04).
        raise MaterialRefused(KeyProblem.POINT_INVALID) from None
    return curve.name, curve.bits, coordinates, key


def _read_okp(crv: object, values: tuple[str, ...]) -> Reading:
    if crv != "Ed25519":
        raise MaterialRefused(KeyProblem.CURVE_UNKNOWN)
    # Bytes, not a number (RFC 8037 section 2): no zeros are added or removed.
    octets = _octets(values[0])
    if len(octets) != _ED25519_BYTES:
        raise MaterialRefused(KeyProblem.VALUE_MALFORMED)
    if not _is_ed25519_point_of_large_order(octets):
        raise MaterialRefused(KeyProblem.POINT_INVALID)
    try:
        return "Ed25519", _ED25519_BITS, (octets,), ed25519.Ed25519PublicKey.from_public_bytes(octets)
    except (ValueError, UnsupportedAlgorithm):
        # Some builds of OpenSSL lack Ed25519.
        raise MaterialRefused(KeyProblem.NOT_LOADABLE) from None


def _read_akp(alg: object, values: tuple[str, ...]) -> Reading:
    if alg is None:
        raise MaterialRefused(KeyProblem.ALGORITHM_MISSING)
    if not isinstance(alg, str) or alg not in PARAMETER_SETS:
        raise MaterialRefused(KeyProblem.ALGORITHM_NOT_ACCEPTED)
    parameters = PARAMETER_SETS[alg]
    octets = _octets(values[0])
    if len(octets) != parameters.key_bytes:
        raise MaterialRefused(KeyProblem.VALUE_MALFORMED)
    try:
        return alg, 8 * parameters.key_bytes, (octets,), parameters.implementation.from_public_bytes(octets)
    except (ValueError, UnsupportedAlgorithm):
        # Not every build of OpenSSL offers ML-DSA.
        raise MaterialRefused(KeyProblem.NOT_LOADABLE) from None


_READERS: Final[Mapping[str, Callable[[object, tuple[str, ...]], Reading]]] = {
    "RSA": _read_rsa,
    "EC": _read_ec,
    "OKP": _read_okp,
    "AKP": _read_akp,
}

_ED25519_BYTES: Final = 32
_ED25519_BITS: Final = 256
_ED25519_PRIME: Final = 2**255 - 19
_ED25519_D: Final = -121665 * pow(121666, -1, _ED25519_PRIME) % _ED25519_PRIME


def _is_ed25519_point_of_large_order(octets: bytes) -> bool:
    """Whether the bytes are the canonical encoding (RFC 8032 section 5.1.3) of a point outside the small subgroup.

    With a public key of small order one signature fits many messages (W-05). The library accepts such keys, and points
    that are not on the curve.
    """
    prime = _ED25519_PRIME
    y = int.from_bytes(octets, "little") & (2**255 - 1)
    if y >= prime:
        return False
    # The curve is -x² + y² = 1 + d·x²·y², so x² = u / v with u = y² - 1 and v = d·y² + 1 must be a square. It is one
    # exactly if u·v is one, which avoids a division as expensive as all the rest.
    y_squared = y * y % prime
    u, v = y_squared - 1, (_ED25519_D * y_squared + 1) % prime
    if pow(u * v, (prime - 1) // 2, prime) != 1:
        # Not a square: not on the curve. Zero: y is 1 or -1, whose order is 1 or 2.
        return False
    # Doubling a point gives y' = (y² + x²) / (2 - (y² - x²)), from -x² + y² = 1 + d·x²·y². A point of order 4 doubles
    # to order 2 and a point of order 8 to order 4: y' is then -1 or 0. The points of order 4 have y = 0.
    above, below = y_squared * v + u, (2 - y_squared) * v + u
    return above % prime != 0 and (above + below) % prime != 0
