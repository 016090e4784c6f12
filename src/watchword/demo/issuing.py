"""What the demo authorization server knows: its keys, its clients, and how it makes an access token (RFC 9068)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

KEY_BITS = 2048
TOKEN_SECONDS = 600
# The signing key and its predecessor: a client's token outlives one rotation, as with real servers.
KEYS_WITH_OVERLAP = 2


@dataclass(frozen=True, slots=True)
class DemoClient:
    """A registered client. The secret is random per demo and worth nothing elsewhere."""

    id: str
    secret: str = field(default_factory=lambda: secrets.token_urlsafe(18))

    def authenticates(self, client_id: str, client_secret: str) -> bool:
        same_id = hmac.compare_digest(client_id.encode(), self.id.encode())
        return hmac.compare_digest(client_secret.encode(), self.secret.encode()) and same_id


class DemoKey:
    """An RSA key whose `kid` is its RFC 7638 thumbprint."""

    def __init__(self) -> None:
        self._private = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
        numbers = self._private.public_key().public_numbers()
        members = {"e": _integer(numbers.e), "kty": "RSA", "n": _integer(numbers.n)}
        canonical = json.dumps(members, separators=(",", ":"), sort_keys=True).encode()
        self.kid = base64url(hashlib.sha256(canonical).digest())
        self.public_jwk = {**members, "kid": self.kid, "alg": "RS256", "use": "sig"}

    def sign(self, signing_input: bytes) -> bytes:
        return self._private.sign(signing_input, padding.PKCS1v15(), hashes.SHA256())


class Issuing:
    """Thread-safe: requests and the rotation switch come from different threads."""

    def __init__(self, *, issuer: str, audience: str, clients: Sequence[DemoClient]) -> None:
        self.issuer = issuer
        self.audience = audience
        self.clients = tuple(clients)
        self._lock = threading.Lock()
        self._keys = [DemoKey()]

    def jwks(self) -> bytes:
        with self._lock:
            return json.dumps({"keys": [key.public_jwk for key in self._keys]}).encode()

    def rotate(self, *, overlap: bool) -> list[str]:
        """Sign with a new key from now on; the answer is the published kids, the signing one first.

        Without overlap the old keys are withdrawn at once, which is what a server does whose key was stolen.
        """
        new = DemoKey()
        with self._lock:
            self._keys = [new, *self._keys][:KEYS_WITH_OVERLAP] if overlap else [new]
            return [key.kid for key in self._keys]

    def access_token(self, client: DemoClient, *, now: float, audience: str | None, scope: str) -> str:
        """A signed JWT access token that lives 10 minutes; `audience` None stands for the server's own API."""
        claims = {
            "iss": self.issuer,
            # RFC 9068 section 2.2: without a person, the subject is the client.
            "sub": client.id,
            "client_id": client.id,
            "aud": audience or self.audience,
            "iat": int(now),
            "exp": int(now) + TOKEN_SECONDS,
            "jti": secrets.token_urlsafe(12),
            "scope": scope,
        }
        return self.signed("at+jwt", claims)

    def signed(self, typ: str, claims: Mapping[str, object]) -> str:
        """A JWT by the present key."""
        with self._lock:
            key = self._keys[0]
        header = {"typ": typ, "alg": "RS256", "kid": key.kid}
        signing_input = f"{_json_part(header)}.{_json_part(claims)}"
        return f"{signing_input}.{base64url(key.sign(signing_input.encode()))}"


def base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _integer(number: int) -> str:
    return base64url(number.to_bytes((number.bit_length() + 7) // 8, "big"))


def _json_part(members: object) -> str:
    return base64url(json.dumps(members, separators=(",", ":")).encode())
