"""Sign-ins of people at a real provider over TLS: npm `oidc-provider`, which OpenID certified."""

from __future__ import annotations

import time
from dataclasses import replace
from ipaddress import ip_network
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, urlsplit

import pytest

from kit.authorization_server import AuthorizationServer, Client, authorization_server
from kit.identity_provider import PEOPLE, AtIdentityProvider
from watchword.jwks.fetch import FetchPolicy
from watchword.openid.authorization import AuthorizationRequest, authorization_url, check_response, new_request
from watchword.openid.id_token import IdTokenClaims, verify_id_token
from watchword.openid.problems import IdTokenProblem, ResponseProblem, TokenProblem
from watchword.openid.provider import Provider, TokenAuthentication, discover, fetch_keys
from watchword.openid.token_request import ClientSecret, CodeRefused, redeem_code

if TYPE_CHECKING:
    from collections.abc import Iterator

    import trustme

pytestmark = pytest.mark.enable_socket

PORTAL: Final = Client(
    "watchword-portal",
    "portal secret: 100% + more than thirty-two bytes",
    redirect_uris=("https://portal.example/sign-in/single-sign-on/callback",),
)
SECRET: Final = ClientSecret(PORTAL.secret)


@pytest.fixture(scope="module")
def running(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AuthorizationServer]:
    log = tmp_path_factory.mktemp("openid") / "oidc-provider.log"
    with authorization_server(authority, log, (PORTAL,)) as server:
        server.set_people(PEOPLE)
        yield server


@pytest.fixture
def server(running: AuthorizationServer) -> AuthorizationServer:
    """With one key, and the portal as its client."""
    running.publish("first", sign_with="first")
    running.set_clients(PORTAL)
    return running


@pytest.fixture
def policy(server: AuthorizationServer, authority: trustme.CA) -> FetchPolicy:
    return FetchPolicy(
        allowed_networks=(ip_network("127.0.0.1/32"),),
        allowed_ports=frozenset({urlsplit(server.issuer).port or 443}),
        extra_authorities=authority.cert_pem.bytes().decode(),
        resolver=lambda _host, _port: ["127.0.0.1"],
        # A busy machine may be slow; no test here is about the limit.
        connect_timeout=30.0,
        total_timeout=60.0,
    )


def provider_of(server: AuthorizationServer, policy: FetchPolicy) -> Provider:
    provider = discover(server.issuer, policy)
    assert isinstance(provider, Provider), provider
    return provider


def request_to(provider: Provider) -> AuthorizationRequest:
    return new_request(provider, client_id=PORTAL.id, redirect_uri=PORTAL.redirect_uris[0])


def code_of(url: str, request: AuthorizationRequest, provider: Provider) -> str | ResponseProblem:
    assert url.startswith(f"{PORTAL.redirect_uris[0]}?")
    return check_response(parse_qs(urlsplit(url).query, keep_blank_values=True), request, provider)


def verified(
    id_token: str, request: AuthorizationRequest, provider: Provider, policy: FetchPolicy, max_age: int | None = None
) -> IdTokenClaims | IdTokenProblem:
    keys = fetch_keys(provider, policy)
    assert isinstance(keys, tuple), keys
    return verify_id_token(
        id_token,
        keys,
        issuer=provider.issuer,
        client_id=PORTAL.id,
        nonce=request.nonce,
        now=time.time(),
        leeway=60,
        max_age=max_age,
    )


def sign_in(
    server: AuthorizationServer, policy: FetchPolicy, user_name: str = "alice", *, prompt: str | None = None
) -> IdTokenClaims:
    provider = provider_of(server, policy)
    request = request_to(provider)
    max_age = None if prompt is None else 0
    url = authorization_url(request, provider, prompt=prompt, max_age=max_age)
    code = code_of(AtIdentityProvider(server).sign_in(url, user_name), request, provider)
    assert isinstance(code, str), code
    id_token = redeem_code(code, request, SECRET, provider, policy)
    assert isinstance(id_token, str), id_token
    claims = verified(id_token, request, provider, policy, max_age)
    assert isinstance(claims, IdTokenClaims), claims
    return claims


def test_alice_signs_in(server: AuthorizationServer, policy: FetchPolicy) -> None:
    alice = sign_in(server, policy)
    assert (alice.issuer, alice.subject, alice.email, alice.email_verified, alice.name) == (
        server.issuer, "alice", "alice@acme.example", True, "Alice",
    )  # fmt: skip
    assert alice.texts("groups") == ("administrators", "staff")
    assert not sign_in(server, policy, "charlie").email_verified


