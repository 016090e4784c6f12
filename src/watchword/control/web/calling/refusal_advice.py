"""What a client's developer does about each refusal.

Status and sentence of a verifier's refusal are those of the closed table of reasons; gateways refuse some addresses by
themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from watchword.core.decision import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping

_RETRY: Final = (
    "Wait for the time in Retry-After, then send the request again. If the error persists, contact the API provider."
)
_UNCHANGED: Final = "Send the token exactly as the authorization server issued it."
_CLOCK: Final = "Correct the clock of the authorization server."

ADVICE: Final[Mapping[str, Mapping[Reason, str]]] = {
    "Authorization header": {
        Reason.TOKEN_MISSING: "Send the header Authorization: Bearer, followed by the token.",
        Reason.SCHEME_NOT_BEARER: "Use the scheme Bearer.",
        Reason.AUTHORIZATION_MALFORMED: "Send Bearer, one space and one token, without quotes or line breaks.",
        Reason.AUTHORIZATION_REPEATED: "Send one Authorization header. Check whether a proxy adds another one.",
    },
    "Token": {
        Reason.TOKEN_TOO_LARGE: "Configure the authorization server to put fewer claims or scopes into its tokens.",
        Reason.TOKEN_MALFORMED: "Send the whole access token. It must be a signed JWT, not an opaque token.",
        Reason.HEADER_MALFORMED: _UNCHANGED,
        Reason.CLAIMS_MALFORMED: _UNCHANGED,
        Reason.ALGORITHM_NOT_ACCEPTED: (
            "Configure the authorization server to sign with a private key (RS256), not a shared secret (HS256)."
        ),
        Reason.HEADER_NOT_ACCEPTED: "Configure the authorization server to issue tokens without crit and b64.",
        Reason.TYPE_NOT_ACCEPTED: "Send the access token, not the ID token.",
    },
    "Keys": {
        Reason.NO_MATCHING_KEY: (
            "Check that the address names your organization, and that the token comes from the authorization server "
            "that is enabled. After a change of its keys, press Refresh now in the list."
        ),
        Reason.KEYS_STALE: "Make the JWKS location reachable again. The list shows why the keys cannot be fetched.",
    },
    "Claims": {
        Reason.EXPIRY_MISSING: "Configure the authorization server to put exp into its tokens.",
        Reason.TIME_MALFORMED: (
            "Configure the authorization server to write exp, nbf and iat as numbers of seconds since 1970."
        ),
        Reason.TOKEN_EXPIRED: "Get a new token. Use expires_in of the token response to renew it in time.",
        Reason.TOKEN_NOT_YET_VALID: _CLOCK,
        Reason.TOKEN_FROM_FUTURE: _CLOCK,
        Reason.ISSUER_MISMATCH: (
            "Compare iss with the registered Issuer URI. They must be identical, including a trailing slash."
        ),
        Reason.AUDIENCE_MISMATCH: "Request a token for the registered Audience URI.",
        Reason.CLIENT_MISSING: "Configure the authorization server to put client_id, cid or appid into its tokens.",
        Reason.CLIENT_MISMATCH: "Get the token with the registered Client ID.",
        Reason.TOKEN_BOUND: (
            "Request a token without DPoP and mutual TLS, or turn on “Accept tokens bound to a key or certificate”."
        ),
        Reason.INSUFFICIENT_SCOPE: (
            "Request the scope that the response names in WWW-Authenticate, and have the authorization server grant it "
            "to the client."
        ),
        Reason.SCOPE_TOO_LONG: "Request fewer scopes.",
        Reason.CLAIM_TOO_LONG: "Configure the authorization server to use shorter values.",
    },
    "Organization": {
        Reason.ORGANIZATION_NOT_NAMED: (
            "Request the scope that names your organization, as shown on this page. Its last part must have 1 to 16 "
            "letters and digits."
        ),
        Reason.ORGANIZATION_AMBIGUOUS: "Request the scope of one organization for each token.",
        Reason.ORGANIZATION_SUSPENDED: "Ask an administrator of your organization: the portal shows why.",
        Reason.SUBSCRIPTION_INACTIVE: "Ask an administrator to have the API subscription renewed.",
    },
    "Verifier": {
        Reason.TRUST_STALE: _RETRY,
        Reason.UNDECIDABLE: _RETRY,
        Reason.CLOUD_NAME_MISSING: "Contact the API provider, who must set the cloud name of the verifiers.",
    },
}
"""Each reason that a client can see, in groups."""

SECTIONS: Final[Mapping[Reason, str]] = {
    Reason.ORGANIZATION_NOT_NAMED: "organization_not_named-organization_ambiguous",
    Reason.ORGANIZATION_AMBIGUOUS: "organization_not_named-organization_ambiguous",
    Reason.NO_MATCHING_KEY: "no_matching_key-no-key-verifies-the-token",
    Reason.TOKEN_BOUND: "token_bound-the-token-is-bound-to-a-key-or-certificate",
    Reason.CLIENT_MISSING: "client_missing-the-token-names-no-client",
    Reason.INSUFFICIENT_SCOPE: "insufficient_scope-the-token-lacks-the-required-api-role",
}
"""The reasons that docs/tokens.md explains, with the anchors there."""

_OF_TOKEN_ROUTING: Final = frozenset({Reason.ORGANIZATION_NOT_NAMED, Reason.ORGANIZATION_AMBIGUOUS})


@dataclass(frozen=True, slots=True)
class RefusalRow:
    """What a client reads of one refusal, what to do about it, and the anchor in docs/tokens.md, if it is there."""

    code: str
    status: int
    sentence: str
    advice: str
    section: str | None = None


_NO_SUCH_PATH: Final = RefusalRow(
    "no_such_path",
    404,
    "This address is not served.",
    "Start the address with the API base URL shown on this page, including the organization if it contains one.",
)
_AMBIGUOUS_PATH: Final = RefusalRow(
    "ambiguous_path",
    400,
    "The path is ambiguous.",
    "Use a plain path: no // after the organization, no backslashes, no segments such as .. or ..., and no "
    "percent-encoded letters, digits or dots, even harmless ones (/%4A, /a%2eb).",
)


def refusals(routing: str) -> list[tuple[str, list[RefusalRow]]]:
    """Every refusal that a client of this routing can see, in groups."""
    # Only where the gateway takes the organization out of the path does it look at the path at all.
    address = [_NO_SUCH_PATH, _AMBIGUOUS_PATH] if routing == "path" else [_NO_SUCH_PATH]
    hidden = frozenset() if routing == "token" else _OF_TOKEN_ROUTING
    groups = [
        (
            heading,
            [
                RefusalRow(reason.code, reason.status, reason.sentence, advice, SECTIONS.get(reason))
                for reason, advice in rows.items()
                if reason not in hidden
            ],
        )
        for heading, rows in ADVICE.items()
    ]
    return [("Address", address), *groups]
