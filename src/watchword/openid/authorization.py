"""The authorization request, by which a person's browser is sent to the provider, and the response that comes back.

Authorization code flow with PKCE (RFC 7636), `state`, `nonce` and, if the provider sends it, `iss` (RFC 9207).
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from hmac import compare_digest
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlencode

from watchword.core import base64url
from watchword.openid.problems import ResponseProblem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from watchword.openid.provider import Provider

SCOPE: Final = "openid email profile"
RANDOM_BYTES: Final = 32
MAX_CODE_LENGTH: Final = 4096
"""Characters. Those of Entra ID have about 1,500."""

_OF_ERROR: Final = {
    "access_denied": ResponseProblem.ACCESS_DENIED,
    "login_required": ResponseProblem.SIGN_IN_NEEDED,
    "interaction_required": ResponseProblem.SIGN_IN_NEEDED,
    "consent_required": ResponseProblem.SIGN_IN_NEEDED,
    "account_selection_required": ResponseProblem.SIGN_IN_NEEDED,
    "server_error": ResponseProblem.UNAVAILABLE,
    "temporarily_unavailable": ResponseProblem.UNAVAILABLE,
}
"""RFC 6749 section 4.1.2.1, OpenID Connect Core 1.0 section 3.1.2.6. Every other one says that the request is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationRequest:
    """One request, which is kept until its response comes. Only the browser that began it may end it.

    Attributes:
        issuer: of the provider that it is sent to.
        redirect_uri: where the response goes; sent exactly so to the token endpoint, too.
        state: binds the response to this request; 256 random bits, like the next two.
        nonce: binds the ID token to this request.
        verifier: proves to the token endpoint that this service requested the code (PKCE).
    """

    issuer: str
    client_id: str
    redirect_uri: str
    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)

    def __post_init__(self) -> None:
        if not all((self.issuer, self.client_id, self.redirect_uri, self.state, self.nonce, self.verifier)):
            # An empty value would equal one that a response or token leaves empty.
            raise ValueError("Every part of an authorization request is needed.")


def new_request(
    provider: Provider, *, client_id: str, redirect_uri: str, random: Callable[[int], bytes] = secrets.token_bytes
) -> AuthorizationRequest:
    """A request with new secrets.

    Args:
        provider: that it is sent to.
        client_id: of this service there.
        redirect_uri: of this service, as registered there.
        random: returns so many random bytes.
    """
    state, nonce, verifier = (base64url.encode(random(RANDOM_BYTES)) for _ in range(3))
    return AuthorizationRequest(
        issuer=provider.issuer,
        client_id=client_id,
        redirect_uri=redirect_uri,
        state=state,
        nonce=nonce,
        verifier=verifier,
    )


def authorization_url(
    request: AuthorizationRequest,
    provider: Provider,
    *,
    login_hint: str | None = None,
    prompt: str | None = None,
    max_age: int | None = None,
) -> str:
    """The URL to send the person's browser to.

    Args:
        request: of `new_request`, for this provider.
        provider: of `discover`.
        login_hint: the e-mail address that the person entered.
        prompt: "login" lets the provider ask for the person's factors although it knows the person.
        max_age: seconds since the person last proved a factor there; see `verify_id_token`.
    """
    parameters = {
        "response_type": "code",
        "client_id": request.client_id,
        "redirect_uri": request.redirect_uri,
        "scope": SCOPE,
        "state": request.state,
        "nonce": request.nonce,
        "code_challenge": base64url.encode(hashlib.sha256(request.verifier.encode("ascii")).digest()),
        "code_challenge_method": "S256",
        "login_hint": login_hint,
        "prompt": prompt,
        "max_age": max_age,
    }
    query = urlencode({name: value for name, value in parameters.items() if value is not None}, quote_via=quote)
    endpoint = provider.authorization_endpoint
    # RFC 6749 section 3.1: the endpoint's own query is kept.
    return f"{endpoint}{'&' if '?' in endpoint else '?'}{query}"


def check_response(
    parameters: Mapping[str, Sequence[str]], request: AuthorizationRequest, provider: Provider
) -> str | ResponseProblem:
    """The code of a response, or why the sign-in ends here.

    Args:
        parameters: all values of each parameter of the response.
        request: the one that this browser began.
        provider: the one that the browser was sent to.
    """
    # 1. Each parameter once: of two, another reader may use the other one.
    if any(len(values) != 1 for values in parameters.values()):
        return ResponseProblem.PARAMETER_REPEATED
    only = {name: values[0] for name, values in parameters.items()}

    # 2. It answers this browser's request, and comes from the provider that the request went to. Until that is known,
    # nothing else in it, an error too, is believed.
    problem = _sender_problem(only, request, provider)
    if problem is not None:
        return problem

    # 3. An error.
    if "error" in only:
        return _OF_ERROR.get(only["error"], ResponseProblem.REQUEST_REFUSED)

    # 4. The code.
    code = only.get("code", "")
    return code if 0 < len(code) <= MAX_CODE_LENGTH else ResponseProblem.CODE_MISSING


def _sender_problem(
    only: Mapping[str, str], request: AuthorizationRequest, provider: Provider
) -> ResponseProblem | None:
    state = only.get("state")
    if not state:
        return ResponseProblem.STATE_MISSING
    if not compare_digest(state.encode("utf-8", "replace"), request.state.encode("ascii")):
        return ResponseProblem.STATE_MISMATCH
    # A provider could pass on the code of another one (RFC 9207, mix-up).
    if request.issuer != provider.issuer or only.get("iss", provider.issuer) != provider.issuer:
        return ResponseProblem.ISSUER_MISMATCH
    return ResponseProblem.ISSUER_MISSING if provider.sends_issuer and "iss" not in only else None
