"""Every gateway with its shipped settings, the real verifier behind it, and an API that shows what reaches it.

CASES G-01 to G-09, G-11 and G-13 to G-15. The verifier demands a secret here and points clients to where they get a
token; test_no_verifier.py has the same gateways with neither, and G-10.
"""

from __future__ import annotations

import asyncio
import re
import runpy
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from kit import acme, live
from kit.gateways import GATEWAYS, Behind, Site, backends, identity_at_api
from kit.pasted import pasted
from kit.processes import LOOPBACK, free_port, wait_until
from kit.raw_http import exchange

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kit.feed_server import FeedServer

pytestmark = pytest.mark.enable_socket

IDENTITY = ("Organization", "Server", "Issuer", "Subject", "Client-Id", "Scope", "Expires")


SECRET = "a-secret-of-gateways-and-the-verifier"
METADATA = "/.well-known/oauth-protected-resource"
DOCUMENT = {
    "resource": "https://api.example/acme",
    "authorization_servers": ["https://login.acme.example/"],
    "bearer_methods_supported": ["header"],
    "resource_name": "Orders",
}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Behind, FeedServer]]:
    told = {"api_url": "https://api.example/{organization}", "api_name": "Orders"}
    with backends(tmp_path_factory.mktemp("behind"), secret=SECRET, at=None, **told) as (behind, feed, _):
        yield behind, feed


@pytest.fixture(scope="module")
def behind(running: tuple[Behind, FeedServer]) -> Behind:
    return running[0]


@pytest.fixture(scope="module")
def feed(running: tuple[Behind, FeedServer]) -> FeedServer:
    return running[1]


@pytest.fixture(scope="module", params=list(GATEWAYS))
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, behind: Behind) -> Iterator[Site]:
    gateway = GATEWAYS[request.param]
    with gateway.run(tmp_path_factory.mktemp(request.param), behind) as port:
        yield Site(gateway, port, behind)


def test_a_good_token_is_let_through_with_the_identity_that_it_proves_and_nothing_else(site: Site) -> None:
    answer = site.get(live.token())
    seen = identity_at_api(answer)
    (expires,) = seen.pop("x-auth-expires")
    assert expires.isdigit()
    assert seen == {
        "x-auth-organization": ["acme"],
        "x-auth-server": ["ProdOkta"],
        "x-auth-issuer": ["https://login.acme.example/"],
        "x-auth-subject": ["alice"],
        "x-auth-client-id": ["acme-batch"],
        "x-auth-scope": ["orders:read orders:write"],
    }
    assert "authorization" not in [name for name, _ in answer.json()["headers"]]


# Every character that a header name may have besides letters and digits (RFC 9110 section 5.6.2).
SPELLINGS = {
    "lower case": "x-auth-{0}",
    "mixed case": "x-AUTH-{0}",
    "mixed separators": "X-Auth_{0}",
    "mixed separators the other way": "x_auth-{0}",
    **{f"with {mark}": f"X{mark}Auth{mark}{{0}}" for mark in "-_.!#$%&'*+^`|~"},
}


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
def test_a_client_cannot_bring_an_identity(site: Site, spelling: str) -> None:
    forged = [f"{spelling.format(name)}: {value}" for name in IDENTITY for value in ("forged", "twice")]
    under_scored = f"{spelling.format('Client_Id')}: forged"
    subjects = {live.token(): ["alice"], live.token(sub=..., scope=...): [""]}
    for token, subject in subjects.items():
        seen = identity_at_api(site.get(token, *forged, under_scored))
        assert not {"forged", "twice"} & {value for values in seen.values() for value in values}
        assert all(len(values) == 1 for values in seen.values()), seen
        assert seen["x-auth-organization"] == ["acme"]
        assert seen.get("x-auth-subject", [""]) == subject


@pytest.mark.parametrize("token", ["none", "altered"])
def test_a_forged_identity_without_a_good_token_goes_nowhere(site: Site, token: str) -> None:
    before = len(site.api.requests)
    sent = live.token(signature=b"0" * 256) if token == "altered" else None
    assert site.get(sent, *(f"X-Auth-{name}: forged" for name in IDENTITY)).status == 401
    assert len(site.api.requests) == before


@pytest.mark.parametrize("connection", ["close, X-Auth-{0}", "x-auth-{1}", "X-AUTH-{0}, keep-alive", "X_Auth_{0}"])
def test_connection_cannot_take_an_identity_header_off(site: Site, connection: str) -> None:
    for name in IDENTITY:
        listed = connection.format(name, name.lower())
        answer = site.get(live.token(), f"Connection: {listed}")
        assert f"x-auth-{name.lower()}" in identity_at_api(answer)
        assert not [value for key, value in answer.json()["headers"] if key == "connection" and "auth" in value.lower()]


