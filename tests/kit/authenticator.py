"""An authenticator in software, with one credential: creates and signs as a browser would, and lies where a test wants.

Its CBOR is written here, and not by the library that the product reads it with.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import struct
from typing import TYPE_CHECKING, Any, Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from watchword.core import base64url

if TYPE_CHECKING:
    from collections.abc import Mapping

ES256: Final = -7
EDDSA: Final = -8
RS256: Final = -257

PRESENT: Final = 0x01
VERIFIED: Final = 0x04
BACKUP_POSSIBLE: Final = 0x08
BACKED_UP: Final = 0x10
ATTESTED: Final = 0x40
EXTENSIONS: Final = 0x80

Key = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey


class Authenticator:
    """Authenticator and browser of one person.

    Args:
        origin: of the page that the browser shows.
        algorithm: of the credential.
        count: the signature counter; None for an authenticator that does not count.
        key: for a test that needs a certain one.
    """

    def __init__(
        self, origin: str, *, algorithm: int = ES256, count: int | None = None, key: Key | None = None
    ) -> None:
        self.origin = origin
        self.algorithm = algorithm
        self.count = count
        self.key = _new_key(algorithm) if key is None else key
        self.credential_id = secrets.token_bytes(32)
        self.user_handle = b""

    def create(self, options: Mapping[str, Any], **lies: Any) -> str:
        """Make the credential; returns the JSON of `PublicKeyCredential.toJSON()`.

        Args:
            options: as the portal sent them.
            lies: what to say instead, by the names of `said`.
        """
        self.user_handle = base64url.decode(options["user"]["id"])
        said = self._said("webauthn.create", options["challenge"], options["rp"]["id"], ATTESTED, lies)
        cose = said.get("cose", cose_key(self.key))
        data = said["authenticator_data"] + said["attested"](said["credential_id"], cose)
        attestation = {"fmt": "none", "attStmt": {}, "authData": data + said["after"]}
        return _credential(
            said, {"attestationObject": said.get("attestation_object", cbor(attestation)), "transports": ["internal"]}
        )

    def get(self, options: Mapping[str, Any], **lies: Any) -> str:
        """Sign with the credential; returns the JSON of `PublicKeyCredential.toJSON()`."""
        if self.count is not None and "sign_count" not in lies:
            self.count += 1
        said = self._said("webauthn.get", options["challenge"], options["rpId"], 0, lies)
        data = said["authenticator_data"] + said["after"]
        signature = said.get("signature", self.sign(data + hashlib.sha256(said["client_data"]).digest()))
        handle = said.get("user_handle", self.user_handle)
        return _credential(said, {"authenticatorData": data, "signature": signature, "userHandle": handle})

    def sign(self, message: bytes) -> bytes:
        if isinstance(self.key, ec.EllipticCurvePrivateKey):
            return self.key.sign(message, ec.ECDSA(hashes.SHA256()))
        if isinstance(self.key, rsa.RSAPrivateKey):
            return self.key.sign(message, padding.PKCS1v15(), hashes.SHA256())
        return self.key.sign(message)

    def _said(self, kind: str, challenge: str, rp_id: str, flags: int, lies: dict[str, Any]) -> dict[str, Any]:
        said: dict[str, Any] = {
            "kind": kind,
            "challenge": challenge,
            "origin": self.origin,
            "cross_origin": False,
            "client_members": {},
            "rp_id": rp_id,
            "flags": PRESENT | VERIFIED,
            "sign_count": self.count or 0,
            "credential_id": self.credential_id,
            "attested": _attested,
            "after": b"",
            "members": {},
        }
        optional = {"client_data", "authenticator_data", "cose", "attestation_object", "signature", "user_handle"}
        unknown = set(lies) - set(said) - optional
        assert not unknown, unknown
        said |= lies
        collected = {
            "type": said["kind"],
            "challenge": said["challenge"],
            "origin": said["origin"],
            "crossOrigin": said["cross_origin"],
            **said["client_members"],
        }
        said.setdefault("client_data", json.dumps(collected).encode())
        head = hashlib.sha256(said["rp_id"].encode()).digest() + struct.pack(
            ">BI", said["flags"] | flags, said["sign_count"]
        )
        said.setdefault("authenticator_data", head)
        return said


def cose_key(key: Key) -> dict[int, int | bytes]:
    """The public key as a COSE_Key."""
    if isinstance(key, ec.EllipticCurvePrivateKey):
        point = key.public_key().public_numbers()
        return {1: 2, 3: ES256, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")}
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return {1: 1, 3: EDDSA, -1: 6, -2: key.public_key().public_bytes_raw()}
    numbers = key.public_key().public_numbers()
    return {
        1: 3,
        3: RS256,
        -1: numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8, "big"),
        -2: numbers.e.to_bytes(3, "big"),
    }


def cbor(value: object) -> bytes:
    """Encode as CTAP2 does (RFC 8949 without floats and tags)."""
    if isinstance(value, bool):
        return b"\xf5" if value else b"\xf4"
    if isinstance(value, int):
        return _head(0, value) if value >= 0 else _head(1, -1 - value)
    if isinstance(value, bytes):
        return _head(2, len(value)) + value
    if isinstance(value, str):
        return _head(3, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return _head(4, len(value)) + b"".join(map(cbor, value))
    assert isinstance(value, dict)
    return _head(5, len(value)) + b"".join(cbor(name) + cbor(member) for name, member in value.items())


def _head(kind: int, number: int) -> bytes:
    if number < 24:
        return bytes([kind << 5 | number])
    size = next(size for size in (1, 2, 4, 8) if number < 1 << 8 * size)
    return bytes([kind << 5 | {1: 24, 2: 25, 4: 26, 8: 27}[size]]) + number.to_bytes(size, "big")


def _attested(credential_id: bytes, cose: object) -> bytes:
    key = cose if isinstance(cose, bytes) else cbor(cose)
    return bytes(16) + struct.pack(">H", len(credential_id)) + credential_id + key


def _credential(said: Mapping[str, Any], response: Mapping[str, object]) -> str:
    written = {name: base64url.encode(value) if isinstance(value, bytes) else value for name, value in response.items()}
    credential_id = base64url.encode(said["credential_id"])
    credential = {
        "id": credential_id,
        "rawId": credential_id,
        "type": "public-key",
        "authenticatorAttachment": "platform",
        "clientExtensionResults": {},
        "response": {"clientDataJSON": base64url.encode(said["client_data"]), **written},
        **said["members"],
    }
    return json.dumps(credential)


def _new_key(algorithm: int) -> Key:
    if algorithm == ES256:
        return ec.generate_private_key(ec.SECP256R1())
    if algorithm == EDDSA:
        return ed25519.Ed25519PrivateKey.generate()
    return rsa.generate_private_key(65537, 2048)
