"""Every URL of single sign-on, against what hostile servers do to fetches of key sets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kit.broken_answers import BROKEN_ANSWERS
from kit.hostile import LOOPBACK_SPELLINGS, slow_answers
from kit.key_server import Canary, redirects
from kit.sign_in_server import REQUEST, SignInServer
from watchword.jwks.fetch import FetchPolicy
from watchword.jwks.problem import Problem
from watchword.openid.discovery_sentences import described
from watchword.openid.problems import TokenProblem
from watchword.openid.provider import NotFound, discover, fetch_keys
from watchword.openid.token_request import ClientSecret, CodeRefused, redeem_code
from watchword.outbound.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kit.key_server import Behaviour

pytestmark = pytest.mark.enable_socket

DOCUMENT = "/.well-known/openid-configuration"
SHORT = 0.3
"""Seconds that a slow provider gets in these tests instead of 5."""


@pytest.fixture
def server() -> Iterator[SignInServer]:
    with SignInServer() as running:
        yield running


def redeemed(server: SignInServer, policy: FetchPolicy, endpoint: str | None = None) -> object:
    provider = server.provider(token_endpoint=endpoint or f"{server.issuer}/token")
    return redeem_code("alice-code", REQUEST, ClientSecret("alice-secret"), provider, policy)


@pytest.mark.parametrize("host", LOOPBACK_SPELLINGS)
def test_o11_no_url_of_a_provider_reaches_an_internal_address(server: SignInServer, host: str) -> None:
    with Canary() as canary:
        policy = FetchPolicy(allowed_ports=frozenset({canary.port}), connect_timeout=0.1, total_timeout=2)
        url = f"https://{host}:{canary.port}"
        assert isinstance(discover(url, policy), NotFound)
        assert isinstance(redeemed(server, policy, f"{url}/token"), CodeRefused)
        assert isinstance(fetch_keys(server.provider(jwks_location=f"{url}/jwks"), policy), Problem)
    assert canary.connections == 0


@pytest.mark.parametrize("name", ["token_endpoint", "jwks_uri", "authorization_endpoint", "end_session_endpoint"])
def test_o11_discovery_connects_to_no_endpoint(server: SignInServer, name: str) -> None:
    """The metadata's endpoints are looked at, and not called: also those that the operator allows."""
    with Canary() as canary:
        server.metadata = {name: f"https://127.0.0.1:{canary.port}/"}
        discover(server.issuer, server.policy(allowed_ports=frozenset({server.port, canary.port})))
    assert canary.connections == 0
    assert server.paths() == [DOCUMENT]


def test_o11_name_that_turns_internal_after_discovery_is_refused(server: SignInServer) -> None:
    with Canary() as canary:
        policy = FetchPolicy(
            allowed_ports=frozenset({canary.port}), resolver=lambda _host, _port: ["127.0.0.1"], total_timeout=2
        )
        url = f"https://tokens.acme.example:{canary.port}/token"
        assert redeemed(server, policy, url) == CodeRefused(TokenProblem.NOT_REACHED, Failure.ADDRESS_REFUSED)
    assert canary.connections == 0


@pytest.mark.parametrize("path", [DOCUMENT, "/token", "/jwks"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_o10_no_redirect_is_followed(server: SignInServer, path: str, status: int) -> None:
    with Canary() as canary:
        server.instead = {path: redirects(f"https://127.0.0.1:{canary.port}/", status=status)}
        policy = server.policy(allowed_ports=frozenset({server.port, canary.port}))
        refused = discover(server.issuer, policy), redeemed(server, policy), fetch_keys(server.provider(), policy)
    assert canary.connections == 0
    assert refused[(DOCUMENT, "/token", "/jwks").index(path)] in {
        NotFound(described(Failure.REDIRECT_NOT_FOLLOWED, "issuer")),
        CodeRefused(TokenProblem.NOT_REACHED, Failure.REDIRECT_NOT_FOLLOWED),
        Problem.REDIRECT_NOT_FOLLOWED,
    }


@pytest.mark.parametrize(("behaviour", "failure"), BROKEN_ANSWERS)
def test_large_and_broken_answers_are_refused(server: SignInServer, behaviour: Behaviour, failure: Failure) -> None:
    server.instead = {DOCUMENT: behaviour, "/token": behaviour}
    assert discover(server.issuer, server.policy()) == NotFound(described(failure, "issuer"))
    assert redeemed(server, server.policy()) == CodeRefused(TokenProblem.NOT_REACHED, failure)


@pytest.mark.usefixtures("loopback_is_public")
@pytest.mark.parametrize("behaviour", [pytest.param(behaviour, id=name) for name, behaviour in slow_answers()])
def test_slow_token_endpoint_fails_at_the_deadline(server: SignInServer, behaviour: Behaviour) -> None:
    server.instead = {"/token": behaviour}
    found = redeemed(server, server.policy(total_timeout=SHORT))
    assert found == CodeRefused(TokenProblem.NOT_REACHED, Failure.TIMED_OUT)
