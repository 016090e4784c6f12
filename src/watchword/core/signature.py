"""Step 6: the signature (RFC 7518 section 3, RFC 8037 section 3.1, RFC 9964). Every encoding has exactly one length."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from watchword.core import dss_signature
from watchword.core.algorithms import ALGORITHMS, CURVES, PARAMETER_SETS, Algorithm, Curve, MlDsaPublicKey, Scheme
from watchword.core.claims import SignedClaims
from watchword.core.decision import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from watchword.core.compact import UnverifiedToken
    from watchword.core.jwk import SigningKey

Arguments = tuple[Any, ...]
"""What the library wants to be given to verify a signature, which depends on the kind of key; its order, not ours."""


def signed_claims(token: UnverifiedToken, key: SigningKey, algorithm: Algorithm) -> SignedClaims | Reason:
    """The claims of the token, once its signature by this key with this algorithm is proven.

    Raises:
        TypeError: when the key does not fit the algorithm, which step 5 has excluded.
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
    # RFC 7518 section 3.5 fixes the salt to the length of the hash; "auto" would take any.
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
"""By the name of the algorithm. Made once: to make one takes as long as all that is checked around it."""


def _for_rsa(public_key: rsa.RSAPublicKey, algorithm: Algorithm, token: UnverifiedToken) -> Arguments | None:
    if len(token.signature) != (public_key.key_size + 7) // 8:
        # RFC 8017 section 8.1.2 step 1; a shorter or longer text could spell the same number.
        return None
    return token.signature, token.signing_input, _PADDINGS[algorithm.name], algorithm.hash


def _for_ecdsa(_: ec.EllipticCurvePublicKey, algorithm: Algorithm, token: UnverifiedToken) -> Arguments | None:
    curve, ecdsa = _ECDSA[algorithm.name]
    signature, size = token.signature, curve.coordinate_bytes
    if len(signature) != 2 * size:
        # RFC 7518 section 3.4: two numbers side by side, never ASN.1.
        return None
    # Texts of octets of one length are ordered as the numbers that they spell, the most significant octet first.
    r, s = signature[:size], signature[size:]
    if not (curve.zero < r < curve.order and curve.zero < s < curve.order):
        # Zero verified everything in Java once; r plus the order would be a second spelling.
        return None
    return dss_signature.encode(r, s), token.signing_input, ecdsa


def _for_eddsa(_: ed25519.Ed25519PublicKey, _algorithm: Algorithm, token: UnverifiedToken) -> Arguments:
    # The library refuses every length but 64 bytes, and a second half that is not below the order (RFC 8032 5.1.7).
    return token.signature, token.signing_input


def _for_ml_dsa(_: MlDsaPublicKey, algorithm: Algorithm, token: UnverifiedToken) -> Arguments | None:
    if len(token.signature) != PARAMETER_SETS[algorithm.name].signature_bytes:
        return None
    # RFC 9964: the context is empty, and the signing input is signed itself, not its hash.
    return token.signature, token.signing_input


# Any: that the key is of the class that its function wants follows from `kty` and variant, which were just compared.
_FUNCTIONS: Final[Mapping[Scheme, Callable[[Any, Algorithm, UnverifiedToken], Arguments | None]]] = {
    Scheme.RSASSA_PKCS1: _for_rsa,
    Scheme.RSASSA_PSS: _for_rsa,
    Scheme.ECDSA: _for_ecdsa,
    Scheme.EDDSA: _for_eddsa,
    Scheme.ML_DSA: _for_ml_dsa,
}
_ARGUMENTS: Final = MappingProxyType({row.name: _FUNCTIONS[row.scheme] for row in ALGORITHMS.values()})
"""By the name of the algorithm, like the tables above."""
