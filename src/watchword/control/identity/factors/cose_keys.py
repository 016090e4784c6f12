"""Public keys of passkeys (COSE_Key, RFC 9053): which ones are accepted, and whether they made a signature. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from cryptography.exceptions import InvalidSignature
from fido2 import cbor
from fido2.cose import ES256, RS256, CoseKey, EdDSA

from watchword.core import base64url, weak_keys
from watchword.core.jwk import SigningKey, admit_key

if TYPE_CHECKING:
    from collections.abc import Mapping

ALGORITHMS: Final = (ES256.ALGORITHM, EdDSA.ALGORITHM, RS256.ALGORITHM)
"""What the portal offers to authenticators, the preferred first. All of them have at least one of the three."""

_KTY, _ALG, _FIRST, _SECOND, _THIRD = 1, 3, -1, -2, -3
_OKP, _EC2, _RSA = 1, 2, 3
_P256, _ED25519 = 1, 6


class KeyRefused(Exception):
    """The key is of another kind, or weak."""


def stored_key(key: Mapping[int, Any]) -> bytes:
    """Return the key as CBOR, with the members that it needs and no others.

    The kernel's rules for keys decide whether it is strong: size, form and weaknesses of an RSA modulus, points of the
    curves.

    Raises:
        KeyRefused: also for an algorithm that was not offered.
    """
    members = _members(key)
    admitted = admit_key(_jwk(members))
    if not isinstance(admitted, SigningKey) or weak_keys.found((admitted.material,)):
        raise KeyRefused
    return cbor.encode(members)


def is_signed(stored: bytes, signed: bytes, signature: bytes) -> bool:
    """Whether the owner of the key made the signature."""
    try:
        _read(stored).verify(signed, signature)
    except (InvalidSignature, ValueError):
        return False
    return True


def _read(stored: bytes) -> CoseKey:
    # A stored key is a map; `stored_key` made it.
    return CoseKey.parse(cast("Mapping[int, object]", cbor.decode(stored)))


def _members(key: Mapping[int, Any]) -> dict[int, int | bytes]:
    match (key.get(_KTY), key.get(_ALG), key.get(_FIRST), key.get(_SECOND), key.get(_THIRD)):
        case (2, ES256.ALGORITHM, 1, bytes(x), bytes(y)):
            return {_KTY: _EC2, _ALG: ES256.ALGORITHM, _FIRST: _P256, _SECOND: x, _THIRD: y}
        case (1, EdDSA.ALGORITHM, 6, bytes(x), _):
            return {_KTY: _OKP, _ALG: EdDSA.ALGORITHM, _FIRST: _ED25519, _SECOND: x}
        case (3, RS256.ALGORITHM, bytes(n), bytes(e), _):
            return {_KTY: _RSA, _ALG: RS256.ALGORITHM, _FIRST: n, _SECOND: e}
        case _:
            raise KeyRefused


def _jwk(members: Mapping[int, int | bytes]) -> dict[str, str]:
    text = {label: base64url.encode(value) for label, value in members.items() if isinstance(value, bytes)}
    if members[_KTY] == _EC2:
        return {"kty": "EC", "crv": "P-256", "x": text[_SECOND], "y": text[_THIRD]}
    if members[_KTY] == _OKP:
        return {"kty": "OKP", "crv": "Ed25519", "x": text[_SECOND]}
    return {"kty": "RSA", "n": text[_FIRST], "e": text[_SECOND]}