def test_nobody_can_leave_http_1_to_send_further_requests_unseen(site: Site) -> None:
    # RFC 7540 section 3.2: an API that agreed would have a tunnel through the gateway (Traefik CVE-2026-88008).
    lines = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA")
    answer = site.get(live.token(), *lines)
    assert answer.status == 403 or "upgrade" not in {name for name, _ in answer.json()["headers"]}


BAD_TOKENS: dict[str, dict[str, Any]] = {
    "signature_invalid": {"signature": b"0" * 256},
    "token_expired": {"exp": 1},
    "issuer_mismatch": {"iss": "https://login.globex.example/"},
    "audience_mismatch": {"aud": "https://other.example/"},
    "client_mismatch": {"client_id": "globex-batch"},
    "token_missing": {},
}


@pytest.mark.parametrize("reason", BAD_TOKENS)
def test_a_bad_token_is_401_with_its_challenge(site: Site, reason: str) -> None:
    before = len(site.api.requests)
    answer = site.get(live.token(**BAD_TOKENS[reason]) if BAD_TOKENS[reason] else None)
    assert answer.status == 401
    error = ', error="invalid_token", error_description="' if BAD_TOKENS[reason] else ""
    challenge = str(answer.header("WWW-Authenticate"))
    assert challenge.startswith(f'Bearer realm="watchword"{error}')
    assert challenge.endswith(f', resource_metadata="https://api.example{METADATA}/acme"')
    assert (answer.header("Content-Type") == "application/problem+json") == site.gateway.problem
    if site.gateway.problem:
        assert (answer.json()["status"], answer.json()["reason"]) == (401, reason)
        assert answer.header("Cache-Control") == "no-store"
    assert len(site.api.requests) == before


def test_a_header_of_another_form_is_refused(site: Site) -> None:
    answer = site.send("Authorization: Basic YWxpY2U6c2VjcmV0")
    assert answer.status == site.gateway.malformed
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
def test_a_token_in_the_query_counts_for_nothing(site: Site, name: str) -> None:
    assert site.send(path=f"/api/orders?{name}={live.token()}").status == 401


# G-08. The open path is the one to reach another by.
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


def test_no_path_leads_past_the_verifier(site: Site) -> None:
    before = len(site.api.requests)
    for path in PATHS:
        answer = site.send(path=path)
        # Where the open path's pattern fits, its document is what comes.
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


def test_clients_cannot_ask_the_verifier_themselves(site: Site) -> None:
    token = live.token()
    for path in TO_THE_VERIFIER:
        for bearer in (None, token):
            answer = site.get(bearer, path=path)
            assert not [name for name, _ in answer.headers if name.lower().startswith("x-auth-")], path
            assert b"organization_suspended" not in answer.body, path


@pytest.mark.parametrize("suffix", ["", "/mcp", "/mcp?a=b"])
def test_everybody_may_read_where_to_get_a_token(site: Site, suffix: str) -> None:
    before = len(site.api.requests)
    for token in (None, live.token(), "nonsense"):
        answer = site.get(token, path=f"{METADATA}/acme{suffix}")
        assert answer.status == 200
        assert answer.header("Content-Type") == "application/json"
        assert answer.header("Access-Control-Allow-Origin") == "*"
        assert answer.json() == DOCUMENT
    assert len(site.api.requests) == before


@pytest.mark.parametrize("other", ["", "/", "/globex", "/acme2", "/acm", "/ACME", "x/acme"])
def test_a_gateway_shows_the_document_of_its_own_organization_alone(site: Site, other: str) -> None:
    before = len(site.api.requests)
    answer = site.send(path=f"{METADATA}{other}")
    # Caddy's paths match in any case.
    assert answer.status in {401, 404} or answer.json() == DOCUMENT
    assert len(site.api.requests) == before


def test_the_secret_is_the_gateways_own_and_ends_there(site: Site) -> None:
    for lines in ((), ("X-Watchword-Secret: forged",), ("X-Watchword-Secret: forged", "x-watchword-secret: twice")):
        answer = site.get(live.token(), *lines)
        assert answer.status == 200
        assert SECRET not in str(answer.json())
        assert SECRET not in str(answer.headers)
        assert site.send(*lines, path=f"{METADATA}/acme").status == 200
        assert site.send(*lines).status == 401


def test_bodies_do_not_confuse_the_way_to_the_verifier(site: Site) -> None:
    body = "order=" + "x" * 5000
    head = f"POST /api/orders HTTP/1.1\r\nHost: api.example:{site.port}\r\nContent-Length: {len(body)}\r\n\r\n"
    for _ in range(3):
        assert exchange(site.port, head + body).status == 401
    assert site.get(live.token()).status == 200
    good = head.replace("\r\nContent", f"\r\nAuthorization: Bearer {live.token()}\r\nContent")
    assert exchange(site.port, good + body).status == 200


