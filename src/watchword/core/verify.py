"""The kernel's public entry: is this token valid for this organization, now?"""

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
from watchword.core.header import choose_key
from watchword.core.jwk import SigningKey, is_kid
from watchword.core.named_organization import check_role, organization_named, scope_of
from watchword.core.profile import profile_of
from watchword.core.signature import signed_claims
from watchword.core.trust import entitled, verifying_server

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
    """Limits that are the same for every organization; settings of the verifier.

    Attributes:
        max_token_bytes: length of a token.
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
    cloud_name: str = "",
) -> Decision:
    """Decide about a request as `decide` does; `authorization` holds the values of all its Authorization headers."""
    try:
        text = text_of(authorization, limits.max_token_bytes)
    except Exception:  # noqa: BLE001 - as below.
        return Deny(Reason.UNDECIDABLE)
    return decide(text, trust, now, snapshot_good_until, limits, cloud_name)


def decide(  # noqa: PLR0917 - names cost time.
    text: str | Reason,
    trust: Trust | None,
    now: float,
    snapshot_good_until: float,
    limits: Limits = LIMITS,
    cloud_name: str = "",
) -> Decision:
    """Decide about a request. Never raises; without an `Allow` the request must not pass.

    `_read` and `_judge` contain all steps in order. Each step passes a checked value to the next one, or returns a
    Reason to deny.

    Args:
        text: the result of `bearer.text_of`.
        trust: the trust of the request's organization; None if the organization is unknown.
        now: Unix seconds.
        snapshot_good_until: Unix seconds from which on the trust is too old to be used.
        limits: limits on size and clocks.
        cloud_name: the first part of the scopes that name an API role, see `named_organization`; empty if there is
            none.
    """
    try:
        read = _read(text, now, snapshot_good_until)
        return read if isinstance(read, Deny) else _judge(read[0], read[1], trust, now, limits, cloud_name)
    except Exception:  # noqa: BLE001 - a fault has not shown that the token is good.
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
    """Decide about a request whose token names the organization. Never raises.

    Args:
        text: the result of `bearer.text_of`.
        organizations: the trust of all organizations.
        cloud_name: the first part of the words that name one, see `named_organization`.
        now: Unix seconds.
        snapshot_good_until: as for `decide`.
        limits: limits on size and clocks.

    Returns:
        The organization whose trust decided, empty if the token names none; and the decision.
    """
    try:
        read = _read(text, now, snapshot_good_until)
        if isinstance(read, Deny):
            return "", read
        token, algorithm = read
        organization = organization_named(token.claims, cloud_name)
        if type(organization) is Reason:
            return "", _deny(organization, token)
        return organization, _judge(token, algorithm, organizations.get(organization), now, limits, cloud_name)
    except Exception:  # noqa: BLE001 - as above.
        return "", Deny(Reason.UNDECIDABLE)


def _read(text: str | Reason, now: float, snapshot_good_until: float) -> tuple[UnverifiedToken, Algorithm] | Deny:
    """Steps 1 to 4, which do not depend on an organization."""
    # `type(…) is Reason` saves a tenth of a microsecond against `isinstance`. Reason is final, so both are equal.

    # 1. One Authorization header, scheme Bearer, one token, with its length checked before anything else.
    written = text if type(text) is Reason else characters_of(text)
    if type(written) is Reason:
        return Deny(written)

    # 2. The snapshot is fresh enough to decide. Written so that a NaN refuses.
    if not now < snapshot_good_until:
        return Deny(Reason.TRUST_STALE)

    # 3. Compact JWS: three parts, canonical base64url, strict JSON objects.
    token = parse(written)
    if type(token) is Reason:
        return Deny(token)

    # 4. Header: an algorithm of the table, an accepted type, and no demand for special processing; and no claim that
    # marks an ID token or a security event.
    algorithm = token.header.algorithm
    if type(algorithm) is Reason:
        return _deny(algorithm, token)
    kind = check_kind(token.claims, token.header.says_access_token)
    if kind is not None:
        return _deny(kind, token)
    return token, algorithm


def _judge(  # noqa: C901, PLR0917 - one story; names cost time.
    token: UnverifiedToken, algorithm: Algorithm, trust: Trust | None, now: float, limits: Limits, cloud_name: str
) -> Decision:
    """Steps 5 to 13: whether the token is valid for this organization."""
    # 5. The key by organization, server and kid. The algorithm must fit the key, and so must the issuer if the key's
    # publisher binds it to one. The organization's state is checked no earlier, so that a token with other faults gets
    # the same reason for every organization.
    basis = verifying_server(trust)
    if type(basis) is Reason:
        return _deny(basis, token)
    known, server = basis
    key = choose_key(server.keys, token.header.kid, algorithm, token.claims)
    if type(key) is Reason:
        return _deny(key, token, server.keys)

    # 6. Signature. Up to here nothing in the token was trusted.
    claims = signed_claims(token, key, algorithm)
    if type(claims) is Reason:
        return _deny(claims, token)

    # 7. Entitlement. After the signature, because only clients of the organization's server may learn its state.
    entitlement = entitled(known, server, now)
    if type(entitlement) is Reason:
        return _deny(entitlement, token)
    entitled_from, entitled_until = entitlement

    # 8. Times: `exp` is required; `exp`, `nbf` and `iat` are numbers and in time, with the leeway.
    times = check_times(claims, now, limits.leeway)
    if type(times) is Reason:
        return _deny(times, token)
    expires_at, issued_at, valid_from, valid_until = times

    # 9. `iss` equals the Issuer URI, if one is set.
    issuer = check_issuer(claims, server.issuer)
    if type(issuer) is Reason:
        return _deny(issuer, token)

    # 10. `aud` is or contains the Audience URI, if one is set. It is required if only the audience can show that this
    # is not an ID token.
    audience = check_audience(claims, server.audience, token.header.says_access_token)
    if type(audience) is Reason:
        return _deny(audience, token)

    # 11. `client_id`, `cid` and `appid`: if a Client ID is set, at least one is present and all present ones equal it.
    client_id = check_client(claims, server.client_id)
    if type(client_id) is Reason:
        return _deny(client_id, token)

    # 12. The conditions of the registration: no `cnf`, unless tokens bound to a key or certificate are accepted.
    bound = check_binding(claims, server.accepts_bound_tokens)
    if bound is not None:
        return _deny(bound, token)

    # 13. The API role, if the registration requires one.
    role = check_role(claims, server.required_role, cloud_name, known.organization)
    if type(role) is Reason:
        scope_required = scope_of(cloud_name, known.organization, str(server.required_role))
        missing = scope_required if role is Reason.INSUFFICIENT_SCOPE else None
        return _deny(role, token)._replace(missing_scope=missing)

    # By position: keyword arguments would cost a twentieth of the time of all steps without the signature.
    return Allow(
        known.organization,
        server.name,
        VerifiedClaims(issuer, subject(claims), client_id, scope(claims), audience, expires_at, issued_at),
        max(entitled_from, valid_from),
        min(entitled_until, valid_until),
        profile_of(token.header.profile, claims),
        role,
    )


def _deny(reason: Reason, token: UnverifiedToken, keys: Sequence[SigningKey] = ()) -> Deny:
    """A denial in step 4 or later, with the profile of the token."""
    kid = token.header.kid if reason.public is Reason.NO_MATCHING_KEY and is_kid(token.header.kid) else None
    unknown = reason is Reason.NO_MATCHING_KEY and all(key.kid != kid for key in keys)
    return Deny(reason, kid if unknown else None, profile_of(token.header.profile, token.claims), kid)


def verify_token(
    token: str,
    trust: Trust | None,
    *,
    now: float,
    snapshot_good_until: float,
    limits: Limits = LIMITS,
    cloud_name: str = "",
) -> Decision:
    """Decide about a bare token, as if it came in one well-formed header."""
    return verify(
        (f"Bearer {token}",),
        trust,
        now=now,
        snapshot_good_until=snapshot_good_until,
        limits=limits,
        cloud_name=cloud_name,
    )
