"""The kernel's decisions: `Allow` or `Deny`, the latter with one reason from a closed table."""

from __future__ import annotations

from enum import Enum
from typing import Final, Literal, NamedTuple, final

Status = Literal[400, 401, 403, 503]
OAuthError = Literal["invalid_request", "invalid_token", "insufficient_scope"]

KEY_STEP: Final = 5
SIGNATURE_STEP: Final = 6
"""The steps of `verify.decide` whose result depends on the organization although the token is not verified yet."""


@final
class Reason(Enum):
    """Every way a request can be denied.

    Operators see the reason itself, in counts, metrics and the portal. Clients and gateways see `public`.

    Attributes:
        code: stable, snake_case.
        step: the number of the verification step (core/verify.py) that denies with it; 0 for an internal fault.
        status: the HTTP status of RFC 6750 section 3.1: 400 malformed request, 401 bad token, 403 organization
            not entitled or API role missing, 503 not decidable.
        error: the `error` of the `WWW-Authenticate` challenge; None if RFC 6750 defines none.
        sentence: the description for people. It contains no part of the token and no configured value.
    """

    # 1. The request.
    TOKEN_MISSING = ("token_missing", 1, 401, None, "The request carries no access token.")
    SCHEME_NOT_BEARER = (
        "scheme_not_bearer", 1, 401, None, "The Authorization header uses another scheme than Bearer.",
    )  # fmt: skip
    AUTHORIZATION_MALFORMED = (
        "authorization_malformed", 1, 400, "invalid_request",
        "The Authorization header is not of the form 'Bearer <token>'.",
    )  # fmt: skip
    AUTHORIZATION_REPEATED = (
        "authorization_repeated", 1, 400, "invalid_request", "The request carries more than one Authorization header.",
    )  # fmt: skip
    TOKEN_TOO_LARGE = ("token_too_large", 1, 401, "invalid_token", "The access token is too large.")

    # 2. The snapshot.
    TRUST_STALE = ("trust_stale", 2, 503, None, "The verifier has not heard from the control plane for too long.")

    # 3. The form of the token.
    TOKEN_MALFORMED = ("token_malformed", 3, 401, "invalid_token", "The access token is not a signed JWT.")
    HEADER_MALFORMED = ("header_malformed", 3, 401, "invalid_token", "The header of the access token is malformed.")
    CLAIMS_MALFORMED = ("claims_malformed", 3, 401, "invalid_token", "The claims of the access token are malformed.")

    # 4. The header.
    ALGORITHM_NOT_ACCEPTED = (
        "algorithm_not_accepted", 4, 401, "invalid_token",
        "The access token names no signature algorithm that is accepted.",
    )  # fmt: skip
    HEADER_NOT_ACCEPTED = (
        "header_not_accepted", 4, 401, "invalid_token",
        "The header of the access token has crit or b64, which are not accepted.",
    )  # fmt: skip
    TYPE_NOT_ACCEPTED = (
        "type_not_accepted", 4, 401, "invalid_token",
        "The token is no access token: its typ is none of JWT, JWS, JOSE and at+jwt, or a claim marks another kind.",
    )  # fmt: skip

    # Between 4. and 5., if the token must name its organization.
    ORGANIZATION_NOT_NAMED = (
        "organization_not_named", 4, 401, "invalid_token",
        "The access token names no organization: its scope, scp and roles lack <cloud name>::<organization>::<role>.",
    )  # fmt: skip
    ORGANIZATION_AMBIGUOUS = (
        "organization_ambiguous", 4, 401, "invalid_token", "The access token names more than one organization.",
    )  # fmt: skip

    # 5. The key.
    NO_MATCHING_KEY = (
        "no_matching_key", 5, 401, "invalid_token",
        "No known signing key of the organization verifies the access token.",
    )  # fmt: skip
    ORGANIZATION_UNKNOWN = ("organization_unknown", 5, 401, "invalid_token", "The organization is not known.")
    TRUST_NOT_UNDERSTOOD = (
        "trust_not_understood", 5, 401, "invalid_token",
        "This verifier cannot read the organization's trust; it needs an upgrade.",
    )  # fmt: skip
    NO_ENABLED_SERVER = (
        "no_enabled_server", 5, 401, "invalid_token", "The organization has no enabled authorization server.",
    )  # fmt: skip
    KEYS_MISSING = (
        "keys_missing", 5, 401, "invalid_token", "No signing keys of the authorization server are known yet.",
    )  # fmt: skip
    KEY_AMBIGUOUS = (
        "key_ambiguous", 5, 401, "invalid_token", "The access token names no key and more than one key would fit.",
    )  # fmt: skip
    KEY_ALGORITHM_MISMATCH = (
        "key_algorithm_mismatch", 5, 401, "invalid_token", "The signature algorithm does not fit the key named.",
    )  # fmt: skip

    # 6. The signature.
    SIGNATURE_INVALID = ("signature_invalid", 6, 401, "invalid_token", "The signature of the access token is invalid.")

    # 7. Entitlement.
    ORGANIZATION_SUSPENDED = ("organization_suspended", 7, 403, None, "The organization's API access is suspended.")
    SUBSCRIPTION_INACTIVE = ("subscription_inactive", 7, 403, None, "The organization has no active API subscription.")
    KEYS_STALE = ("keys_stale", 7, 503, None, "The authorization server's keys could not be fetched for too long.")

    # 8. The times.
    EXPIRY_MISSING = ("expiry_missing", 8, 401, "invalid_token", "The access token has no expiry.")
    TIME_MALFORMED = (
        "time_malformed",
        8,
        401,
        "invalid_token",
        "The exp, nbf or iat of the access token is not a valid time.",
    )
    TOKEN_EXPIRED = ("token_expired", 8, 401, "invalid_token", "The access token has expired.")
    TOKEN_NOT_YET_VALID = ("token_not_yet_valid", 8, 401, "invalid_token", "The access token is not valid yet.")
    TOKEN_FROM_FUTURE = ("token_from_future", 8, 401, "invalid_token", "The access token was issued in the future.")

    # 9. to 11. The claims that the organization's administrator configured.
    ISSUER_MISMATCH = (
        "issuer_mismatch",
        9,
        401,
        "invalid_token",
        "The access token does not name the expected issuer.",
    )
    AUDIENCE_MISMATCH = (
        "audience_mismatch", 10, 401, "invalid_token", "The access token does not name the expected audience.",
    )  # fmt: skip
    CLIENT_MISSING = (
        "client_missing", 11, 401, "invalid_token",
        "The access token names no client: it has none of client_id, cid and appid.",
    )  # fmt: skip
    CLIENT_MISMATCH = (
        "client_mismatch", 11, 401, "invalid_token",
        "The client_id, cid or appid of the access token is not the expected client.",
    )  # fmt: skip

    # 12. The conditions of the registration.
    TOKEN_BOUND = (
        "token_bound", 12, 401, "invalid_token",
        "The access token is bound to a key or certificate (cnf) and cannot be used as a bearer token.",
    )  # fmt: skip

    # 13. The API role that the registration requires.
    INSUFFICIENT_SCOPE = (
        "insufficient_scope", 13, 403, "insufficient_scope", "The access token lacks the API role that is required.",
    )  # fmt: skip
    CLOUD_NAME_MISSING = (
        "cloud_name_missing", 13, 503, None,
        "An API role is required, but the verifier lacks the cloud name that its scope begins with.",
    )  # fmt: skip

    # A claim does not fit into the gateway's headers.
    SCOPE_TOO_LONG = (
        "scope_too_long", 11, 401, "invalid_token",
        "The scope of the access token is longer than the verifier accepts.",
    )  # fmt: skip
    CLAIM_TOO_LONG = (
        "claim_too_long", 11, 401, "invalid_token",
        "The issuer, subject or client of the access token is longer than 1,024 characters.",
    )  # fmt: skip

    # An internal fault never allows.
    UNDECIDABLE = ("undecidable", 0, 503, None, "The request cannot be decided right now.")

    def __init__(self, code: str, step: int, status: Status, error: OAuthError | None, sentence: str) -> None:
        self.code = code
        self.step = step
        self.status = status
        self.error = error
        self.sentence = sentence

    @property
    def public(self) -> Reason:
        """The reason that the client and its gateway see.

        Until the signature proves that the token comes from the organization's own server, it is the same for every
        organization, known or not (FJ-01).
        """
        return Reason.NO_MATCHING_KEY if self.step in (KEY_STEP, SIGNATURE_STEP) else self

    @property
    def is_signed(self) -> bool:
        """Whether only tokens with a verified signature get this reason."""
        return self.step > SIGNATURE_STEP