def test_trailers_reach_the_api_only_where_the_page_says_so(site: Site) -> None:
    # RFC 9110 section 6.5.1 forbids to take them for headers; an API that does so nevertheless has an identity of the
    # client's own making (Traefik CVE-2026-88004).
    head = (
        "POST /api/orders HTTP/1.1",
        f"Host: api.example:{site.port}",
        f"Authorization: Bearer {live.token()}",
        "Transfer-Encoding: chunked",
        "Trailer: X-Auth-Subject",
        "",
        "5\r\norder\r\n0\r\nX-Auth-Subject: forged\r\n\r\n",
    )
    answer = exchange(site.port, "\r\n".join(head))
    assert identity_at_api(answer)["x-auth-subject"] == ["alice"]
    assert bool(answer.json()["trailers"]) == site.gateway.trailers


def test_connection_can_take_the_token_off_but_not_make_a_good_one_of_it(site: Site) -> None:
    before = len(site.api.requests)
    for listed in ("Authorization", "close, authorization", "X-Watchword-Secret", "Host, Authorization"):
        answer = site.get(live.token(), f"Connection: {listed}")
        assert answer.status != 200 or identity_at_api(answer)["x-auth-subject"] == ["alice"]
        assert site.get(None, f"Connection: {listed}").status >= 400
        assert site.get("nonsense", f"Connection: {listed}").status >= 400
    assert len(site.api.requests) <= before + 4


def test_two_authorization_headers_are_refused(site: Site) -> None:
    before = len(site.api.requests)
    good = f"Authorization: Bearer {live.token()}"
    for lines in ((good, good), (good, "authorization: Bearer x"), ("Authorization: Bearer x", good)):
        assert site.send(*lines).status == 400
    assert len(site.api.requests) == before


def test_a_large_token_gets_through_and_a_too_large_one_is_named(site: Site) -> None:
    assert site.get(live.token(padding="p" * 11_000)).status == 200
    assert "larger than 16 KiB" in str(site.get("a" * 16_385).header("WWW-Authenticate"))


def test_a_long_and_hostile_identity_arrives_whole_and_encoded(site: Site) -> None:
    scope = " ".join(["orders:read"] * 300)
    seen = identity_at_api(site.get(live.token(sub="b\u00f6b\r\nX-Auth-Subject: alice\0", scope=scope)))
    assert seen["x-auth-subject"] == ["b%C3%B6b%0D%0AX-Auth-Subject: alice%00"]
    assert seen["x-auth-scope"] == [scope]


@pytest.fixture
def acme_again(site: Site, feed: FeedServer) -> Iterator[None]:
    yield
    feed.publish(live.trust())
    wait_until(lambda: site.get(live.token()).status == 200, what="Acme's tokens are good again", timeout=30)


@pytest.mark.usefixtures("acme_again")
def test_a_suspension_is_403(site: Site, feed: FeedServer) -> None:
    token = live.token()
    feed.publish(live.trust(suspended=True))
    wait_until(lambda: site.get(token).status != 200, what="suspended", timeout=30)
    before = len(site.api.requests)
    answer = site.get(token)
    assert answer.status == 403
    assert answer.header("WWW-Authenticate") is None
    if site.gateway.problem:
        assert answer.json()["reason"] == "organization_suspended"
    assert len(site.api.requests) == before


@pytest.mark.usefixtures("acme_again")
def test_undecidable_is_refused(site: Site, feed: FeedServer) -> None:
    token = live.token()
    feed.publish(live.trust(server=acme.server(live.KEY, keys_good_until=1)))
    wait_until(lambda: site.get(token).status != 200, what="stale", timeout=30)
    before = len(site.api.requests)
    answer = site.get(token)
    assert answer.status == site.gateway.undecidable
    if site.gateway.says_why_undecidable:
        assert answer.header("Retry-After") == "1"
        assert answer.json()["reason"] == "keys_stale"
    assert len(site.api.requests) == before


def test_a_route_of_envoy_that_names_no_organization_lets_nobody_in(behind: Behind, tmp_path: Path) -> None:
    instead = {"context_extensions: { organization: acme }": "context_extensions: { tenant: acme }"}
    gateway = GATEWAYS["envoy-grpc"]
    with gateway.run(tmp_path, behind, instead=instead) as port:
        for token in (live.token(), None):
            assert Site(gateway, port, behind).get(token).status in {401, 403}


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


def test_curl_says_what_the_verifier_says(behind: Behind) -> None:
    (command,) = pasted("curl", {"127.0.0.1:8081": f"{LOOPBACK}:{behind.verifier_port}"})
    command = command.rstrip() + f' -H "X-Watchword-Secret: {SECRET}"'
    shell = shutil.which("sh")
    assert shell is not None
    for token, status in ((live.token(), "200 OK"), ("nonsense", "401 Unauthorized")):
        environment = {"ACCESS_TOKEN": token, "PATH": "/usr/bin:/bin"}
        run = subprocess.run(
            [shell, "-c", command], env=environment, capture_output=True, text=True, check=True, timeout=20
        )
        assert run.stdout.startswith(f"HTTP/1.1 {status}")
        assert bool(re.search(r"^x-auth-subject: alice\r?$", run.stdout, re.MULTILINE)) == (status == "200 OK")
