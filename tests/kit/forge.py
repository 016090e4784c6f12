"""The token forge: good tokens and deliberately wrong ones, made only with `cryptography`.

It shares no code with the product, so that it cannot repeat a mistake. Keys are made once per process and name:
`forge.rsa("alice")` is the same key everywhere.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

MlDsaPrivateKey = mldsa.MLDSA44PrivateKey | mldsa.MLDSA65PrivateKey | mldsa.MLDSA87PrivateKey
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | MlDsaPrivateKey

NOW: Final = 1_700_000_000
"""The frozen clock of the tests, in Unix seconds."""

HASHES: Final[Mapping[str, hashes.HashAlgorithm]] = {
    "256": hashes.SHA256(),
    "384": hashes.SHA384(),
    "512": hashes.SHA512(),
}
CURVES: Final[Mapping[str, ec.EllipticCurve]] = {
    "P-256": ec.SECP256R1(),
    "P-384": ec.SECP384R1(),
    "P-521": ec.SECP521R1(),
    "secp256k1": ec.SECP256K1(),
}
CURVE_OF: Final = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521", "ES256K": "secp256k1"}
RSA_ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
EC_ALGORITHMS: Final = ("ES256", "ES384", "ES512")
OKP_ALGORITHMS: Final = ("EdDSA", "Ed25519")
ML_DSA: Final[Mapping[str, type[MlDsaPrivateKey]]] = {
    "ML-DSA-44": mldsa.MLDSA44PrivateKey,
    "ML-DSA-65": mldsa.MLDSA65PrivateKey,
    "ML-DSA-87": mldsa.MLDSA87PrivateKey,
}
CLASSICAL_ALGORITHMS: Final = RSA_ALGORITHMS + EC_ALGORITHMS + OKP_ALGORITHMS
ALGORITHMS: Final = (*CLASSICAL_ALGORITHMS, *ML_DSA)


@dataclass(frozen=True)
class Key:
    """A key pair with its kid."""

    private: PrivateKey
    kid: str | None

    def jwk(self, **members: object) -> dict[str, Any]:
        """The public JWK; `members` are added or replace; a member given as `...` is omitted."""
        named = {} if self.kid is None else {"kid": self.kid}
        merged = {**_public_members(self.private), **named, **members}
        return {name: value for name, value in merged.items() if value is not ...}

    def private_jwk(self) -> dict[str, Any]:
        """The JWK with its private members, which must never be published."""
        return {**self.jwk(), **_private_members(self.private)}

    def public_bytes(self, encoding: Encoding, public_format: PublicFormat) -> bytes:
        """The public key as PEM, DER or SSH text: which a confused verifier could use as an HMAC secret."""
        return self.private.public_key().public_bytes(encoding, public_format)

    def named(self, kid: str | None) -> Key:
        """The same key under another name."""
        return Key(self.private, kid)


@cache
def rsa_key(name: str = "rsa", bits: int = 2048) -> Key:
    return Key(rsa.generate_private_key(65537, bits), name)


@cache
def ec_key(name: str = "ec", crv: str = "P-256") -> Key:
    return Key(ec.generate_private_key(CURVES[crv]), name)


@cache
def ed25519_key(name: str = "ed25519") -> Key:
    return Key(ed25519.Ed25519PrivateKey.generate(), name)


@cache
def ml_dsa_key(name: str = "ml-dsa", alg: str = "ML-DSA-65") -> Key:
    return Key(ML_DSA[alg].generate(), name)


def key_for(alg: str, name: str = "key") -> Key:
    """A key that signs with this algorithm; one and the same for equal arguments."""
    if alg in RSA_ALGORITHMS:
        return rsa_key(name)
    if alg in CURVE_OF:
        return ec_key(name, CURVE_OF[alg])
    if alg in ML_DSA:
        return ml_dsa_key(name, alg)
    return ed25519_key(name)


def key_set(*jwks: Key | Mapping[str, object], **members: object) -> bytes:
    """A JWKS document of keys and of JWKs as they are."""
    keys = [entry.jwk() if isinstance(entry, Key) else entry for entry in jwks]
    return json.dumps({"keys": keys, **members}).encode()


def claims(**changes: object) -> dict[str, Any]:
    """Claims of a good token at NOW; `changes` replace, a claim given as `...` is omitted."""
    good: dict[str, Any] = {
        "iss": "https://login.acme.example/",
        "sub": "alice",
        "aud": "https://api.example/",
        "client_id": "acme-batch",
        "scope": "orders:read orders:write",
        "iat": NOW - 10,
        "exp": NOW + 300,
    }
    return {name: value for name, value in {**good, **changes}.items() if value is not ...}


def header(key: Key, alg: str, changes: Mapping[str, object] | None = None) -> dict[str, Any]:
    """The header of a good token; `changes` as in `claims`."""
    named = {} if key.kid is None else {"kid": key.kid}
    return {name: value for name, value in {"alg": alg, **named, **(changes or {})}.items() if value is not ...}


def token(
    key: Key,
    alg: str,
    *,
    header_changes: Mapping[str, object] | None = None,
    header_octets: bytes | None = None,
    payload: Mapping[str, object] | bytes | None = None,
    sign_as: str | None = None,
    signature: bytes | None = None,
    **claim_changes: object,
) -> str:
    """A compact JWS by this key.

    Args:
        key: signs, and gives the `kid`.
        alg: goes into the header, and signs unless `sign_as` names another one.
        header_changes: members that are added, replaced, or left out (`...`).
        header_octets: the whole header as raw bytes instead.
        payload: the whole payload, as an object or as raw bytes, instead of good claims.
        sign_as: the algorithm that signs.
        signature: these bytes instead of a signature.
        claim_changes: claims that are added, replaced, or left out (`...`).
    """
    if header_octets is None:
        header_octets = json.dumps(header(key, alg, header_changes)).encode()
    if payload is None:
        payload = claims(**claim_changes)
    payload_octets = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    signing_input = f"{b64(header_octets)}.{b64(payload_octets)}"
    if signature is None:
        signature = sign(key, sign_as or alg, signing_input.encode())
    return f"{signing_input}.{b64(signature)}"


def hmac_token(secret: bytes, alg: str = "HS256", header_changes: Mapping[str, object] | None = None) -> str:
    """A token MACed with public bytes: the classic confusion of a public key with a secret."""
    octets = json.dumps({"alg": alg, **(header_changes or {})}).encode()
    signing_input = f"{b64(octets)}.{b64(json.dumps(claims()).encode())}"
    mac = hmac.digest(secret, signing_input.encode(), f"sha{alg[-3:]}")
    return f"{signing_input}.{b64(mac)}"


def sign(key: Key, alg: str, signing_input: bytes) -> bytes:
    """The signature part of a JWS, in the encoding of RFC 7518 and RFC 8037. Also with keys that `alg` forbids."""
    private = key.private
    if isinstance(private, ed25519.Ed25519PrivateKey | MlDsaPrivateKey):
        return private.sign(signing_input)
    digest = HASHES.get(alg.removesuffix("K")[-3:], hashes.SHA256())
    if isinstance(private, ec.EllipticCurvePrivateKey):
        r, s = decode_dss_signature(private.sign(signing_input, ec.ECDSA(digest)))
        return p1363(r, s, (private.curve.key_size + 7) // 8)
    if alg.startswith("PS"):
        return private.sign(signing_input, padding.PSS(padding.MGF1(digest), digest.digest_size), digest)
    return private.sign(signing_input, padding.PKCS1v15(), digest)


def p1363(r: int, s: int, size: int) -> bytes:
    """An ECDSA signature as two numbers of `size` bytes each."""
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def raw_rsa_signature(key: Key, block: bytes) -> bytes:
    """The RSA private operation on a whole block without padding: for forged paddings."""
    assert isinstance(key.private, rsa.RSAPrivateKey)
    numbers = key.private.private_numbers()
    modulus = numbers.public_numbers.n
    return pow(int.from_bytes(block, "big"), numbers.d, modulus).to_bytes((modulus.bit_length() + 7) // 8, "big")


def b64(octets: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def integer(number: int, size: int | None = None) -> str:
    """A number as base64url, in the shortest form or in `size` bytes."""
    return b64(number.to_bytes(size or max(1, (number.bit_length() + 7) // 8), "big"))


def rsa_jwk(bits: int, exponent: int = 65537, kid: str | None = "sized") -> dict[str, Any]:
    """A public RSA JWK of any size, made quickly. It has no private key: the modulus is a hash, not a product.

    It is the next number after the hash without a small factor, because keys with one are not admitted.
    """
    stream = b"".join(hashlib.sha512(b"%d:%d" % (bits, block)).digest() for block in range(bits // 512 + 1))
    modulus = int.from_bytes(stream, "big") >> (len(stream) * 8 - bits)
    modulus |= (1 << (bits - 1)) | 1
    while any(modulus % small == 0 for small in range(3, 1_000, 2)):
        modulus += 2
    named = {} if kid is None else {"kid": kid}
    return {"kty": "RSA", "n": integer(modulus), "e": integer(exponent), **named}


def _public_members(private: PrivateKey) -> dict[str, str]:
    if isinstance(private, rsa.RSAPrivateKey):
        rsa_numbers = private.public_key().public_numbers()
        return {"kty": "RSA", "n": integer(rsa_numbers.n), "e": integer(rsa_numbers.e)}
    if isinstance(private, ec.EllipticCurvePrivateKey):
        crv = next(name for name, curve in CURVES.items() if curve.name == private.curve.name)
        size = (private.curve.key_size + 7) // 8
        ec_numbers = private.public_key().public_numbers()
        return {"kty": "EC", "crv": crv, "x": integer(ec_numbers.x, size), "y": integer(ec_numbers.y, size)}
    if isinstance(private, MlDsaPrivateKey):
        return {"kty": "AKP", "alg": ml_dsa_name(private), "pub": b64(private.public_key().public_bytes_raw())}
    return {"kty": "OKP", "crv": "Ed25519", "x": b64(private.public_key().public_bytes_raw())}


def _private_members(private: PrivateKey) -> dict[str, str]:
    if isinstance(private, rsa.RSAPrivateKey):
        numbers = private.private_numbers()
        named = {
            "d": numbers.d,
            "p": numbers.p,
            "q": numbers.q,
            "dp": numbers.dmp1,
            "dq": numbers.dmq1,
            "qi": numbers.iqmp,
        }
        return {name: integer(number) for name, number in named.items()}
    if isinstance(private, ec.EllipticCurvePrivateKey):
        return {"d": integer(private.private_numbers().private_value, (private.curve.key_size + 7) // 8)}
    if isinstance(private, MlDsaPrivateKey):
        return {"priv": b64(private.private_bytes_raw())}
    return {"d": b64(private.private_bytes_raw())}


def ml_dsa_name(private: MlDsaPrivateKey) -> str:
    return next(name for name, kind in ML_DSA.items() if isinstance(private, kind))
