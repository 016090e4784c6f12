"""What only nginx's files do, and what they do together with a provider's own settings."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from kit.gateways import GATEWAYS, Site, identity_at_api
from kit.nginx import keeping, nginx
from kit.not_a_verifier import answering
from kit.processes import free_port
from kit.routed import organization_of, token_of

if TYPE_CHECKING:
    from pathlib import Path

    from kit.behind import Behind
    from kit.routed import Routed

pytestmark = pytest.mark.enable_socket

NGINX = GATEWAYS["nginx"]
PREFLIGHT = ("Origin: https://app.example", "Access-Control-Request-Method: PUT")
ANSWERED_BY_NGINX = "if ($watchword_preflight) { rewrite ^ /.watchword/preflight last; }"
ALLOW = b"HTTP/1.1 200 OK\r\nX-Auth-Organization: globex\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture
def nowhere(routed: Routed) -> Behind:
    """Ports at which nothing listens but what a test puts there."""
    return replace(routed.behind["host"], verifiers=(free_port(), free_port()))


def test_fd_01_nginx_can_answer_preflights(routed: Routed, tmp_path: Path) -> None:
    instead = {f"#{ANSWERED_BY_NGINX}": ANSWERED_BY_NGINX}
    with NGINX.run(tmp_path, routed.behind["host"], instead=instead) as port:
        site = Site(NGINX, port, routed.behind["host"])
        before = len(site.api.preflights)
        answer = site.send_target(*PREFLIGHT, target="/api/orders", host=site.host(), method="OPTIONS")
        assert (answer.status, len(site.api.preflights)) == (204, before)
        # The asterisk alone does not allow Authorization (Fetch Standard, CORS-safelisted request headers).
        assert answer.header("Access-Control-Allow-Headers") == "Authorization, *"
        assert answer.header("Access-Control-Allow-Methods") == "*"
        assert answer.header("Access-Control-Allow-Origin") == "*"
        assert site.get().status == 401
        assert organization_of(site.get(token_of("acme"))) == "acme"


@pytest.mark.parametrize("lines", [("Upgrade: websocket", "Connection: upgrade"), ("Upgrade: h2c",)])
def test_preflight_cannot_change_the_protocol(routed: Routed, lines: tuple[str, ...]) -> None:
    site = routed.site("nginx", "host")
    site.send_target(*PREFLIGHT, *lines, target="/api/orders", host=site.host(), method="OPTIONS")
    assert "upgrade" not in site.api.preflights[-1]


def test_providers_error_page_does_not_open_access(nowhere: Behind, tmp_path: Path) -> None:
    # Without its own error page, the request to the verifier would get this one's status: 200.
    page = "error_page 401 403 500 502 503 504 =200 /fine; location = /fine { return 200; } proxy_intercept_errors on;"
    include = "    include watchword-server.conf;\n"
    with NGINX.run(tmp_path, nowhere, instead={include: f"{include}{page}\n"}) as port:
        site = Site(NGINX, port, nowhere)
        before = len(site.api.requests)
        assert site.get(token_of("acme")).status == 503
        with answering(*nowhere.verifiers, answer=b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"):
            assert site.get(token_of("acme")).status == 503
        assert len(site.api.requests) == before


def test_challenge_of_a_403_is_sent_once(nowhere: Behind, tmp_path: Path) -> None:
    problem = json.dumps({"status": 403, "reason": "insufficient_scope"})
    challenge = 'Bearer realm="watchword", error="insufficient_scope"'
    lines = (f"WWW-Authenticate: {challenge}", "X-Watchword-Status: 403", f"X-Watchword-Problem: {problem}")
    head = "\r\n".join(("HTTP/1.1 403 Forbidden", *lines, "Content-Length: 0", "", ""))
    with (
        NGINX.run(tmp_path, nowhere) as port,
        answering(*nowhere.verifiers, answer=head.encode()),
    ):
        answer = Site(NGINX, port, nowhere).get(token_of("acme"))
    assert (answer.status, answer.json()["reason"]) == (403, "insufficient_scope")
    # `header` refuses to read a repeated one.
    assert answer.header("WWW-Authenticate") == challenge


def test_unknown_routing_refuses_every_request(routed: Routed, tmp_path: Path) -> None:
    instead = {"{ default host; }": "{ default hosts; }"}
    with NGINX.run(tmp_path, routed.behind["host"], instead=instead) as port:
        site = Site(NGINX, port, routed.behind["host"])
        assert site.get(token_of("acme")).status == 404
        assert site.send_target(target=site.document(), host=site.host()).status == 404


def test_failed_request_does_not_disable_a_verifier(nowhere: Behind, tmp_path: Path) -> None:
    # Otherwise one organization's requests, such as those that wait for a key for too long, could stop all others.
    with NGINX.run(tmp_path, nowhere) as port:
        site = Site(NGINX, port, nowhere)
        for _ in range(3):
            assert site.get(token_of("acme")).status == 503
            with answering(*nowhere.verifiers, answer=ALLOW):
                assert organization_of(site.get(token_of("globex"), organization="globex")) == "globex"


def test_resource_document_is_503_without_a_verifier(nowhere: Behind, tmp_path: Path) -> None:
    with NGINX.run(tmp_path, nowhere) as port:
        site = Site(NGINX, port, nowhere)
        answer = site.send_target(target=site.document(), host=site.host())
        assert (answer.status, answer.json()["reason"]) == (503, "undecidable")


def test_clients_cannot_reach_internal_locations(routed: Routed) -> None:
    # nginx treats every rewritten request as internal, and a rewrite removes the prefix.
    site = routed.site("nginx", "path")
    before = len(site.api.requests)
    for place in ("verifier", "preflight", "404", "x"):
        for spelled in (f".watchword/{place}", f".watchword//{place}", f".watchword/{place}?x"):
            answer = site.get(token_of("acme"), path=f"/{spelled}")
            assert answer.status == 404, spelled
            assert not [name for name, _ in answer.headers if name.lower().startswith("x-auth-")]
    assert len(site.api.requests) == before


def test_dots_in_names_are_accepted(routed: Routed) -> None:
    site = routed.site("nginx", "path")
    for path in (
        "/.well-known/x",
        "/.a",
        "/..a",
        "/a..b/c.",
        "/a...",
        "/x;y=..",
        "/group%2Fproject",
        "/50%25",
        "/50%25%20off",
        "/%C3%A9%E2%82%AC",
        "/a%5Cb",
        "/a?next=/../b&c=%2e%2e//",
    ):
        before = len(site.api.requests)
        assert organization_of(site.get(token_of("acme"), path=path)) == "acme", path
        assert site.api.requests[before:] == [path]
    for path in (
        "//globex.example/x",
        "/%c0%ae%c0%ae/x",
        "/%25%32%65%25%32%65/x",
        "/%2532e./x",
        "/x/.../y",
        "/x/..%09",
    ):
        assert site.get(token_of("acme"), path=path).status == 400, path


def test_largest_identity_is_complete(routed: Routed) -> None:
    largest = {"sub": "s" * 1024, "scope": "o" * 4096}
    seen = identity_at_api(routed.site("nginx", "host").get(token_of("acme", **largest)))
    assert [len(seen[f"x-auth-{name}"][0]) for name in ("subject", "scope")] == [1024, 4096]


def test_kept_decisions_differ_by_token_with_routing_by_token(routed: Routed, tmp_path: Path) -> None:
    behind = routed.behind["token"]
    with keeping(tmp_path, behind, routing="token") as port:
        site = Site(NGINX, port, behind, "token")
        for _ in range(2):
            for organization in ("acme", "globex"):
                assert organization_of(site.get(token_of(organization))) == organization
            assert site.get(token_of("globex", signed_by="acme")).status == 401


def test_providers_locations_match_the_apis_path(routed: Routed, tmp_path: Path) -> None:
    own = "location = /hello { return 200 hello; }\n\n    location / {"
    for routing in ("host", "path", "token"):
        folder = tmp_path / routing
        folder.mkdir()
        behind = routed.behind[routing]
        with nginx(folder, behind, routing=routing, instead={"location / {": own}) as port:
            assert Site(NGINX, port, behind, routing).get(path="/hello").body == b"hello"
