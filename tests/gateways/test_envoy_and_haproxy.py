"""Envoy and HAProxy: what only their configurations have, such as commented lines."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import grpc
import pytest

from kit.behind import DOMAIN, ROUTINGS
from kit.forged_headers import SPELLINGS, TOKENS, what_reaches
from kit.gateways import GATEWAYS, Site
from kit.grpc_api import METHOD, call, grpc_api
from kit.processes import NotReady, free_port
from kit.routed import token_of
from watchword.gateways import gateways

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kit.behind import Routing
    from kit.routed import Routed

pytestmark = pytest.mark.enable_socket

NAMES: Final = ("envoy", "envoy-grpc", "haproxy")
MISSPELLED: Final[Any] = "hots"
ROUTE: Final = "                          route: { cluster: api, timeout: 0s, idle_timeout: 3600s }\n"


def uncommented(name: str, first: str, *, without: str = "") -> dict[str, str]:
    """The commented lines from the one that begins with `first`, and the same lines uncommented.

    Args:
        name: of the gateway.
        first: after the comment mark.
        without: the text before them that is to be removed.
    """
    (text,) = (file.text for one in gateways() if one.name == name for file in one.files if f"# {first}" in file.text)
    lines = text[text.index(f"# {first}") :].splitlines()
    end = next(number for number, line in enumerate(lines) if not line.strip().startswith("#"))
    start = text.index(f"# {first}")
    indent = text[text.rindex("\n", 0, start) + 1 : start]
    shown = "\n".join([indent + lines[0], *lines[1:end]])
    return {without + shown: shown.replace("# ", "")}


@pytest.fixture(
    scope="module",
    params=[(name, routing) for name in ("envoy", "envoy-grpc") for routing in ("host", "token")],
    ids="-by-".join,
)
def before_grpc(
    request: pytest.FixtureRequest, routed: Routed, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """Calls of gRPC have no prefix, so routing by path is not for them."""
    name: str
    routing: Routing
    name, routing = request.param
    instead = uncommented(name, "typed_extension_protocol_options:")
    with grpc_api() as api:
        behind = replace(routed.behind[routing], api=api)
        folder = tmp_path_factory.mktemp(name)
        with GATEWAYS[name].run(folder, behind, routing=routing, instead=instead) as port:
            yield Site(GATEWAYS[name], port, behind, routing)


def test_fd_03_grpc_api_gets_the_identity_and_client_the_status(before_grpc: Site) -> None:
    site, host = before_grpc, before_grpc.host()
    status, seen = call(site.port, host, [("authorization", f"Bearer {token_of('acme')}"), ("x-other", "kept")])
    assert (status, site.api.requests[-1]) == (grpc.StatusCode.OK, METHOD)
    headers = dict(seen["headers"])
    assert (headers["x-auth-organization"], headers["x-auth-subject"], headers["x-other"]) == ("acme", "alice", "kept")
    assert "authorization" not in headers
    before = len(site.api.requests)
    assert call(site.port, host, [])[0] == grpc.StatusCode.UNAUTHENTICATED
    assert call(site.port, host, [("authorization", "Bearer nonsense")])[0] == grpc.StatusCode.UNAUTHENTICATED
    assert call(site.port, "other.example", [])[0] == grpc.StatusCode.UNIMPLEMENTED
    assert len(site.api.requests) == before


def test_fl_01_grpc_api_gets_no_identity_from_the_client(before_grpc: Site) -> None:
    tokens = (token_of("acme"), token_of("acme", sub=...))
    reached = what_reaches("grpc", before_grpc.port, before_grpc.host(), tokens)
    assert (reached.requests, reached.identities) == (len(tokens) * (len(SPELLINGS) + len(TOKENS)), 0)


# Invalid UTF-8 that lenient decoders read as a dot or a slash; and an encoding of IIS.
NO_UTF_8: Final = ("%c0%ae%c0%ae", "..%c0%af", "%C1%9C..", "%25c0%25ae.", "%u002e%u002e", "%25252e%25252e")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dots", NO_UTF_8)
def test_rare_spellings_of_dots_are_refused(routed: Routed, name: str, dots: str) -> None:
    site = routed.site(name, "path")
    before = len(site.api.requests)
    bearer = f"Authorization: Bearer {token_of('acme')}"
    for target in (f"/o/acme/orders/{dots}/globex", f"/o/acme/{dots}"):
        assert site.send_target(bearer, target=target, host=site.host()).status == 400, target
    assert len(site.api.requests) == before
    for path in ("/a%2Fb", "/..a/b", "/a..", "/%C3%A9", "/%22elephant%22", "/caf%25C3%25A9"):
        assert site.get(token_of("acme"), path=path).status == 200, path


@pytest.mark.parametrize("name", NAMES)
def test_fd_01_gateway_can_answer_preflights(routed: Routed, tmp_path: Path, name: str) -> None:
    first, without = ("http-request return", "") if name == "haproxy" else ("direct_response:", ROUTE)
    behind = routed.behind["host"]
    with GATEWAYS[name].run(tmp_path, behind, instead=uncommented(name, first, without=without)) as port:
        site = Site(GATEWAYS[name], port, behind)
        before = len(site.api.preflights)
        lines = ("Origin: https://app.example", "Access-Control-Request-Method: PUT")
        answer = site.send_target(*lines, target="/api/orders", host=site.host(), method="OPTIONS")
        assert answer.status == 204
        assert answer.header("Access-Control-Allow-Origin") == "*"
        assert "PUT" in str(answer.header("Access-Control-Allow-Methods"))
        assert "authorization" in str(answer.header("Access-Control-Allow-Headers")).lower()
        assert len(site.api.preflights) == before
        assert site.get(token_of("acme")).status == 200
        assert site.get(None, *lines).status == 401


@pytest.mark.parametrize("name", NAMES)
def test_fl_02_pages_can_read_retry_after_without_verifiers(routed: Routed, tmp_path: Path, name: str) -> None:
    behind = replace(routed.behind["host"], verifiers=(free_port(),) * 2, grpc=(free_port(),) * 2)
    with GATEWAYS[name].run(tmp_path, behind) as port:
        answer = Site(GATEWAYS[name], port, behind).get(token_of("acme"))
    assert answer.status == 503
    assert answer.json()["reason"] == "undecidable"
    assert answer.header("Content-Type") == "application/problem+json"
    assert (answer.header("Retry-After"), answer.header("Access-Control-Allow-Origin")) == ("1", "*")
    assert "Retry-After" in str(answer.header("Access-Control-Expose-Headers"))


@pytest.mark.parametrize("name", ["envoy", "envoy-grpc"])
def test_misspelled_routing_refuses_every_request(routed: Routed, tmp_path: Path, name: str) -> None:
    behind = routed.behind["host"]
    before = len(behind.api.requests)
    with GATEWAYS[name].run(tmp_path, behind, routing=MISSPELLED) as port:
        site = Site(GATEWAYS[name], port, behind)
        for host in (site.host(), f"{DOMAIN}:{port}"):
            for target in ("/api/orders", "/o/acme/api/orders"):
                bearer = f"Authorization: Bearer {token_of('acme')}"
                assert site.send_target(bearer, target=target, host=host).status == 404
    assert len(behind.api.requests) == before


def test_haproxy_does_not_start_with_a_misspelled_routing(routed: Routed, tmp_path: Path) -> None:
    with pytest.raises(NotReady, match="WATCHWORD_ROUTING is host, path or token"):
        GATEWAYS["haproxy"].run(tmp_path, routed.behind["host"], routing=MISSPELLED).__enter__()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("routing", ROUTINGS)
def test_host_in_the_request_target_is_removed(routed: Routed, name: str, routing: Routing) -> None:
    site = routed.site(name, routing)
    bearer = f"Authorization: Bearer {token_of('acme')}"
    for before in ("http://", "HTTP://", "http://globex@"):
        before_api = len(site.api.requests)
        target = f"{before}{site.host()}{site.target('/api/orders?a=b')}"
        answer = site.send_target(bearer, target=target, host=site.host())
        assert (answer.status, site.api.requests[before_api:]) == (200, ["/api/orders?a=b"]), target
        hosts = [value for key, value in answer.json()["headers"] if key == "host"]
        assert hosts == [site.host()]
