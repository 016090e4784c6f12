"""Which requests pass each gateway with its shipped settings, and the responses to others: G-06 to G-09 and G-15.

The verifier is real; test_no_verifier.py is about other servers at its address.
"""

from __future__ import annotations

import asyncio
import runpy
from typing import TYPE_CHECKING, Any

import pytest

from kit import acme, live
from kit.behind import CLOUD
from kit.gateways import GATEWAYS, METADATA, Site, identity_at_api
from kit.pasted import pasted
from kit.processes import LOOPBACK, free_port, wait_until
from kit.raw_http import exchange
from watchword.core.decision import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kit.behind import Behind
    from kit.feed_server import FeedServer

pytestmark = pytest.mark.enable_socket

DOCUMENT = {
    "resource": "https://api.example/acme",
    "authorization_servers": ["https://login.acme.example/"],
    "bearer_methods_supported": ["header"],
    "resource_name": "Orders",
}

BAD_TOKENS: dict[str, dict[str, Any]] = {
    "no_matching_key": {"signature": b"0" * 256},
    "token_expired": {"exp": 1},
    "issuer_mismatch": {"iss": "https://login.globex.example/"},
    "audience_mismatch": {"aud": "https://other.example/"},
    "client_mismatch": {"client_id": "globex-batch"},
    "token_missing": {},
}


@pytest.mark.parametrize("reason", BAD_TOKENS)
def test_bad_token_gets_401_with_challenge(site: Site, reason: str) -> None:
    before = len(site.api.requests)
    answer = site.get(live.token(**BAD_TOKENS[reason]) if BAD_TOKENS[reason] else None)
    assert answer.status == 401
    error = ', error="invalid_token", error_description="' if BAD_TOKENS[reason] else ""
    challenge = str(answer.header("WWW-Authenticate"))
    assert challenge.startswith(f'Bearer realm="watchword"{error}')
    assert challenge.endswith(f', resource_metadata="https://api.example{METADATA}/acme"')
    assert answer.header("Content-Type") == "application/problem+json"
    assert (answer.json()["status"], answer.json()["reason"]) == (401, reason)
    assert answer.header("Cache-Control") == "no-store"
    assert len(site.api.requests) == before


def test_malformed_authorization_header_is_refused(site: Site) -> None:
    answer = site.send("Authorization: Bearer two tokens")
    assert answer.status == 400
    assert 'error="invalid_request"' in str(answer.header("WWW-Authenticate"))


# G-06, G-07: what a proxy or a prober would send, and what a client can send as well.
OTHER_HEADERS = (
    "X-Original-URL: /.well-known/oauth-protected-resource/acme",
    "X-Rewrite-URL: /livez",
    "X-Forwarded-Uri: /livez",
    "X-Forwarded-Method: OPTIONS",
    "X-Forwarded-Host: verifier",
    "X-Forwarded-For: 127.0.0.1",
    "X-HTTP-Method-Override: OPTIONS",
    "X-Organization: globex",
    "X-Watchword-Status: 200",
    "X-Envoy-Internal: true",
    "X-Envoy-Original-Path: /.well-known/oauth-protected-resource/acme",
    "User-Agent: kube-probe/1.30",
    "User-Agent: GoogleHC/1.0",
    "User-Agent: ELB-HealthChecker/2.0",
    "If-None-Match: *",
    "Range: bytes=0-0",
    "Expect: 100-continue",
)


def test_no_other_header_changes_a_decision(site: Site) -> None:
    token = live.token()
    before = len(site.api.requests)
    for header in OTHER_HEADERS:
        assert 400 <= site.send(header).status < 500, header
    assert len(site.api.requests) == before
    for header in OTHER_HEADERS[:-1]:
        assert site.get(token, header).status == 200, header


@pytest.mark.parametrize("name", ["access_token", "token", "authorization", "jwt"])
def test_token_in_the_query_is_ignored(site: Site, name: str) -> None:
    assert site.send(path=f"/api/orders?{name}={live.token()}").status == 401


# G-08. An attacker would use the open path to reach another one.
PATHS = (
    "/api/../api/orders",
    "/api/%2e%2e/api/orders",
    "/api/..;/orders",
    "/api//orders",
    "//api/orders",
    "/api/orders;x",
    "/api/orders%3Fx",
    "/api/orders%23x",
    "/api/orders%00",
    "/api/%252e%252e/orders",
    "/api\\..\\orders",
    "/api/livez",
    "/api/readyz",
    f"{METADATA}/acme/../../../api/orders",
    f"{METADATA}/acme/%2e%2e/%2e%2e/%2e%2e/api/orders",
    f"{METADATA}/acme/..;/..;/..;/api/orders",
    f"{METADATA}/acme%2f..%2f..%2f..%2fapi/orders",
    f"{METADATA}/acme\\..\\..\\..\\api\\orders",
    f"/api/..{METADATA}/acme/../../../api/orders",
    "/%2ewell-known/oauth-protected-resource/acme/../../../api/orders",
)


