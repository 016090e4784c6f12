"""Claims, by how far they are to be trusted, and the checks of steps 7 to 10.

Comparisons are exact, character by character (CASES C-05 to C-09). What is compared with is never empty and never
lost: `ServerTrust` cannot be made that way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NewType

from watchword.core.decision import Reason, TokenRefused, VerifiedClaims
from watchword.core.strict_json import JsonObject, JsonValue
from watchword.core.trust import ANY, Expected

if TYPE_CHECKING:
    from collections.abc import Mapping

UnverifiedClaims = NewType("UnverifiedClaims", JsonObject)
"""What somebody wrote into a token. Nothing may be concluded from it."""

SignedClaims = NewType("SignedClaims", JsonObject)
"""What a key of the authorization server has signed; perhaps long ago, for another audience or client."""

MAX_TIME: Final = 2.0**53
"""Unix seconds. From here on a float no longer holds every whole second."""

CLIENT_CLAIMS: Final = ("client_id", "cid", "appid")
"""RFC 9068 (and PingFederate, Keycloak, Auth0), Okta, Entra ID v1."""


def check_times(claims: SignedClaims, now: float, leeway: float) -> None:
    """Step 7. A token is good in [nbf - leeway, exp + leeway) (RFC 7519 sections 4.1.4 to 4.1.6)."""
    if "exp" not in claims:
        raise TokenRefused(Reason.EXPIRY_MISSING)
    times = {name: _time(claims[name]) for name in ("exp", "nbf", "iat") if name in claims}
    # Written so that a comparison with something that is not a number refuses.
    if not now < times["exp"] + leeway:
        raise TokenRefused(Reason.TOKEN_EXPIRED)
    if not times.get("nbf", 0) <= now + leeway:
        raise TokenRefused(Reason.TOKEN_NOT_YET_VALID)
    if not times.get("iat", 0) <= now + leeway:
        raise TokenRefused(Reason.TOKEN_FROM_FUTURE)


def check_issuer(claims: SignedClaims, expected: Expected) -> None:
    """Step 8."""
    if expected is not ANY and _text(claims.get("iss")) != expected:
        raise TokenRefused(Reason.ISSUER_MISMATCH)


def check_audience(claims: SignedClaims, expected: Expected) -> None:
    """Step 9."""
    if expected is not ANY and expected not in _audience(claims):
        raise TokenRefused(Reason.AUDIENCE_MISMATCH)


def check_client(claims: SignedClaims, expected: Expected) -> None:
    """Step 10."""
    if expected is not ANY and _client(claims) != expected:
        raise TokenRefused(Reason.CLIENT_MISMATCH)


def verified(claims: SignedClaims) -> VerifiedClaims:
    """The claims to pass on, of a token that passed every check."""
    issued_at = claims.get("iat")
    return VerifiedClaims(
        issuer=_text(claims.get("iss")),
        subject=_text(claims.get("sub")),
        client_id=_client(claims),
        scope=_scope(claims),
        audience=_audience(claims),
        expires_at=int(_time(claims["exp"])),
        issued_at=None if issued_at is None else int(_time(issued_at)),
    )


def _time(value: JsonValue) -> float:
    # `True` is an int to Python (CASES C-01), and a text that looks like a number is not one.
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < MAX_TIME:
        raise TokenRefused(Reason.TIME_MALFORMED)
    return value


def _text(value: JsonValue) -> str | None:
    return value if isinstance(value, str) else None


def _audience(claims: Mapping[str, JsonValue]) -> tuple[str, ...]:
    """The audiences, or none of them if any is not a text (CASES C-05)."""
    audience = claims.get("aud")
    if isinstance(audience, str):
        return (audience,)
    if not isinstance(audience, list):
        return ()
    texts = tuple(entry for entry in audience if isinstance(entry, str))
    return texts if len(texts) == len(audience) else ()


def _client(claims: Mapping[str, JsonValue]) -> str | None:
    """The one client that all of CLIENT_CLAIMS that are present agree on (CASES C-09)."""
    named = [claims[name] for name in CLIENT_CLAIMS if name in claims]
    if not named or named.count(named[0]) != len(named):
        return None
    return _text(named[0])


def _scope(claims: Mapping[str, JsonValue]) -> str:
    """RFC 8693 section 4.2 (`scope`, a text); Okta and Entra ID write `scp`, a list or a text."""
    scope = claims.get("scope", claims.get("scp"))
    if isinstance(scope, str):
        return scope
    # A list entry with a space in it would turn into two scopes.
    if isinstance(scope, list) and all(isinstance(entry, str) and entry and " " not in entry for entry in scope):
        return " ".join(str(entry) for entry in scope)
    return ""
