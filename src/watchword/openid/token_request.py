"""Exchanges a code for an ID token at the provider's token endpoint (OpenID Connect Core 1.0, section 3.1.3)."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NewType
from urllib.parse import quote_plus, urlencode

from watchword.core.strict_json import JsonObject, JsonRefused, parse_object
from watchword.openid.problems import TokenProblem
from watchword.openid.provider import TokenAuthentication
from watchword.outbound.exchange import exchange
from watchword.outbound.failure import ExchangeFailed, Failure
from watchword.outbound.messages import Request

if TYPE_CHECKING:
    from watchword.openid.authorization import AuthorizationRequest
    from watchword.openid.provider import Provider
    from watchword.outbound.policy import OutboundPolicy

UnverifiedIdToken = NewType("UnverifiedIdToken", str)
"""The text of an ID token as the token endpoint sent it. `verify_id_token` reads it."""

_ACCEPTED: Final = frozenset({200, 400, 401})
"""RFC 6749 section 5.2: the token endpoint says with 400 or 401 why it refuses."""

_OF_ERROR: Final = {
    "invalid_client": TokenProblem.CLIENT_REFUSED,
    "unauthorized_client": TokenProblem.CLIENT_REFUSED,
    "invalid_grant": TokenProblem.CODE_REFUSED,
}


@dataclass(frozen=True, slots=True)
class ClientSecret:
    """The secret that the provider gave this service together with the client ID."""

    text: str = field(repr=False)

    def __post_init__(self) -> None:
        if not self.text:
            raise ValueError("A client secret is needed.")


@dataclass(frozen=True, slots=True)
class CodeRefused:
    """Why there is no ID token.

    Attributes:
        failure: of the exchange, if the problem is that there was none.
    """

    problem: TokenProblem
    failure: Failure | None = None


def redeem_code(
    code: str, request: AuthorizationRequest, secret: ClientSecret, provider: Provider, policy: OutboundPolicy
) -> UnverifiedIdToken | CodeRefused:
    """Exchange the code of `check_response`; never raises for a server's behavior. A code can be exchanged once.

    Everything in the answer but the ID token is dropped: this service calls no API in the person's name.
    """
    try:
        response = exchange(
            provider.token_endpoint, _message(code, request, secret, provider), policy=policy, accepts=_ACCEPTED
        )
    except ExchangeFailed as failed:
        return CodeRefused(TokenProblem.NOT_REACHED, failed.failure)
    answer = _members(response.untrusted_body)
    if response.status != 200:  # noqa: PLR2004
        return _refusal(answer)
    if answer is None or response.claims_html:
        return CodeRefused(TokenProblem.ANSWER_MALFORMED)
    # RFC 6749 section 5.1: in any case of letters.
    token_type = answer.get("token_type")
    if not isinstance(token_type, str) or token_type.lower() != "bearer":
        return CodeRefused(TokenProblem.TOKEN_TYPE)
    id_token = answer.get("id_token")
    if not isinstance(id_token, str) or not id_token:
        return CodeRefused(TokenProblem.ID_TOKEN_MISSING)
    return UnverifiedIdToken(id_token)


def _message(code: str, request: AuthorizationRequest, secret: ClientSecret, provider: Provider) -> Request:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": request.redirect_uri,
        "code_verifier": request.verifier,
    }
    headers = [("Content-Type", "application/x-www-form-urlencoded")]
    if provider.authentication is TokenAuthentication.BASIC:
        headers.append(("Authorization", _basic(request.client_id, secret.text)))
    else:
        form |= {"client_id": request.client_id, "client_secret": secret.text}
    return Request(
        method="POST", accept="application/json", headers=tuple(headers), body=urlencode(form).encode("ascii")
    )


def _basic(client_id: str, secret: str) -> str:
    # RFC 6749 section 2.3.1: both are form-encoded first, so that a colon in the ID does not end it.
    credentials = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return f"Basic {b64encode(credentials.encode('ascii')).decode('ascii')}"


def _members(body: bytes) -> JsonObject | None:
    try:
        return parse_object(body)
    except JsonRefused:
        return None


def _refusal(answer: JsonObject | None) -> CodeRefused:
    error = None if answer is None else answer.get("error")
    if not isinstance(error, str):
        # Not the answer of a token endpoint. Its status alone could be any server's, perhaps an internal one's (J-14).
        return CodeRefused(TokenProblem.NOT_REACHED, Failure.HTTP_REFUSED)
    return CodeRefused(_OF_ERROR.get(error, TokenProblem.REQUEST_REFUSED))