def test_no_path_bypasses_the_verifier(site: Site) -> None:
    before = len(site.api.requests)
    for path in PATHS:
        answer = site.send(path=path)
        # If the pattern of the open path matches, the response is its document.
        assert answer.status >= 400 or answer.status in {301, 307, 308} or answer.json() == DOCUMENT, (path, answer)
    assert len(site.api.requests) == before


# Spellings by which a request for the open path might be handed to the verifier under another one.
TO_THE_VERIFIER = (
    "/verify/plain/globex",
    "/watchword",
    "/.watchword/verify",
    "/%2ewatchword/verify",
    "//.watchword//verify",
    f"{METADATA}/acme/../../../verify/plain/globex",
    f"{METADATA}/acme/%2e%2e/%2e%2e/%2e%2e/verify/plain/acme",
    f"/verify/plain/acme/../../..{METADATA}/acme",
    f"/verify/plain/acme/%2e%2e/%2e%2e/%2e%2e{METADATA}/acme",
    f"/verify/plain/acme/..;/..;/..;{METADATA}/acme",
    f"//verify/plain/acme/..//..//..{METADATA}/acme",
)


def test_clients_cannot_reach_the_verifier(site: Site) -> None:
    token = live.token()
    for path in TO_THE_VERIFIER:
        for bearer in (None, token):
            answer = site.get(bearer, path=path)
            assert not [name for name, _ in answer.headers if name.lower().startswith("x-auth-")], path
            assert b"organization_suspended" not in answer.body, path


@pytest.mark.parametrize("suffix", ["", "/mcp", "/mcp?a=b"])
def test_resource_document_needs_no_token(site: Site, suffix: str) -> None:
    before = len(site.api.requests)
    for token in (None, live.token(), "nonsense"):
        bearer = () if token is None else (f"Authorization: Bearer {token}",)
        answer = site.send_target(*bearer, target=site.document(suffix=suffix), host=site.host())
        assert answer.status == 200
        assert answer.header("Content-Type") == "application/json"
        assert answer.header("Access-Control-Allow-Origin") == "*"
        assert answer.json() == DOCUMENT
    assert len(site.api.requests) == before


@pytest.mark.parametrize("other", ["", "/", "/globex", "/acme2", "/acm", "/ACME", "x/acme"])
def test_gateway_shows_only_its_organizations_document(site: Site, other: str) -> None:
    before = len(site.api.requests)
    answer = site.send(path=f"{METADATA}{other}")
    # Caddy's paths match in any case.
    assert answer.status in {401, 404} or answer.json() == DOCUMENT
    assert len(site.api.requests) == before


def test_request_bodies_do_not_affect_the_decision(site: Site) -> None:
    body = "order=" + "x" * 5000
    head = f"POST /api/orders HTTP/1.1\r\nHost: {site.host()}\r\nContent-Length: {len(body)}\r\n\r\n"
    for _ in range(3):
        assert exchange(site.port, head + body).status == 401
    assert site.get(live.token()).status == 200
    good = head.replace("\r\nContent", f"\r\nAuthorization: Bearer {live.token()}\r\nContent")
    assert exchange(site.port, good + body).status == 200


def test_two_authorization_headers_are_refused(site: Site) -> None:
    before = len(site.api.requests)
    good = f"Authorization: Bearer {live.token()}"
    for lines in ((good, good), (good, "authorization: Bearer x"), ("Authorization: Bearer x", good)):
        assert site.send(*lines).status == 400
    assert len(site.api.requests) == before


@pytest.mark.parametrize("odd", ["\x80", "Bearer \xe9", "\xff"], ids=ascii)
def test_fj_02_odd_second_authorization_header_is_refused(site: Site, odd: str) -> None:
    before = len(site.api.requests)
    good, bad = f"Authorization: Bearer {live.token()}", f"authorization: {odd}"
    for lines in ((good, bad), (bad, good)):
        assert site.send(*lines).status == 400, lines
    # Envoy turns such octets into visible characters, so some are a malformed token.
    assert site.send(bad).status in {400, 401}
    assert len(site.api.requests) == before


def test_large_token_passes_and_too_large_one_is_reported(site: Site) -> None:
    assert site.get(live.token(padding="p" * 11_000)).status == 200
    assert "The access token is too large" in str(site.get("a" * 16_385).header("WWW-Authenticate"))