class VerifiedClaims(NamedTuple):
    """The claims of an allowed token that a gateway may pass on.

    Attributes:
        issuer, subject, client_id: None if the claim is missing or not a text. `client_id` is also None if `client_id`,
            `cid` and `appid` contradict each other.
        scope: space separated; empty if there is none.
        audience: empty if there is none, or if it is neither a text nor a list of texts.
        expires_at, issued_at: Unix seconds, without fractions.
    """

    issuer: str | None
    subject: str | None
    client_id: str | None
    scope: str
    audience: tuple[str, ...]
    expires_at: int
    issued_at: int | None


class TokenProfile(NamedTuple):
    """The origin and purpose of a token, for counting; never its user.

    In an Allow it is verified. In a Deny its sender may have made it up, perhaps to deceive the people who read it.

    Attributes:
        client_claim: the first of `client_id`, `cid` and `appid` that is present.
        audience: several are joined by `, `.
        issuer, client_id, kid, alg, typ: None if missing or not a text.
    """

    issuer: str | None
    audience: str | None
    client_claim: str | None
    client_id: str | None
    kid: str | None
    alg: str | None
    typ: str | None


class Allow(NamedTuple):
    """The token is valid for the organization.

    Attributes:
        organization, server: the organization, and its server that issued the token.
        claims: the claims that the gateway may pass on.
        good_from, good_until: Unix seconds. While the snapshot is fresh, the same trust gives the same decision about
            the same token at all times in [good_from, good_until), so the decision may be cached that long.
        profile: the kind of token, for counting.
        role: the API role that is required. If none is, the one that the token names for this organization; None if it
            names none or several, or if the verifier has no cloud name.
    """

    organization: str
    server: str
    claims: VerifiedClaims
    good_from: float
    good_until: float
    profile: TokenProfile
    role: str | None = None


class Deny(NamedTuple):
    """The request is denied.

    Decisions that differ only in `profile`, `kid` and `missing_scope` are equal.

    Attributes:
        reason: why.
        unknown_kid: the `kid` of a token whose key is not in the key set, for a report to the control plane; else
            None. The sender of the token controls it, so it is never logged.
        profile: the profile of the unverified token, for counting; None if it was not read so far.
        kid: the key that the token names, if the public reason is that of an unknown key; None if it names none, or
            one that no key can have. The sender controls it too. The verifier lets the request wait for this key for
            every organization, because the response time would otherwise reveal which organizations exist.
        missing_scope: the scope that the token must carry, if the reason is INSUFFICIENT_SCOPE; else None.
    """

    reason: Reason
    unknown_kid: str | None = None
    profile: TokenProfile | None = None
    kid: str | None = None
    missing_scope: str | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Deny) and self[:2] == other[:2]

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(self[:2])


Decision = Allow | Deny
