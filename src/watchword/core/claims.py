"""Claims, with types that say how far they can be trusted, and the checks of steps 4 and 8 to 12.

Comparisons are exact, character by character (C-05 to C-09). The expected values are never empty or missing, because
`ServerTrust` refuses such values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NewType

from watchword.core.decision import Reason
from watchword.core.strict_json import JsonObject, JsonValue, is_absent
from watchword.core.trust import ANY, Expected

if TYPE_CHECKING:
    from collections.abc import Mapping

UnverifiedClaims = NewType("UnverifiedClaims", JsonObject)
"""The claims as the sender of the token wrote them. Nothing may be concluded from them."""

SignedClaims = NewType("SignedClaims", JsonObject)
"""Claims that a key of the authorization server has signed; perhaps long ago, for another audience or client."""

MAX_TIME: Final = 2**53
"""Unix seconds. From here on a float no longer holds every whole second."""

_NO_TIME: Final = -1.0
"""In place of a value that is not a time."""

_ALWAYS: Final = 0.0
"""In place of a start time that is missing, or in 1970 or before."""

CLIENT_CLAIMS: Final = ("client_id", "cid", "appid")
"""RFC 9068 (and PingFederate, Keycloak, Auth0), Okta, Entra ID v1."""


def check_kind(claims: UnverifiedClaims, says_access_token: bool) -> Reason | None:  # noqa: FBT001 - names cost time.
    """Step 4, second half: no claim marks another kind of token (RFC 8725 section 3.11, T-15).

    The same key signs ID tokens, logout tokens and security events, and few authorization servers write a type into
    their headers. Only claims that no access token has are refused; some servers write `nonce` and `auth_time`, for
    instance, into access tokens too. An ID token without such a claim only differs in its audience, which is the
    client.
    """
    # RFC 8417 section 2.2, also for logout tokens (OpenID Connect Back-Channel Logout section 2.4).
    if "events" in claims and isinstance(claims["events"], dict) and claims["events"]:
        return Reason.TYPE_NOT_ACCEPTED
    # Hashes of a code and a state that were issued together with an ID token (OpenID Connect Core section 3.3.2.11,
    # FAPI). `check_audience` handles `at_hash`.
    if says_access_token or not ("c_hash" in claims or "s_hash" in claims):
        return None
    absent = is_absent(claims.get("c_hash")) and is_absent(claims.get("s_hash"))
    return None if absent else Reason.TYPE_NOT_ACCEPTED


def check_times(claims: SignedClaims, now: float, leeway: float) -> tuple[int, int | None, float, float] | Reason:
    """Step 8: a token is valid in [nbf - leeway, exp + leeway) (RFC 7519 sections 4.1.4 to 4.1.6).

    Returns:
        expires_at, issued_at: the claims in Unix seconds, without fractions.
        good_from, good_until: this step allows the token at all times in [good_from, good_until).
    """
    expires_at = _time(claims.get("exp"))
    if expires_at == _NO_TIME and is_absent(claims.get("exp")):
        return Reason.EXPIRY_MISSING
    not_before = _beginning(claims.get("nbf"))
    issued_at = _beginning(claims.get("iat"))
    if _NO_TIME in (expires_at, not_before, issued_at):
        return Reason.TIME_MALFORMED
    good_from, good_until = 0.0, expires_at + leeway
    # Written so that a NaN refuses.
    if not now < good_until:
        return Reason.TOKEN_EXPIRED
    if not_before != _ALWAYS:
        good_from = not_before - leeway
        if not good_from <= now:
            return Reason.TOKEN_NOT_YET_VALID
    if issued_at != _ALWAYS:
        good_from = max(good_from, issued_at - leeway)
        if not good_from <= now:
            return Reason.TOKEN_FROM_FUTURE
    return int(expires_at), None if issued_at == _ALWAYS else int(issued_at), good_from, good_until


def check_issuer(claims: SignedClaims, expected: Expected) -> str | Reason | None:
    """Step 9: the issuer; None if the token names none and none is expected."""
    issuer = _text(claims.get("iss"))
    return issuer if expected is ANY or issuer == expected else Reason.ISSUER_MISMATCH


def check_audience(
    claims: SignedClaims,
    expected: Expected,
    says_access_token: bool,  # noqa: FBT001 - names cost time.
) -> tuple[str, ...] | Reason:
    """Step 10: the audiences; empty if any of them is not a text (C-05).

    `at_hash` is the hash of an access token that was issued together with an ID token (OpenID Connect Core section
    3.1.3.6). Dex writes it into access tokens too. So if the header does not give the type of the token, an expected
    audience is required: the audience of an ID token is its client.
    """
    audience = _audience(claims.get("aud"))
    is_expected = expected is not ANY and expected in audience
    if "at_hash" in claims and not (is_expected or says_access_token or is_absent(claims["at_hash"])):
        return Reason.TYPE_NOT_ACCEPTED
    return audience if is_expected or expected is ANY else Reason.AUDIENCE_MISMATCH


def check_client(claims: SignedClaims, expected: Expected) -> str | Reason | None:
    """Step 11: the client, on which all CLIENT_CLAIMS that are present must agree (C-09)."""
    client = _client(claims)
    if expected is ANY or client == expected:
        return client
    # Some authorization servers name the client only in `azp`, which has another meaning (OpenID Connect Core section
    # 2). Their administrators need other advice than those whose token is for another client.
    return Reason.CLIENT_MISSING if client is None and client_claim(claims) is None else Reason.CLIENT_MISMATCH


def check_binding(claims: SignedClaims, accepts_bound_tokens: bool) -> Reason | None:  # noqa: FBT001 - names cost time.
    """Step 12: no `cnf` binds the token to a key (RFC 7800 section 3.1).

    The client of a bound token proves its key by DPoP (RFC 9449 section 7.2) or by its certificate (RFC 8705 section
    3), which a thief of the token cannot. The verifier does not receive this proof, so it refuses every `cnf`, even a
    malformed one.
    """
    if accepts_bound_tokens or "cnf" not in claims or is_absent(claims["cnf"]):
        return None
    return Reason.TOKEN_BOUND


def client_claim(claims: Mapping[str, JsonValue]) -> str | None:
    """The first of CLIENT_CLAIMS that is present; None if none is."""
    for name in CLIENT_CLAIMS:
        if name in claims and not is_absent(claims[name]):
            return name
    return None


def subject(claims: SignedClaims) -> str | None:
    return _text(claims.get("sub"))


def scope(claims: SignedClaims) -> str:
    """The scope: `scope` (a text, RFC 8693 section 4.2), or the `scp` of Okta and Entra ID, a list or a text."""
    granted = claims.get("scope")
    if is_absent(granted):
        granted = claims.get("scp")
    if isinstance(granted, str):
        return granted
    # A list entry with a space in it would become two scopes.
    if isinstance(granted, list) and all(isinstance(entry, str) and entry and " " not in entry for entry in granted):
        return " ".join(str(entry) for entry in granted)
    return ""


def _time(value: JsonValue) -> float:
    """The time in Unix seconds, or _NO_TIME."""
    # Exact types: `True` is an int in Python (C-01), and a text with digits is not a number.
    if (type(value) is int or type(value) is float) and 0 < value < MAX_TIME:
        return value
    return _NO_TIME


def _beginning(value: JsonValue) -> float:
    """A start time in Unix seconds, _ALWAYS if it is missing or in 1970 or before, or _NO_TIME.

    Zero and negative numbers are times (RFC 7519 section 2); Keycloak before 10 wrote `"nbf": 0` into every token.
    """
    if value is None:
        return _ALWAYS
    if type(value) is int or type(value) is float:
        return _NO_TIME if not value < MAX_TIME else max(value, _ALWAYS)
    return _ALWAYS if is_absent(value) else _NO_TIME


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
        named = claims.get(name)
        if named is not None and not is_absent(named):
            if not isinstance(named, str) or agreed not in (None, named):
                return None
            agreed = named
    return agreed
