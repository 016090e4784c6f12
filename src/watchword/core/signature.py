"""Step 6: the signature (RFC 7518 section 3, RFC 8037 section 3.1). Every encoding has exactly one length here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from watchword.core.algorithms import CURVES, Algorithm, Scheme
from watchword.core.claims import SignedClaims
from watchword.core.decision import Reason, TokenRefused

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ed25519

    from watchword.core.compact import UnverifiedToken
    from watchword.core.jwk import SigningKey


def signed_claims(token: UnverifiedToken, key: SigningKey, algorithm: Algorithm) -> SignedClaims:
    """The claims of the token, once its signature by this key with this algorithm is proven.

    Raises:
        TokenRefused: when it is not.
        TypeError: when the key does not fit the algorithm, which step 5 has excluded.
    """
    public_key = key.public_key
    try:
        if isinstance(public_key, rsa.RSAPublicKey):
            _verify_rsa(public_key, algorithm, token)
        elif isinstance(public_key, ec.EllipticCurvePublicKey):
            _verify_ecdsa(public_key, algorithm, token)
        else:
            _verify_eddsa(public_key, algorithm, token)
    except InvalidSignature:
        raise TokenRefused(Reason.SIGNATURE_INVALID) from None
    return SignedClaims(token.claims)


def _verify_rsa(public_key: rsa.RSAPublicKey, algorithm: Algorithm, token: UnverifiedToken) -> None:
    if len(token.signature) != (public_key.key_size + 7) // 8:
        # RFC 8017 section 8.1.2 step 1; a shorter or longer text could spell the same number (CASES A-25).
        raise InvalidSignature
    scheme: padding.AsymmetricPadding
    if algorithm.scheme is Scheme.RSASSA_PKCS1:
        scheme = padding.PKCS1v15()
    elif algorithm.scheme is Scheme.RSASSA_PSS:
        # RFC 7518 section 3.5 fixes the salt to the length of the hash; "auto" would take any (CASES A-13).
        scheme = padding.PSS(mgf=padding.MGF1(algorithm.hash), salt_length=algorithm.hash.digest_size)
    else:
        raise TypeError
    public_key.verify(token.signature, token.signing_input, scheme, algorithm.hash)


def _verify_ecdsa(public_key: ec.EllipticCurvePublicKey, algorithm: Algorithm, token: UnverifiedToken) -> None:
    if algorithm.scheme is not Scheme.ECDSA:
        raise TypeError
    curve = CURVES[str(algorithm.crv)]
    size = curve.coordinate_bytes
    if len(token.signature) != 2 * size:
        # RFC 7518 section 3.4: two numbers side by side, never ASN.1 (CASES A-11).
        raise InvalidSignature
    r = int.from_bytes(token.signature[:size], "big")
    s = int.from_bytes(token.signature[size:], "big")
    if not (0 < r < curve.order and 0 < s < curve.order):
        # Zero verified everything in Java once (CASES A-10); r plus the order would be a second spelling.
        raise InvalidSignature
    public_key.verify(encode_dss_signature(r, s), token.signing_input, ec.ECDSA(algorithm.hash))


def _verify_eddsa(public_key: ed25519.Ed25519PublicKey, algorithm: Algorithm, token: UnverifiedToken) -> None:
    if algorithm.scheme is not Scheme.EDDSA:
        raise TypeError
    # The library refuses every length but 64 bytes, and a second half that is not below the order (RFC 8032 5.1.7).
    public_key.verify(token.signature, token.signing_input)
