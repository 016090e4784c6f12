"""The way through the identity provider and back: what the browser keeps meanwhile, and what its response says.

All requests to the provider happen here, outside of any transaction and without a database connection.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from django.conf import settings

from watchword.control.base.fetch_policy import fetch_policy
from watchword.control.base.refusals import Refusal
from watchword.control.base.unit_of_work import release_connection
from watchword.control.identity.ceremonies import Ceremony, begun, opened
from watchword.control.identity.single_sign_on.failures import SignInFailed, SignInFailure
from watchword.control.identity.single_sign_on.providers import provider_of, provider_of_operators
from watchword.control.identity.single_sign_on.request_slots import REQUEST_SLOTS, SlotsTaken
from watchword.openid.authorization import AuthorizationRequest, authorization_url, check_response, new_request
from watchword.openid.id_token import IdTokenClaims, verify_id_token
from watchword.openid.problems import IdTokenProblem, ResponseProblem, TokenProblem
from watchword.openid.provider import NotFound, discover, fetch_keys
from watchword.openid.token_request import ClientSecret, CodeRefused, redeem_code

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from watchword.control.identity.single_sign_on.providers import Provider
    from watchword.jwks.fetch import FetchPolicy
    from watchword.openid.provider import Provider as Metadata

KIND: Final = "single sign-on"

LEEWAY: Final = 60.0
"""Seconds by which the clocks of portal and provider may differ."""

ONWARD_MAX: Final = 512
"""Characters of the address to go on to, as JSON writes it. The ceremony must fit into a cookie of 4 KiB."""

_OF_RESPONSE: Final = {
    ResponseProblem.STATE_MISSING: SignInFailure.EXPIRED,
    ResponseProblem.STATE_MISMATCH: SignInFailure.EXPIRED,
    ResponseProblem.ACCESS_DENIED: SignInFailure.DENIED,
    ResponseProblem.SIGN_IN_NEEDED: SignInFailure.DENIED,
    ResponseProblem.UNAVAILABLE: SignInFailure.PROVIDER_UNAVAILABLE,
    ResponseProblem.REQUEST_REFUSED: SignInFailure.PROVIDER_UNAVAILABLE,
}
_OF_TOKEN_REQUEST: Final = {TokenProblem.CODE_REFUSED: SignInFailure.EXPIRED}
_OF_ID_TOKEN: Final = {IdTokenProblem.AUTHENTICATION_TIME: SignInFailure.NOT_RECENT}


@dataclass(frozen=True, slots=True)
class Begun:
    """Attributes: `url` to send the browser to, and `sealed` for the browser to keep."""

    url: str
    sealed: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ProviderResponse:
    """What a provider has said about a person, verified.

    Attributes:
        ceremony: not spent yet.
        onward: the address that the person wanted; untrusted.
        confirms: the primary key of the person who confirms their identity; None for a sign-in.
        sign_out_url: where the person can end the session at the provider; None if it has no such address.
    """

    provider: Provider
    ceremony: Ceremony
    claims: IdTokenClaims
    onward: str
    confirms: int | None
    sign_out_url: str | None


def begin(
    provider: Provider, redirect_uri: str, *, onward: str = "", login_hint: str = "", confirms: int | None = None
) -> Begun:
    """Begin a sign-in, or with `confirms` the proof of a person who is signed in.

    Raises:
        SignInFailed: the provider cannot be used.
    """
    metadata = _metadata(provider)
    request = new_request(metadata, client_id=provider.client_id, redirect_uri=redirect_uri)
    values = {
        "organization": provider.organization_id or "",
        "configuration": _configuration(provider),
        "state": request.state,
        "nonce": request.nonce,
        "verifier": request.verifier,
        "onward": onward if len(json.dumps(onward)) <= ONWARD_MAX else "",
        "confirms": "" if confirms is None else str(confirms),
    }
    url = authorization_url(
        request,
        metadata,
        login_hint=login_hint or None,
        prompt=None if confirms is None else "login",
        max_age=None if confirms is None else 0,
    )
    return Begun(url, begun(KIND, values))


def provider_in(sealed: str) -> tuple[Ceremony, Provider]:
    """Return the ceremony that this browser began, and its provider as it is configured now.

    Raises:
        SignInFailed: there is none, or the provider was changed, disabled or removed since.
    """
    try:
        ceremony = opened(KIND, sealed)
    except Refusal:
        raise SignInFailed(SignInFailure.EXPIRED) from None
    organization = ceremony.values["organization"]
    provider = provider_of(organization) if organization else provider_of_operators()
    if provider is None or _configuration(provider) != ceremony.values["configuration"]:
        raise SignInFailed(SignInFailure.UNKNOWN)
    return ceremony, provider


def read_response(
    ceremony: Ceremony,
    provider: Provider,
    parameters: Mapping[str, Sequence[str]],
    redirect_uri: str,
    now: datetime,
) -> ProviderResponse:
    """Exchange the code of the response for an ID token, and verify it with the keys that the provider has now.

    Raises:
        SignInFailed: at the first step that fails.
    """
    metadata = _metadata(provider)
    values = ceremony.values
    request = AuthorizationRequest(
        issuer=provider.issuer,
        client_id=provider.client_id,
        redirect_uri=redirect_uri,
        state=values["state"],
        nonce=values["nonce"],
        verifier=values["verifier"],
    )
    code = check_response(parameters, request, metadata)
    if isinstance(code, ResponseProblem):
        raise SignInFailed(_OF_RESPONSE.get(code, SignInFailure.RESPONSE_REFUSED), detail=code.code)
    confirms = int(values["confirms"]) if values["confirms"] else None
    claims = _claims(provider, metadata, request, code, now, recent=confirms is not None)
    return ProviderResponse(
        provider=provider,
        ceremony=ceremony,
        claims=claims,
        onward=values["onward"],
        confirms=confirms,
        sign_out_url=metadata.end_session_endpoint,
    )


def _claims(
    provider: Provider, metadata: Metadata, request: AuthorizationRequest, code: str, now: datetime, *, recent: bool
) -> IdTokenClaims:
    with _outbound(provider.issuer) as policy:
        token = redeem_code(code, request, ClientSecret(provider.client_secret), metadata, policy)
        if isinstance(token, CodeRefused):
            failure = _OF_TOKEN_REQUEST.get(token.problem, SignInFailure.PROVIDER_UNAVAILABLE)
            raise SignInFailed(failure, detail=token.problem.code)
        # After the ID token, so that a key which the provider has just begun to use is among them.
        keys = fetch_keys(metadata, policy)
    if not isinstance(keys, tuple):
        raise SignInFailed(SignInFailure.PROVIDER_UNAVAILABLE, detail=keys.code)
    claims = verify_id_token(
        token,
        keys,
        issuer=provider.issuer,
        client_id=provider.client_id,
        nonce=request.nonce,
        now=now.timestamp(),
        leeway=LEEWAY,
        max_age=0 if recent else None,
        auth_time_required=recent,
    )
    if isinstance(claims, IdTokenProblem):
        raise SignInFailed(_OF_ID_TOKEN.get(claims, SignInFailure.RESPONSE_REFUSED), detail=claims.code)
    return claims


def _metadata(provider: Provider) -> Metadata:
    with _outbound(provider.issuer) as policy:
        found = discover(provider.issuer, policy)
    if isinstance(found, NotFound):
        raise SignInFailed(SignInFailure.PROVIDER_UNAVAILABLE, detail="provider_not_found")
    return found


@contextmanager
def _outbound(issuer: str) -> Iterator[FetchPolicy]:
    release_connection()
    try:
        with REQUEST_SLOTS.held(issuer):
            yield fetch_policy(settings.WATCHWORD)
    except SlotsTaken:
        raise SignInFailed(SignInFailure.BUSY) from None


def _configuration(provider: Provider) -> str:
    """A mark of what a ceremony depends on: with another issuer or client it must not be completed."""
    named = json.dumps([provider.issuer, provider.client_id])
    return hashlib.sha256(named.encode()).hexdigest()
