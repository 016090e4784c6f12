"""What the portal shows under "Put it in front of your API", in real gateways: CASES G-01 to G-05, G-11, G-14, G-15."""

from __future__ import annotations

import asyncio
import re
import runpy
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from kit import acme, live
from kit.gateways import GATEWAYS, Site, backends, identity_at_api
from kit.pasted import pasted
from kit.processes import LOOPBACK, free_port, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kit.feed_server import FeedServer
    from kit.orders_api import OrdersApi
    from kit.verifier_process import VerifierProcess

pytestmark = pytest.mark.enable_socket

IDENTITY = ("Organization", "Server", "Issuer", "Subject", "Client-Id", "Scope", "Expires")


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[OrdersApi, FeedServer, VerifierProcess]]:
    with backends(tmp_path_factory.mktemp("behind")) as running:
        yield running


@pytest.fixture(scope="module", params=list(GATEWAYS))
def site(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    behind: tuple[OrdersApi, FeedServer, VerifierProcess],
) -> Iterator[Site]:
    api, feed, verifier = behind
    gateway = GATEWAYS[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    with gateway.serve(folder, api_port=api.port, verifier_port=verifier.port) as port:
        yield Site(gateway, port, api, feed, verifier)


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
    "token_missing": {},
}


@pytest.mark.parametrize("reason", BAD_TOKENS)
def test_a_bad_token_is_401_with_its_challenge(site: Site, reason: str) -> None:
    before = len(site.api.requests)
    answer = site.get(live.token(**BAD_TOKENS[reason]) if BAD_TOKENS[reason] else None)
    assert answer.status == 401
    error = ', error="invalid_token", error_description="' if BAD_TOKENS[reason] else ""
    assert str(answer.header("WWW-Authenticate")).startswith(f'Bearer realm="watchword"{error}')
    assert (answer.header("Content-Type") == "application/problem+json") == site.gateway.problem
    if site.gateway.problem:
        assert (answer.json()["status"], answer.json()["reason"]) == (401, reason)
    assert len(site.api.requests) == before


def test_a_header_of_another_form_is_refused(site: Site) -> None:
    answer = site.send("Authorization: Basic YWxpY2U6c2VjcmV0")
    assert answer.status == site.gateway.malformed
    assert 'error="invalid_request"' in str(answer.header("WWW-Authenticate"))


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
def acme_again(site: Site) -> Iterator[None]:
    yield
    site.feed.publish(live.trust())
    wait_until(lambda: site.get(live.token()).status == 200, what="Acme's tokens are good again")


@pytest.mark.usefixtures("acme_again")
def test_a_suspension_is_403_within_5_seconds(site: Site) -> None:
    token = live.token()
    site.feed.publish(live.trust(suspended=True))
    wait_until(lambda: site.get(token).status != 200, what="suspended", timeout=5)
    before = len(site.api.requests)
    answer = site.get(token)
    assert answer.status == 403
    assert answer.header("WWW-Authenticate") is None
    if site.gateway.problem:
        assert answer.json()["reason"] == "organization_suspended"
    assert len(site.api.requests) == before


@pytest.mark.usefixtures("acme_again")
def test_undecidable_is_refused(site: Site) -> None:
    token = live.token()
    site.feed.publish(live.trust(server=acme.server(live.KEY, keys_good_until=1)))
    wait_until(lambda: site.get(token).status != 200, what="stale", timeout=5)
    before = len(site.api.requests)
    answer = site.get(token)
    assert answer.status == site.gateway.undecidable
    if site.gateway.says_why_undecidable:
        assert answer.header("Retry-After") == "1"
        assert answer.json()["reason"] == "keys_stale"
    assert len(site.api.requests) == before


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


def test_curl_says_what_the_verifier_says(behind: tuple[OrdersApi, FeedServer, VerifierProcess]) -> None:
    _, _, verifier = behind
    (command,) = pasted("curl", {"127.0.0.1:8081": f"{LOOPBACK}:{verifier.port}"})
    shell = shutil.which("sh")
    assert shell is not None
    for token, status in ((live.token(), "200 OK"), ("nonsense", "401 Unauthorized")):
        environment = {"ACCESS_TOKEN": token, "PATH": "/usr/bin:/bin"}
        run = subprocess.run(
            [shell, "-c", command], env=environment, capture_output=True, text=True, check=True, timeout=20
        )
        assert run.stdout.startswith(f"HTTP/1.1 {status}")
        assert bool(re.search(r"^x-auth-subject: alice\r?$", run.stdout, re.MULTILINE)) == (status == "200 OK")
