"""Good ID tokens and slightly wrong ones, and their verification with the tests' expectations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kit import forge
from watchword.core.jwk import admit
from watchword.openid.id_token import IdTokenClaims, verify_id_token

if TYPE_CHECKING:
    from watchword.core.jwk import SigningKey
    from watchword.openid.problems import IdTokenProblem

ISSUER = "https://login.acme.example"
CLIENT = "watchword-portal"
NONCE = "alice-nonce"
NOW = forge.NOW
KEY = forge.ec_key("acme")
OTHER = forge.ec_key("globex")


def claims(**changes: object) -> dict[str, Any]:
    good = {
        "iss": ISSUER, "sub": "alice", "aud": CLIENT, "nonce": NONCE, "iat": NOW - 2, "exp": NOW + 300,
        "email": "alice@acme.example", "email_verified": True, "name": "Alice",
    }  # fmt: skip
    return {name: value for name, value in {**good, **changes}.items() if value is not ...}


def id_token(
    key: forge.Key = KEY, alg: str = "ES256", header: dict[str, object] | None = None, **changes: object
) -> str:
    return forge.token(key, alg, header_changes=header, payload=claims(**changes))


def keys(*published: forge.Key) -> tuple[SigningKey, ...]:
    return admit(forge.key_set(*(published or (KEY,)))).keys


def verified(
    text: str, published: tuple[SigningKey, ...] | None = None, **changes: Any
) -> IdTokenClaims | IdTokenProblem:
    expected = {"issuer": ISSUER, "client_id": CLIENT, "nonce": NONCE, "now": NOW, "leeway": 60, **changes}
    return verify_id_token(text, keys() if published is None else published, **expected)


def accepted(text: str, **changes: Any) -> IdTokenClaims:
    found = verified(text, **changes)
    assert isinstance(found, IdTokenClaims), found
    return found
