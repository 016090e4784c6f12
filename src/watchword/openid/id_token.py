"""Verifies an ID token (OpenID Connect Core 1.0, section 3.1.3.7) with the kernel's parts. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from hmac import compare_digest
from typing import TYPE_CHECKING, Final

from watchword.core.characters import is_printable
from watchword.core.claims import SignedClaims, check_audience, check_issuer, check_times
from watchword.core.compact import UnverifiedToken, parse
from watchword.core.decision import Reason
from watchword.core.header import choose_key
from watchword.core.signature import signed_claims
from watchword.core.strict_json import JsonValue, is_absent
from watchword.core.verify import LIMITS
from watchword.openid.problems import IdTokenProblem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watchword.core.algorithms import Algorithm
    from watchword.core.jwk import SigningKey

MAX_AGE: Final = 600
"""Seconds since its issue. The token endpoint issues an ID token when it is called, which was just now."""

MAX_SUBJECT_LENGTH: Final = 255
MAX_NAME_LENGTH: Final = 200
MAX_EMAIL_LENGTH: Final = 254
MAX_VALUES: Final = 200
"""Values of one claim. Entra ID writes no more groups into a token either."""

_OF_HEADER: Final = {
    Reason.HEADER_NOT_ACCEPTED: IdTokenProblem.HEADER,
    Reason.TYPE_NOT_ACCEPTED: IdTokenProblem.TYPE,
}
_OF_TIME: Final = {
    Reason.TOKEN_EXPIRED: IdTokenProblem.EXPIRED,
    Reason.TOKEN_NOT_YET_VALID: IdTokenProblem.FROM_FUTURE,
    Reason.TOKEN_FROM_FUTURE: IdTokenProblem.FROM_FUTURE,
}
_TYPES: Final = frozenset({"jwt", "application/jwt"})


@dataclass(frozen=True, slots=True, kw_only=True)
class IdTokenClaims:
    """What a provider says about a person, in an ID token for this service and this sign-in.

    Attributes:
        subject: names the person at this issuer, for ever; no other claim does.
        email: as written, not validated; None if it is absent or cannot be one.
        email_verified: whether the provider says that the address is the person's.
        name: printable; None if absent.
        auth_time: Unix seconds at which the person proved a factor to the provider; None if it does not say.
    """

    issuer: str
    subject: str
    email: str | None
    email_verified: bool
    name: str | None
    auth_time: float | None
    _claims: SignedClaims = field(repr=False)

    def texts(self, claim: str) -> tuple[str, ...] | None:
        """The values of a claim that is a text or a list of texts; empty for an absent one.

        None for every other claim, and for one with too many values: what it says is unknown, so nothing may follow
        from its silence.
        """
        value = self._claims.get(claim)
        if is_absent(value):
            return ()
        values = [value] if isinstance(value, str) else value
        if not isinstance(values, list) or len(values) > MAX_VALUES:
            return None
        texts = tuple(each for each in values if isinstance(each, str) and each)
        return texts if len(texts) == len(values) else None


def verify_id_token(
    text: str,
    keys: Sequence[SigningKey],
    *,
    issuer: str,
    client_id: str,
    nonce: str,
    now: float,
    leeway: float,
    max_age: int | None = None,
    auth_time_required: bool = False,
) -> IdTokenClaims | IdTokenProblem:
    """The claims of the ID token, or the first problem.

    Args:
        text: as the token endpoint sent it.
        keys: that the provider publishes now.
        issuer: of the provider; the token must name it exactly.
        client_id: of this service there.
        nonce: of the request.
        now: Unix seconds.
        leeway: seconds by which clocks may differ.
        max_age: seconds since the person proved a factor, as in the request.
        auth_time_required: whether the token must say when that was.

    Raises:
        ValueError: an expected value is empty, and would match an empty claim.
    """
    if not (issuer and client_id and nonce):
        raise ValueError("Give an issuer, a client ID and a nonce.")

    # 1. Compact JWS of bounded length, strict JSON; an accepted algorithm, no special processing, and no other type.
    read = _read(text)
    if isinstance(read, IdTokenProblem):
        return read

    # 2. The signature by exactly one key of the provider. Up to here nothing in the token was trusted.
    claims = _signed(*read, keys)
    if isinstance(claims, IdTokenProblem):
        return claims

    # 3. From this provider, for this client and for this sign-in; issued just now; and the person proved a factor as
    # recently as the request demanded.
    problem = _binding_problem(claims, issuer, client_id, nonce) or _time_problem(claims, now, leeway)
    auth_time = _seconds(claims.get("auth_time"))
    if problem is None and (auth_time_required or max_age is not None):
        problem = _authentication_problem(auth_time, now, leeway, max_age)
    if problem is not None:
        return problem

    # 4. The person.
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= MAX_SUBJECT_LENGTH or not is_printable(subject):
        return IdTokenProblem.SUBJECT
    return IdTokenClaims(
        issuer=issuer,
        subject=subject,
        email=_shown(claims.get("email"), MAX_EMAIL_LENGTH),
        email_verified=_email_is_verified(claims),
        name=_shown(claims.get("name"), MAX_NAME_LENGTH),
        auth_time=auth_time,
        _claims=claims,
    )


def _read(text: str) -> tuple[UnverifiedToken, Algorithm] | IdTokenProblem:
    if not text.isascii() or len(text) > LIMITS.max_token_bytes:
        return IdTokenProblem.MALFORMED
    token = parse(text.encode("ascii"))
    if isinstance(token, Reason):
        return IdTokenProblem.MALFORMED
    algorithm = token.header.algorithm
    if isinstance(algorithm, Reason):
        return _OF_HEADER.get(algorithm, IdTokenProblem.ALGORITHM)
    # The kernel accepts other types, too: an access token of the same provider must not sign a person in.
    named_type = token.header.profile.typ
    if named_type is not None and named_type.lower() not in _TYPES:
        return IdTokenProblem.TYPE
    return token, algorithm


def _signed(token: UnverifiedToken, algorithm: Algorithm, keys: Sequence[SigningKey]) -> SignedClaims | IdTokenProblem:
    key = choose_key(keys, token.header.kid, algorithm, token.claims)
    if isinstance(key, Reason):
        return IdTokenProblem.KEY
    claims = signed_claims(token, key, algorithm)
    return IdTokenProblem.SIGNATURE if isinstance(claims, Reason) else claims


def _binding_problem(claims: SignedClaims, issuer: str, client_id: str, nonce: str) -> IdTokenProblem | None:
    if isinstance(check_issuer(claims, issuer), Reason):
        return IdTokenProblem.ISSUER
    audience = check_audience(claims, client_id, says_access_token=False)
    if isinstance(audience, Reason):
        return IdTokenProblem.AUDIENCE
    # With several audiences, only the authorized party says which of them asked for the token.
    if not _is_absent(claims, "azp"):
        if claims["azp"] != client_id:
            return IdTokenProblem.AUTHORIZED_PARTY
    elif len(audience) > 1:
        return IdTokenProblem.AUTHORIZED_PARTY
    named = claims.get("nonce")
    if not isinstance(named, str) or not compare_digest(named.encode("utf-8"), nonce.encode("utf-8")):
        return IdTokenProblem.NONCE
    return None


def _time_problem(claims: SignedClaims, now: float, leeway: float) -> IdTokenProblem | None:
    times = check_times(claims, now, leeway)
    if isinstance(times, Reason):
        return _OF_TIME.get(times, IdTokenProblem.TIMES)
    _, issued_at, _, _ = times
    if issued_at is None:
        return IdTokenProblem.TIMES
    # Written so that a NaN refuses.
    return None if now - issued_at <= MAX_AGE + leeway else IdTokenProblem.TOO_OLD


def _authentication_problem(
    auth_time: float | None, now: float, leeway: float, max_age: int | None
) -> IdTokenProblem | None:
    if auth_time is None or not auth_time <= now + leeway:
        return IdTokenProblem.AUTHENTICATION_TIME
    if max_age is not None and not now - auth_time <= max_age + leeway:
        return IdTokenProblem.AUTHENTICATION_TIME
    return None


def _email_is_verified(claims: SignedClaims) -> bool:
    if "email_verified" in claims:
        return claims["email_verified"] is True
    # Entra ID writes no email_verified. Its optional claim says that the domain's owner was verified.
    value = claims.get("xms_edov")
    return value is True or (type(value) is int and value == 1) or (isinstance(value, str) and value in {"1", "true"})


def _seconds(value: JsonValue) -> float | None:
    # Exact types: `True` is an int in Python.
    return value if (type(value) is int or type(value) is float) and value > 0 else None


def _shown(value: JsonValue, max_length: int) -> str | None:
    if not isinstance(value, str) or not 0 < len(value) <= max_length or not is_printable(value):
        return None
    return value


def _is_absent(claims: SignedClaims, name: str) -> bool:
    return name not in claims or is_absent(claims[name])
