"""What a client's developer does about each refusal. Status and sentence are those of the closed table of reasons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from watchword.core.decision import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping

_RETRY: Final = "Wait as long as Retry-After says, then send the request again. Contact support if this lasts."
_UNCHANGED: Final = "Send the token exactly as the authorization server issued it."
_CLOCK: Final = "Correct the clock of the authorization server."

ADVICE: Final[Mapping[Reason, str]] = {
    Reason.TOKEN_MISSING: "Send the header Authorization: Bearer, followed by the token.",
    Reason.SCHEME_NOT_BEARER: "Use the scheme Bearer.",
    Reason.AUTHORIZATION_MALFORMED: "Send Bearer, one space and one token, without quotes or line breaks.",
    Reason.AUTHORIZATION_REPEATED: "Send one Authorization header. Check whether a proxy adds another one.",
    Reason.TOKEN_TOO_LARGE: "Let the authorization server put fewer claims or scopes into its tokens.",
    Reason.TRUST_STALE: _RETRY,
    Reason.TOKEN_MALFORMED: "Send the whole access token. It must be a signed JWT, not an opaque token.",
    Reason.HEADER_MALFORMED: _UNCHANGED,
    Reason.CLAIMS_MALFORMED: _UNCHANGED,
    Reason.ALGORITHM_NOT_ACCEPTED: (
        "Let the authorization server sign with a private key, such as RS256, not with a shared secret (HS256)."
    ),
    Reason.HEADER_NOT_ACCEPTED: "Let the authorization server issue tokens without crit and b64.",
    Reason.TYPE_NOT_ACCEPTED: "Send the access token, not the ID token.",
    Reason.ORGANIZATION_NOT_NAMED: "Request the scope that names your organization, as shown on this page.",
    Reason.ORGANIZATION_AMBIGUOUS: "Request the scope of one organization for each token.",
    Reason.NO_MATCHING_KEY: (
        "Check that the address names your organization, and that the token comes from the authorization server that "
        "is enabled. After a change of its keys, press Refresh now in the list."
    ),
    Reason.ORGANIZATION_SUSPENDED: "Ask an administrator: the portal shows why. Contact support.",
    Reason.SUBSCRIPTION_INACTIVE: "Ask an administrator to have the API subscription renewed.",
    Reason.KEYS_STALE: "Make the JWKS location reachable again. The list shows why the keys cannot be fetched.",
    Reason.EXPIRY_MISSING: "Let the authorization server put exp into its tokens.",
    Reason.TIME_MALFORMED: "Let the authorization server write exp, nbf and iat as numbers of seconds since 1970.",
    Reason.TOKEN_EXPIRED: "Get a new token. Use expires_in of the token response to get it in time.",
    Reason.TOKEN_NOT_YET_VALID: _CLOCK,
    Reason.TOKEN_FROM_FUTURE: _CLOCK,
    Reason.ISSUER_MISMATCH: "Compare iss with the registered Issuer URI. Both must be equal, slash included.",
    Reason.AUDIENCE_MISMATCH: "Request a token for the registered Audience URI.",
    Reason.CLIENT_MISSING: "Let the authorization server put client_id, cid or appid into its tokens.",
    Reason.CLIENT_MISMATCH: "Get the token with the registered Client ID.",
    Reason.TOKEN_BOUND: "Request a token without DPoP and mutual TLS, or let the registration accept bound tokens.",
    Reason.SCOPE_TOO_LONG: "Request fewer scopes.",
    Reason.CLAIM_TOO_LONG: "Let the authorization server use shorter values.",
    Reason.UNDECIDABLE: _RETRY,
}


_OF_TOKEN_ROUTING: Final = frozenset({Reason.ORGANIZATION_NOT_NAMED, Reason.ORGANIZATION_AMBIGUOUS})
_LAST: Final = 99


def refusals(*, token_routing: bool) -> list[tuple[Reason, str]]:
    """Every reason that a client can see, with the advice; by status, then in the order of the checks."""
    seen = {reason.public for reason in Reason}
    if not token_routing:
        seen -= _OF_TOKEN_ROUTING
    ordered = sorted(seen, key=lambda reason: (reason.status, reason.step or _LAST, reason.code))
    return [(reason, ADVICE[reason]) for reason in ordered]
