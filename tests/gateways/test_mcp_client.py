"""The official client of the Model Context Protocol calls a tool behind a gateway, and finds out itself how to.

It knows the API's URL and has a client ID and a secret of Acme's authorization server. Where to get a token and which
scope it needs, it learns from the answers of gateway and verifier (RFC 9728, RFC 6750).
"""

from __future__ import annotations

import asyncio
import ssl
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs

import httpx2
import pytest
from mcp.client import Client
from mcp.client.auth.extensions.client_credentials import ClientCredentialsOAuthProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthToken

from kit import acme, live
from kit.authorization_server import ALICE_REPORTS, AuthorizationServer, authorization_server
from kit.behind import CLOUD, DOMAIN, Behind
from kit.feed_server import feed_server
from kit.gateways import GATEWAYS
from kit.mcp_api import PATH, TOOL, mcp_api
from kit.processes import LOOPBACK, free_port
from kit.verifier_process import verifier_process
from watchword.core.decision import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator

    import trustme
    from mcp.shared.auth import OAuthClientInformationFull

pytestmark = pytest.mark.enable_socket

API: Final = f"https://acme.{DOMAIN}"
ROLE: Final = "reader"
SCOPE: Final = f"{CLOUD}::acme::{ROLE}"
GATEWAY_NAMES: Final = ("nginx", "envoy")


@dataclass(frozen=True)
class Site:
    """Acme's authorization server, and the port of each gateway in front of the API."""

    issuing: AuthorizationServer
    trust: ssl.SSLContext
    ports: dict[str, int]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, authority: trustme.CA) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("mcp")
    with ExitStack() as parts:
        issuing = parts.enter_context(authorization_server(authority, folder / "oidc-provider.log"))
        feed = parts.enter_context(feed_server())
        server = acme.server(
            *issuing.jwks().json()["keys"],
            issuer=issuing.issuer,
            audience=API,
            client_id=ALICE_REPORTS.id,
            required_role=ROLE,
            keys_good_until=live.in_an_hour(),
        )
        feed.publish(live.trust(server=server))
        settings = {"cloud_name": CLOUD, "api_url": f"https://{{organization}}.{DOMAIN}"}
        verifier = parts.enter_context(verifier_process(folder, feed_port=feed.port, ready=True, **settings))
        behind = Behind(parts.enter_context(mcp_api()), (verifier.port,) * 2, (free_port(),) * 2)
        ports = {}
        for name in GATEWAY_NAMES:
            (folder / name).mkdir()
            ports[name] = parts.enter_context(GATEWAYS[name].run(folder / name, behind))
        trust = ssl.create_default_context()
        authority.configure_trust(trust)
        yield Site(issuing, trust, ports)


class Network(httpx2.AsyncHTTPTransport):
    """Stands for DNS and for the TLS before the gateway; records the requests and the challenges of the responses."""

    def __init__(self, site: Site, gateway: str) -> None:
        super().__init__(verify=site.trust)
        self._port = site.ports[gateway]
        self.asked: list[tuple[str, int]] = []
        self.challenges: list[str] = []
        self.requested_scopes: list[str] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        path = request.url.path
        if request.url.host.endswith(DOMAIN):
            request.url = request.url.copy_with(scheme="http", host=LOOPBACK, port=self._port)
        elif path == "/token":
            (scope,) = parse_qs(request.content.decode())["scope"]
            self.requested_scopes.append(scope)
        response = await super().handle_async_request(request)
        self.asked.append((path, response.status_code))
        self.challenges += response.headers.get_list("WWW-Authenticate")
        return response


class Storage:
    """The client's memory."""

    def __init__(self, token: str | None) -> None:
        self.tokens = None if token is None else OAuthToken(access_token=token, expires_in=300)

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> None:
        return None

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        raise AssertionError(client_info)


async def call_tool(site: Site, network: Network, token: str | None) -> str:
    """What the tool says about its caller."""
    auth = ClientCredentialsOAuthProvider(
        server_url=f"{API}{PATH}",
        storage=Storage(token),
        client_id=ALICE_REPORTS.id,
        client_secret=ALICE_REPORTS.secret,
        issuer=site.issuing.issuer,
    )
    async with (
        httpx2.AsyncClient(transport=network, auth=auth, timeout=30) as http,
        Client(streamable_http_client(f"{API}{PATH}", http_client=http), read_timeout_seconds=30) as client,
    ):
        (content,) = (await client.call_tool(TOOL)).content
        assert content.type == "text"
        return content.text


@pytest.mark.parametrize("gateway", GATEWAY_NAMES)
def test_client_without_a_token_finds_server_and_scope(site: Site, gateway: str) -> None:
    network = Network(site, gateway)
    assert asyncio.run(call_tool(site, network, None)) == f"acme {ROLE}"
    assert network.asked[:2] == [(PATH, 401), ("/.well-known/oauth-protected-resource", 200)]
    # Before the client shows a token of Acme's server, the challenge does not depend on the organization.
    assert network.challenges == [
        f'Bearer realm="watchword", resource_metadata="{API}/.well-known/oauth-protected-resource"'
    ]
    assert network.requested_scopes == [SCOPE]


@pytest.mark.parametrize("gateway", GATEWAY_NAMES)
def test_fl_05_client_whose_token_lacks_the_role_asks_for_the_scope_of_the_challenge(site: Site, gateway: str) -> None:
    network = Network(site, gateway)
    lacking = site.issuing.token(audience=API, scope="orders:read")
    assert asyncio.run(call_tool(site, network, lacking)) == f"acme {ROLE}"
    assert network.asked[0] == (PATH, 403)
    (challenge,) = network.challenges
    assert f'error="insufficient_scope", error_description="{Reason.INSUFFICIENT_SCOPE.sentence}"' in challenge
    assert f'scope="{SCOPE}", resource_metadata="{API}/.well-known/oauth-protected-resource"' in challenge
    assert network.requested_scopes == [SCOPE]
