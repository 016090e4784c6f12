"""Finds an identity provider by its issuer (OpenID Connect Discovery 1.0), and fetches its keys for one sign-in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlsplit

from watchword.core.algorithms import ALGORITHMS
from watchword.core.strict_json import JsonObject, JsonRefused, is_absent, parse_object
from watchword.jwks.metadata import UrlRefused, check_issuer, https_url, metadata_locations
from watchword.jwks.probe import probe
from watchword.openid.discovery_sentences import (
    ENDPOINT_QUERY,
    METADATA_TYPED,
    NO_AUTHENTICATION,
    NOT_METADATA,
    NOTHING_TYPED,
    OTHER_ISSUER,
    UNSUPPORTED,
    described,
)
from watchword.outbound.deadline import Deadline
from watchword.outbound.exchange import checked_target, exchange
from watchword.outbound.failure import ExchangeFailed
from watchword.outbound.messages import Request

if TYPE_CHECKING:
    from watchword.core.jwk import SigningKey
    from watchword.jwks.fetch import FetchPolicy
    from watchword.jwks.problem import Problem
    from watchword.outbound.policy import OutboundPolicy

REQUEST_PARAMETERS: Final = frozenset(
    {
        "response_type", "client_id", "redirect_uri", "scope", "state", "nonce", "code_challenge",
        "code_challenge_method", "login_hint", "prompt", "max_age",
    }
)  # fmt: skip
"""Those that this service adds to the authorization endpoint's own query."""

_REQUEST: Final = Request(accept="application/json")

_REQUIRED: Final = {
    "response_types_supported": "code",
    "response_modes_supported": "query",
    "grant_types_supported": "authorization_code",
    "code_challenge_methods_supported": "S256",
}
"""An absent list says nothing, so only a list that is present must contain its value."""


class TokenAuthentication(Enum):
    """How this service proves at the token endpoint that it is the client (OpenID Connect Core 1.0, section 9)."""

    BASIC = "client_secret_basic"
    POST = "client_secret_post"


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """An identity provider, as its metadata describes it.

    Attributes:
        issuer: exactly as the provider writes it into ID tokens.
        authorization_endpoint: where people are sent; may have a query.
        end_session_endpoint: where people can end their session at the provider; None if it has none.
        sends_issuer: whether its authorization responses name their issuer (RFC 9207).
    """

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_location: str
    end_session_endpoint: str | None
    authentication: TokenAuthentication
    sends_issuer: bool


@dataclass(frozen=True, slots=True)
class NotFound:
    """Why no provider can be used.

    Attributes:
        sentence: for the administrator who entered the issuer. Never log it: it may contain the document's issuer.
    """

    sentence: str


class _Unusable(Exception):
    def __init__(self, sentence: str) -> None:
        super().__init__()
        self.sentence = sentence


def discover(issuer: str, policy: OutboundPolicy) -> Provider | NotFound:
    """Fetch and check the metadata of `issuer`; never raises for a server's behavior.

    Everything takes the time limit of one exchange. The addresses of the endpoints that this service calls are checked
    here for the administrator, and again on every use.

    Args:
        issuer: as entered. The document must name exactly this one.
        policy: the operator's limits.
    """
    deadline = Deadline(policy.total_timeout)
    try:
        location = _location_of(issuer)
        members = _fetched(location, policy)
        provider = _read(members, issuer)
        for name, url in (("token_endpoint", provider.token_endpoint), ("jwks_uri", provider.jwks_location)):
            _check_address(name, url, policy, deadline)
    except _Unusable as unusable:
        return NotFound(unusable.sentence)
    return provider


def _location_of(issuer: str) -> str:
    if not issuer:
        raise _Unusable(NOTHING_TYPED)
    try:
        location, _ = metadata_locations(issuer)
    except UrlRefused as refused:
        raise _Unusable(f"The issuer {refused.fault.predicate}.") from None
    if "/.well-known/" in issuer:
        raise _Unusable(METADATA_TYPED)
    return location


def _fetched(location: str, policy: OutboundPolicy) -> JsonObject:
    try:
        response = exchange(location, _REQUEST, policy=policy)
    except ExchangeFailed as failed:
        raise _Unusable(described(failed.failure, "issuer")) from None
    if response.claims_html:
        raise _Unusable(NOT_METADATA)
    try:
        return parse_object(response.untrusted_body)
    except JsonRefused:
        raise _Unusable(NOT_METADATA) from None


def _read(members: JsonObject, issuer: str) -> Provider:
    try:
        named = check_issuer(members.get("issuer"))
    except UrlRefused as refused:
        raise _Unusable(f"The issuer in the metadata {refused.fault.predicate}.") from None
    if named != issuer:
        raise _Unusable(OTHER_ISSUER.format(named=named, entered=issuer))
    for name, value in _REQUIRED.items():
        if not _offers(members, name, {value}):
            raise _Unusable(UNSUPPORTED.format(member=name, value=value))
    if not _offers(members, "id_token_signing_alg_values_supported", set(ALGORITHMS)):
        raise _Unusable(UNSUPPORTED.format(member="id_token_signing_alg_values_supported", value="RS256"))
    authorization_endpoint = _url(members, "authorization_endpoint")
    own_query = parse_qsl(urlsplit(authorization_endpoint).query, keep_blank_values=True)
    if not REQUEST_PARAMETERS.isdisjoint(name for name, _ in own_query):
        raise _Unusable(ENDPOINT_QUERY)
    has_logout = not is_absent(members.get("end_session_endpoint"))
    return Provider(
        issuer=issuer,
        authorization_endpoint=authorization_endpoint,
        token_endpoint=_url(members, "token_endpoint"),
        jwks_location=_url(members, "jwks_uri"),
        end_session_endpoint=_url(members, "end_session_endpoint") if has_logout else None,
        authentication=_authentication(members),
        sends_issuer=members.get("authorization_response_iss_parameter_supported") is True,
    )


def _url(members: JsonObject, name: str) -> str:
    try:
        return https_url(members.get(name))
    except UrlRefused as refused:
        raise _Unusable(f"The {name} in the metadata {refused.fault.predicate}.") from None


def _offers(members: JsonObject, name: str, values: set[str]) -> bool:
    listed = members.get(name)
    if is_absent(listed):
        return True
    return isinstance(listed, list) and any(isinstance(each, str) and each in values for each in listed)


def _authentication(members: JsonObject) -> TokenAuthentication:
    # The default is client_secret_basic (OpenID Connect Discovery 1.0, section 3).
    for method in (TokenAuthentication.BASIC, TokenAuthentication.POST):
        if _offers(members, "token_endpoint_auth_methods_supported", {method.value}):
            return method
    raise _Unusable(NO_AUTHENTICATION)


def _check_address(name: str, url: str, policy: OutboundPolicy, deadline: Deadline) -> None:
    try:
        checked_target(url, replace(policy, total_timeout=deadline.remaining()))
    except ExchangeFailed as failed:
        raise _Unusable(described(failed.failure, f"{name} in the metadata")) from None


def fetch_keys(provider: Provider, policy: FetchPolicy) -> tuple[SigningKey, ...] | Problem:
    """The keys that the provider publishes now, admitted by the same rules as those of authorization servers.

    They are fetched for every sign-in: people sign in rarely, and so a withdrawn key is refused at once and a new one
    known at once.
    """
    findings = probe(provider.jwks_location, verify_certificate=True, policy=policy)
    if findings.problem is not None:
        return findings.problem
    return () if findings.key_set is None else findings.key_set.keys
