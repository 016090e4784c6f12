"""Step 6: the signature (RFC 7518 section 3, RFC 8037 section 3.1, RFC 9964). Each encoding has exactly one length."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from watchword.core.algorithms import ALGORITHMS, CURVES, PARAMETER_SETS, Algorithm, Curve, MlDsaPublicKey, Scheme
from watchword.core.claims import SignedClaims
from watchword.core.decision import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from watchword.core.compact import UnverifiedToken
    from watchword.core.jwk import SigningKey

_TOP_BIT: Final = 0x80

_INTEGER: Final = tuple(bytes((0x02, length)) for length in range(_TOP_BIT))
_INTEGER_AFTER_ZERO: Final = tuple(bytes((0x02, length + 1, 0x00)) for length in range(_TOP_BIT - 1))
"""The prefix of a number, by its length in bytes. The second is for numbers whose first bit is set, which would be
negative without a zero before it."""

_SEQUENCE: Final = tuple(
    bytes((0x30, length)) if length < _TOP_BIT else bytes((0x30, 0x81, length)) for length in range(0x100)
)
"""The prefix of both numbers together, by their length; a length of 128 bytes or more has a second form."""

Arguments = tuple[Any, ...]
"""The positional arguments of the library's `verify`, which depend on the kind of key."""


def signed_claims(token: UnverifiedToken, key: SigningKey, algorithm: Algorithm) -> SignedClaims | Reason:
    """The claims of the token, if the signature is valid for this key and algorithm.

    Raises:
        TypeError: the key does not fit the algorithm, which step 5 has excluded.
    """
    if key.kty != algorithm.kty or key.variant != algorithm.variant:
        raise TypeError
    public_key = key.public_key
    arguments = _ARGUMENTS[algorithm.name](public_key, algorithm, token)
    if arguments is None or not _is_valid(public_key, arguments):
        return Reason.SIGNATURE_INVALID
    return SignedClaims(token.claims)


def _is_valid(public_key: Any, arguments: Arguments) -> bool:
    try:
        public_key.verify(*arguments)
    except InvalidSignature:
        return False
    return True


def _padding_of(algorithm: Algorithm) -> padding.AsymmetricPadding:
    if algorithm.scheme is Scheme.RSASSA_PKCS1:
        return padding.PKCS1v15()
    # RFC 7518 section 3.5 requires a salt as long as the hash; "auto" would accept any length.
    return padding.PSS(mgf=padding.MGF1(algorithm.hash), salt_length=algorithm.hash.digest_size)


_PADDINGS: Final[Mapping[str, padding.AsymmetricPadding]] = MappingProxyType(
    {row.name: _padding_of(row) for row in ALGORITHMS.values() if row.kty == "RSA"}
)
_ECDSA: Final[Mapping[str, tuple[Curve, ec.ECDSA]]] = MappingProxyType(
    {
        row.name: (CURVES[str(row.variant)], ec.ECDSA(row.hash))
        for row in ALGORITHMS.values()
        if row.scheme is Scheme.ECDSA
    }
)
"""By the name of the algorithm. Made once, because making one takes as long as all other checks of a signature."""


def _for_rsa(public_key: rsa.RSAPublicKey, algorithm: Algorithm, token: UnverifiedToken) -> Arguments | None:
    if len(token.signature) != (public_key.key_size + 7) // 8:
        # RFC 8017 section 8.1.2 step 1; a shorter or longer signature could encode the same number.
        return None
    return token.signature, token.signing_input, _PADDINGS[algorithm.name], algorithm.hash


def ecdsa_der(r: bytes, s: bytes) -> bytes:
    """An ECDSA signature in the form that `cryptography` expects: ASN.1 in DER (RFC 3279 section 2.2.3, X.690).

    A JWS has the two numbers side by side. The library's own `encode_dss_signature` converts them to big integers and
    back, which takes four times as long.

    Both are numbers above zero, big-endian, of at most 124 bytes.

    Raises:
        IndexError: a number is zero, which no signature contains, or too long.
    """
    r, s = r.lstrip(b"\0"), s.lstrip(b"\0")
    first = (_INTEGER if r[0] < _TOP_BIT else _INTEGER_AFTER_ZERO)[len(r)] + r
    numbers = first + (_INTEGER if s[0] < _TOP_BIT else _INTEGER_AFTER_ZERO)[len(s)] + s
    return _SEQUENCE[len(numbers)] + numbers


def _for_ecdsa(_: ec.EllipticCurvePublicKey, algorithm: Algorithm, token: UnverifiedToken) -> Arguments | None:
    curve, ecdsa = _ECDSA[algorithm.name]
    signature, size = token.signature, curve.coordinate_bytes
    if len(signature) != 2 * size:
        # RFC 7518 section 3.4: two numbers side by side, never ASN.1.
        return None
    # Big-endian byte strings of one length compare like the numbers that they encode.
    r, s = signature[:size], signature[size:]
    if not (curve.zero < r < curve.order and curve.zero < s < curve.order):
        # Java once accepted zero for every message; r plus the order would be a second encoding of r.
        return None
    return ecdsa_der(r, s), token.signing_input, ecdsa


def _for_eddsa(_: ed25519.Ed25519PublicKey, _algorithm: Algorithm, token: UnverifiedToken) -> Arguments:
    # The library refuses every other length than 64 bytes, and a second half not below the order (RFC 8032 5.1.7).
    return token.signature, token.signing_input


def _for_ml_dsa(_: MlDsaPublicKey, algorithm: Algorithm, token: UnverifiedToken) -> Arguments | None:
    if len(token.signature) != PARAMETER_SETS[algorithm.name].signature_bytes:
        return None
    # RFC 9964: the context is empty, and the signature covers the signing input, not its hash.
    return token.signature, token.signing_input


# Any: `kty` and variant, compared above, determine the class of the key.
_FUNCTIONS: Final[Mapping[Scheme, Callable[[Any, Algorithm, UnverifiedToken], Arguments | None]]] = {
    Scheme.RSASSA_PKCS1: _for_rsa,
    Scheme.RSASSA_PSS: _for_rsa,
    Scheme.ECDSA: _for_ecdsa,
    Scheme.EDDSA: _for_eddsa,
    Scheme.ML_DSA: _for_ml_dsa,
}
_ARGUMENTS: Final = MappingProxyType({row.name: _FUNCTIONS[row.scheme] for row in ALGORITHMS.values()})
"""By the name of the algorithm, like the tables above."""