def test_new_sign_in_has_its_time(server: AuthorizationServer, policy: FetchPolicy) -> None:
    assert sign_in(server, policy, prompt="login").auth_time is not None


def test_secret_in_the_form_is_accepted_too(server: AuthorizationServer, policy: FetchPolicy) -> None:
    server.set_clients(Client(PORTAL.id, PORTAL.secret, PORTAL.redirect_uris, authentication="client_secret_post"))
    provider = replace(provider_of(server, policy), authentication=TokenAuthentication.POST)
    request = request_to(provider)
    code = code_of(AtIdentityProvider(server).sign_in(authorization_url(request, provider)), request, provider)
    assert isinstance(code, str)
    assert isinstance(redeem_code(code, request, SECRET, provider, policy), str)


def test_keys_may_be_rotated_between_two_sign_ins_and_during_one(
    server: AuthorizationServer, policy: FetchPolicy
) -> None:
    sign_in(server, policy)
    provider = provider_of(server, policy)
    request = request_to(provider)
    url = AtIdentityProvider(server).sign_in(authorization_url(request, provider))
    server.publish("first", "second", sign_with="second", algorithm="RS256")
    code = code_of(url, request, provider)
    assert isinstance(code, str)
    id_token = redeem_code(code, request, SECRET, provider, policy)
    assert isinstance(id_token, str)
    assert isinstance(verified(id_token, request, provider, policy), IdTokenClaims)
    server.publish("third", sign_with="third", algorithm="ES256")
    # The key that signed it is withdrawn.
    assert verified(id_token, request, provider, policy) is IdTokenProblem.KEY
    sign_in(server, policy)


def test_o12_code_is_good_once(server: AuthorizationServer, policy: FetchPolicy) -> None:
    provider = provider_of(server, policy)
    request = request_to(provider)
    code = code_of(AtIdentityProvider(server).sign_in(authorization_url(request, provider)), request, provider)
    assert isinstance(code, str)
    assert isinstance(redeem_code(code, request, SECRET, provider, policy), str)
    assert redeem_code(code, request, SECRET, provider, policy) == CodeRefused(TokenProblem.CODE_REFUSED)


def test_o12_code_is_good_only_with_the_verifier_of_its_request(
    server: AuthorizationServer, policy: FetchPolicy
) -> None:
    provider = provider_of(server, policy)
    alice, bob = request_to(provider), request_to(provider)
    code = code_of(AtIdentityProvider(server).sign_in(authorization_url(alice, provider)), alice, provider)
    assert isinstance(code, str)
    # A code that was taken from Alice's browser and put into Bob's.
    assert redeem_code(code, bob, SECRET, provider, policy) == CodeRefused(TokenProblem.CODE_REFUSED)


def test_o03_id_token_of_one_sign_in_is_refused_in_another(server: AuthorizationServer, policy: FetchPolicy) -> None:
    provider = provider_of(server, policy)
    request = request_to(provider)
    code = code_of(AtIdentityProvider(server).sign_in(authorization_url(request, provider)), request, provider)
    assert isinstance(code, str)
    id_token = redeem_code(code, request, SECRET, provider, policy)
    assert isinstance(id_token, str)
    assert verified(id_token, request_to(provider), provider, policy) is IdTokenProblem.NONCE


def test_wrong_secret_is_named(server: AuthorizationServer, policy: FetchPolicy) -> None:
    provider = provider_of(server, policy)
    request = request_to(provider)
    code = code_of(AtIdentityProvider(server).sign_in(authorization_url(request, provider)), request, provider)
    assert isinstance(code, str)
    found = redeem_code(code, request, ClientSecret("another secret"), provider, policy)
    assert found == CodeRefused(TokenProblem.CLIENT_REFUSED)


def test_cancelled_sign_in_is_named(server: AuthorizationServer, policy: FetchPolicy) -> None:
    provider = provider_of(server, policy)
    request = request_to(provider)
    url = AtIdentityProvider(server).cancel(authorization_url(request, provider))
    assert code_of(url, request, provider) is ResponseProblem.ACCESS_DENIED
    # Without the provider's session, it may not ask.
    silent = AtIdentityProvider(server).sign_in(authorization_url(request, provider, prompt="none"))
    assert code_of(silent, request, provider) is ResponseProblem.SIGN_IN_NEEDED
