"""Claims, by how far they are to be trusted, and the checks of steps 4 and 7 to 10.

Comparisons are exact, character by character (CASES C-05 to C-09). What is compared with is never empty and never
lost: `ServerTrust` cannot be made that way.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NewType

from watchword.core.decision import Reason
from watchword.core.strict_json import JsonObject, JsonValue
from watchword.core.trust import ANY, Expected

UnverifiedClaims = NewType("UnverifiedClaims", JsonObject)
"""What somebody wrote into a token. Nothing may be concluded from it."""

SignedClaims = NewType("SignedClaims", JsonObject)
"""What a key of the authorization server has signed; perhaps long ago, for another audience or client."""

MAX_TIME: Final = 2**53
"""Unix seconds. From here on a float no longer holds every whole second."""

_NO_TIME: Final = -1.0
"""Stands for what is not a time, as every time is above zero."""


CLIENT_CLAIMS: Final = ("client_id", "cid", "appid")
"""RFC 9068 (and PingFederate, Keycloak, Auth0), Okta, Entra ID v1."""


ID_TOKEN_CLAIMS: Final = frozenset({"at_hash", "c_hash", "s_hash"})
"""Hashes of an access token, a code and a state that were issued together with an ID token (OpenID Connect Core
sections 2 and 3.3.2.11, FAPI): no access token can hold its own hash."""

LOGOUT_EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"
"""OpenID Connect Back-Channel Logout section 2.4."""


def check_kind(claims: UnverifiedClaims) -> Reason | None:
    """Step 4, second half: no claim says that it is another kind of token (RFC 8725 section 3.11, CASES T-15).

    The same key signs ID tokens and logout tokens, and few authorization servers write a type into their headers. Only
    what no access token has is refused: `nonce` and `auth_time`, for instance, some write into access tokens as well.
    An ID token without these hashes is told apart by its audience alone, which is the client.
    """
    if not ID_TOKEN_CLAIMS.isdisjoint(claims):
        return Reason.TYPE_NOT_ACCEPTED
    if "events" in claims:
        events = claims["events"]
        if isinstance(events, dict) and LOGOUT_EVENT in events:
            return Reason.TYPE_NOT_ACCEPTED
    return None


def check_times(claims: SignedClaims, now: float, leeway: float) -> tuple[int, int | None, float, float] | Reason:
    """Step 7. A token is good in [nbf - leeway, exp + leeway) (RFC 7519 sections 4.1.4 to 4.1.6).

    Returns:
        expires_at, issued_at: what it says in Unix seconds, fractions cut off.
        good_from, good_until: when this step allows it: at every moment in [good_from, good_until).
    """
    if "exp" not in claims:
        return Reason.EXPIRY_MISSING
    expires_at = _time(claims["exp"])
    not_before = _time(claims["nbf"]) if "nbf" in claims else None
    issued_at = _time(claims["iat"]) if "iat" in claims else None
    if _NO_TIME in (expires_at, not_before, issued_at):
        return Reason.TIME_MALFORMED
    good_from, good_until = 0.0, expires_at + leeway
    # Written so that a comparison with something that is not a number refuses.
    if not now < good_until:
        return Reason.TOKEN_EXPIRED
    if not_before is not None:
        good_from = not_before - leeway
        if not good_from <= now:
            return Reason.TOKEN_NOT_YET_VALID
    if issued_at is not None:
        good_from = max(good_from, issued_at - leeway)
        if not good_from <= now:
            return Reason.TOKEN_FROM_FUTURE
    return int(expires_at), None if issued_at is None else int(issued_at), good_from, good_until


def check_issuer(claims: SignedClaims, expected: Expected) -> str | Reason | None:
    """Step 8: the issuer, None where the token names none and none is expected."""
    issuer = _text(claims.get("iss"))
    return issuer if expected is ANY or issuer == expected else Reason.ISSUER_MISMATCH


def check_audience(claims: SignedClaims, expected: Expected) -> tuple[str, ...] | Reason:
    """Step 9: the audiences; none of them if any is not a text (CASES C-05)."""
    audience = _audience(claims.get("aud"))
    return audience if expected is ANY or expected in audience else Reason.AUDIENCE_MISMATCH


def check_client(claims: SignedClaims, expected: Expected) -> str | Reason | None:
    """Step 10: the one client that all of CLIENT_CLAIMS that are present agree on (CASES C-09)."""
    client = _client(claims)
    return client if expected is ANY or client == expected else Reason.CLIENT_MISMATCH


def subject(claims: SignedClaims) -> str | None:
    return _text(claims.get("sub"))


def scope(claims: SignedClaims) -> str:
    """RFC 8693 section 4.2 (`scope`, a text); Okta and Entra ID write `scp`, a list or a text."""
    granted = claims.get("scope", claims.get("scp"))
    if isinstance(granted, str):
        return granted
    # A list entry with a space in it would turn into two scopes.
    if isinstance(granted, list) and all(isinstance(entry, str) and entry and " " not in entry for entry in granted):
        return " ".join(str(entry) for entry in granted)
    return ""


def _time(value: JsonValue) -> float:
    """The time in Unix seconds, or _NO_TIME."""
    # The exact types: `True` is an int to Python (CASES C-01), and a text that looks like a number is not one.
    if (type(value) is int or type(value) is float) and 0 < value < MAX_TIME:
        return value
    return _NO_TIME


def _text(value: JsonValue) -> str | None:
    return value if isinstance(value, str) else None


def _audience(audience: JsonValue) -> tuple[str, ...]:
    if isinstance(audience, str):
        return (audience,)
    if not isinstance(audience, list):
        return ()
    texts = tuple([entry for entry in audience if isinstance(entry, str)])
    return texts if len(texts) == len(audience) else ()


def _client(claims: Mapping[str, JsonValue]) -> str | None:
    agreed = None
    for name in CLIENT_CLAIMS:
        if name in claims:
            named = claims[name]
            if not isinstance(named, str) or agreed not in (None, named):
                return None
            agreed = named
    return agreed
