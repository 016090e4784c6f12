"""The one public entry of the kernel: is this token good for this organization, now?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from watchword.core.bearer import characters_of, text_of
from watchword.core.claims import (
    check_audience,
    check_binding,
    check_client,
    check_issuer,
    check_kind,
    check_times,
    scope,
    subject,
)
from watchword.core.compact import UnverifiedToken, parse
from watchword.core.decision import Allow, Decision, Deny, Reason, VerifiedClaims
from watchword.core.entitlement import entitled, verifying_server
from watchword.core.header import choose_key
from watchword.core.jwk import SigningKey, is_kid
from watchword.core.named_organization import organization_named
from watchword.core.profile import profile_of
from watchword.core.signature import signed_claims

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from watchword.core.algorithms import Algorithm
    from watchword.core.trust import Trust

STEPS: Final[tuple[str, ...]] = (
    "One Authorization header with one bearer token within the size limit",
    "What the verifier knows is fresh enough to decide",
    "The token is a compact JWS: three parts of canonical base64url, header and claims strict JSON objects",
    "The header names an accepted algorithm and type and asks for no special processing; no claim marks another kind",
    "The organization is known, a server is enabled, and exactly one of its keys is meant and fits",
    "The signature is by that key",
    "The organization is entitled: not suspended, subscription active, keys fresh enough",
    "The times are good: not expired, already valid, not from the future",
    "The issuer is the Issuer URI, if one is set",
    "The audience is or contains the Audience URI, if one is set",
    "The client is the Client ID, if one is set",
    "The token is bound to no key or certificate, or the registration accepts such tokens",
    "The token carries the API role, where one is required",
)
"""The titles of the thirteen steps of `verify`, in order. `Reason.step` counts from 1 in this list."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds that are the same for every organization; settings of the verifier.

    Attributes:
        max_token_bytes: of the token's text.
        leeway: seconds by which clocks may differ, at both ends of a token's life.
    """

    max_token_bytes: int = 16_384
    leeway: int = 60


LIMITS: Final = Limits()


def verify(
    authorization: Sequence[str],
    trust: Trust | None,
    *,
    now: float,
    snapshot_good_until: float,
    limits: Limits = LIMITS,
) -> Decision:
    """Decide about a request, as `decide` does; `authorization` holds the values of all its Authorization headers."""
    try:
        text = text_of(authorization, limits.max_token_bytes)
    except Exception:  # noqa: BLE001 - as below.
        return Deny(Reason.UNDECIDABLE)
    return decide(text, trust, now, snapshot_good_until, limits)


def decide(
    text: str | Reason, trust: Trust | None, now: float, snapshot_good_until: float, limits: Limits = LIMITS
) -> Decision:
    """Decide about a request. It never raises, and without an `Allow` the request must not pass.

    The whole story is told by `_read` and `_judge`. Each step hands the next one something that it may rely on, or a
    Reason to deny.

    Args:
        text: what `bearer.text_of` says of the request.
        trust: what is known of the organization that the request is for; None if nothing is.
        now: Unix seconds.
        snapshot_good_until: Unix seconds from which on all that is known is too old to be believed.
        limits: bounds on size and clocks.
    """
    try:
        read = _read(text, now, snapshot_good_until)
        return read if isinstance(read, Deny) else _judge(read[0], read[1], trust, now, limits)
    except Exception:  # noqa: BLE001 - whatever went wrong, nobody has shown that the token is good.
        return Deny(Reason.UNDECIDABLE)


def decide_by_token(
    text: str | Reason,
    organizations: Mapping[str, Trust],
    cloud_name: str,
    *,
    now: float,
    snapshot_good_until: float,
    limits: Limits = LIMITS,
) -> tuple[str, Decision]:
    """Decide about a request of which only the token says for which organization it is. It never raises either.

    Args:
        text: what `bearer.text_of` says of the request.
        organizations: what is known of all organizations.
        cloud_name: begins the words that name one, see `named_organization`.
        now: Unix seconds.
        snapshot_good_until: as for `decide`.
        limits: bounds on size and clocks.

    Returns:
        The organization by whose trust it was decided, empty if the token names none; and the decision.
    """
    try:
        read = _read(text, now, snapshot_good_until)
        if isinstance(read, Deny):
            return "", read
        token, algorithm = read
        organization = organization_named(token.claims, cloud_name)
        if type(organization) is Reason:
            return "", _deny(organization, token)
        return organization, _judge(token, algorithm, organizations.get(organization), now, limits)
    except Exception:  # noqa: BLE001 - as above.
        return "", Deny(Reason.UNDECIDABLE)


def _read(text: str | Reason, now: float, snapshot_good_until: float) -> tuple[UnverifiedToken, Algorithm] | Deny:
    """Steps 1 to 4, in which no organization has a part."""
    # Whether a step denies is asked of its type, as `isinstance` takes a tenth of a microsecond for an Enum. Reason is
    # final, so both say the same, and mypy knows it.

    # 1. One Authorization header, scheme Bearer, one token, bounded before anything reads it.
    written = text if type(text) is Reason else characters_of(text)
    if type(written) is Reason:
        return Deny(written)

    # 2. What is known is fresh enough to decide. Written so that an age that is not a number refuses.
    if not now < snapshot_good_until:
        return Deny(Reason.TRUST_STALE)

    # 3. Compact JWS: three parts, canonical base64url, strict JSON objects.
    token = parse(written)
    if type(token) is Reason:
        return Deny(token)

    # 4. Header: an algorithm of the table, an accepted type, and no demand for special processing; and no claim that
    # marks an ID token or a security event.
    algorithm = token.header.answer
    if type(algorithm) is Reason:
        return _deny(algorithm, token)
    kind = check_kind(token.claims, token.header.says_access_token)
    if kind is not None:
        return _deny(kind, token)
    return token, algorithm


def _judge(token: UnverifiedToken, algorithm: Algorithm, trust: Trust | None, now: float, limits: Limits) -> Decision:
    """Steps 5 to 13: whether the token is good for this organization."""
    # 5. The key by organization, server and kid; the algorithm must fit the key, and the issuer that the key's
    # publisher binds it to. What is wrong with the organization is not looked at before, so that a token with other
    # faults is refused for them alike everywhere.
    basis = verifying_server(trust)
    if type(basis) is Reason:
        return _deny(basis, token)
    known, server = basis
    key = choose_key(server.keys, token.header.kid, algorithm, token.claims)
    if type(key) is Reason:
        return _deny(key, token, server.keys)

    # 6. Signature. Until here nothing that the token says was believed.
    claims = signed_claims(token, key, algorithm)
    if type(claims) is Reason:
        return _deny(claims, token)

    # 7. Entitlement, which is for those alone to know whose token the organization's server has signed.
    entitlement = entitled(known, server, now)
    if type(entitlement) is Reason:
        return _deny(entitlement, token)
    entitled_from, entitled_until = entitlement

    # 8. Times: `exp` is required; `exp`, `nbf` and `iat` are numbers and good with the leeway.
    times = check_times(claims, now, limits.leeway)
    if type(times) is Reason:
        return _deny(times, token)
    expires_at, issued_at, valid_from, valid_until = times

    # 9. `iss` equals the Issuer URI, if one is set.
    issuer = check_issuer(claims, server.issuer)
    if type(issuer) is Reason:
        return _deny(issuer, token)

    # 10. `aud` is or contains the Audience URI, if one is set. It must be set where nothing else shows that this is
    # no ID token.
    audience = check_audience(claims, server.audience, token.header.says_access_token)
    if type(audience) is Reason:
        return _deny(audience, token)

    # 11. `client_id`, `cid` and `appid`: at least one is there and every one there equals the Client ID, if one is
    # set.
    client_id = check_client(claims, server.client_id)
    if type(client_id) is Reason:
        return _deny(client_id, token)

    # 12. The conditions of the registration: no `cnf`, unless tokens bound to a key or certificate are accepted.
    bound = check_binding(claims, server.accepts_bound_tokens)
    if bound is not None:
        return _deny(bound, token)

    # 13. No API role is required yet.

    # By position, as names cost a twentieth of all that is done here beside the signature.
    return Allow(
        known.organization,
        server.name,
        VerifiedClaims(issuer, subject(claims), client_id, scope(claims), audience, expires_at, issued_at),
        max(entitled_from, valid_from),
        min(entitled_until, valid_until),
        profile_of(token.header.profile, claims),
    )


def _deny(reason: Reason, token: UnverifiedToken, keys: Sequence[SigningKey] = ()) -> Deny:
    """The denial from step 4 on, when it can be told which token it was."""
    kid = token.header.kid if reason.public is Reason.NO_MATCHING_KEY and is_kid(token.header.kid) else None
    unknown = reason is Reason.NO_MATCHING_KEY and all(key.kid != kid for key in keys)
    return Deny(reason, kid if unknown else None, profile_of(token.header.profile, token.claims), kid)


def verify_token(
    token: str, trust: Trust | None, *, now: float, snapshot_good_until: float, limits: Limits = LIMITS
) -> Decision:
    """The same for a bare token, as if it had come in one well-formed header."""
    return verify((f"Bearer {token}",), trust, now=now, snapshot_good_until=snapshot_good_until, limits=limits)