@pytest.fixture
def acme_again(site: Site, feed: FeedServer) -> Iterator[None]:
    yield
    feed.publish(live.trust())
    wait_until(lambda: site.get(live.token()).status == 200, what="Acme's tokens are good again", timeout=30)


@pytest.mark.usefixtures("acme_again")
def test_suspended_organization_gets_403(site: Site, feed: FeedServer) -> None:
    token = live.token()
    feed.publish(live.trust(suspended=True))
    wait_until(lambda: site.get(token).status != 200, what="suspended", timeout=30)
    before = len(site.api.requests)
    answer = site.get(token)
    assert answer.status == 403
    assert answer.header("WWW-Authenticate") is None
    assert answer.json()["reason"] == "organization_suspended"
    assert len(site.api.requests) == before


@pytest.mark.usefixtures("acme_again")
def test_fl_05_token_without_the_required_role_gets_403_with_the_scope(site: Site, feed: FeedServer) -> None:
    scope = f"{CLOUD}::acme::Orders"
    good, lacking = live.token(scope=scope), live.token(scope=f"{CLOUD}::acme::Billing {CLOUD}::globex::Orders")
    feed.publish(live.trust(server=acme.server(live.KEY, required_role="Orders", keys_good_until=live.in_an_hour())))
    wait_until(lambda: site.get(lacking).status != 200, what="a role is required", timeout=30)
    before = len(site.api.requests)
    answer = site.get(lacking, "X-Auth-Role: Orders", f"X-Auth-Scope: {scope}")
    assert answer.status == 403
    assert answer.header("WWW-Authenticate") == (
        'Bearer realm="watchword", error="insufficient_scope", '
        f'error_description="{Reason.INSUFFICIENT_SCOPE.sentence}", scope="{scope}", '
        f'resource_metadata="https://api.example{METADATA}/acme"'
    )
    assert (answer.json()["reason"], answer.json()["scope"]) == ("insufficient_scope", scope)
    assert len(site.api.requests) == before
    # A client without a token of Acme's server gets what it gets for every organization.
    for unsigned in (None, live.token(signature=b"0" * 256)):
        assert "scope" not in str(site.get(unsigned).header("WWW-Authenticate"))
    assert identity_at_api(site.get(good))["x-auth-role"] == ["Orders"]
    assert site.send(path=site.document()).json()["scopes_supported"] == [scope]


@pytest.mark.usefixtures("acme_again")
def test_undecidable_is_refused(site: Site, feed: FeedServer) -> None:
    token = live.token()
    feed.publish(live.trust(server=acme.server(live.KEY, keys_good_until=1)))
    wait_until(lambda: site.get(token).status != 200, what="stale", timeout=30)
    before = len(site.api.requests)
    answer = site.get(token)
    assert answer.status == 503
    assert answer.header("Retry-After") == "1"
    assert answer.json()["reason"] == "keys_stale"
    assert len(site.api.requests) == before


@pytest.mark.parametrize(
    ("name", "line", "instead"),
    [
        ("envoy", "organization = id(organization)", 'error("it fails")'),
        ("envoy-grpc", "organization = id(organization)", 'error("it fails")'),
        ("envoy-grpc", 'metadata:set("watchword", "organization",', 'metadata:set("watchword", "tenant",'),
        ("haproxy", 'local organization = txn:get_var("txn.organization")', 'error("it fails")'),
    ],
)
def test_script_without_an_organization_refuses(
    behind: Behind, tmp_path: Path, name: str, line: str, instead: str
) -> None:
    gateway = GATEWAYS[name]
    before = len(behind.api.requests)
    with gateway.run(tmp_path, behind, instead={line: instead}) as port:
        site = Site(gateway, port, behind)
        # The paths are those at which the verifier would let the token in.
        for path in ("/api/orders", f"/verify/{name.partition('-')[0]}/acme", "/verify/plain/acme/x"):
            for token in (live.token(), None):
                assert site.get(token, path=path).status >= 400, path
    assert len(behind.api.requests) == before


def test_python_closes_a_websocket_before_it_is_accepted(tmp_path: Path) -> None:
    (middleware,) = pasted("python", {'"127.0.0.1", 8081': f'"{LOOPBACK}", {free_port()}'})
    file = tmp_path / "watchword_asgi.py"
    file.write_text(middleware)
    watchword_class = runpy.run_path(str(file))["Watchword"]
    reached, sent = [], []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        reached.append(scope["type"])

    async def send(event: dict[str, Any]) -> None:
        sent.append(event)

    for kind in ("websocket", "lifespan"):
        asyncio.run(watchword_class(app)({"type": kind, "headers": []}, None, send))
    assert sent == [{"type": "websocket.close", "code": 1008}]
    assert reached == ["lifespan"]
