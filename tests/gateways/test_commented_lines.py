"""Lines of Envoy's and HAProxy's texts that are comments as shipped, each in the real gateway: gRPC and preflights."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import grpc
import pytest

from kit.forged_headers import SPELLINGS, TOKENS, what_reaches
from kit.gateways import GATEWAYS, Site
from kit.grpc_api import METHOD, call, grpc_api
from kit.routed import token_of
from watchword.gateways import gateways

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kit.behind import Routing
    from kit.routed import Routed

pytestmark = pytest.mark.enable_socket

NAMES: Final = ("envoy", "envoy-grpc", "haproxy")
ROUTE: Final = "                          route: { cluster: api, timeout: 0s, idle_timeout: 3600s }\n"


def uncommented(name: str, first: str, *, without: str = "") -> dict[str, str]:
    """The commented lines from the one that begins with `first`, and what they are without their marks.

    Args:
        name: of the gateway.
        first: behind the mark.
        without: what stands before them and is to be left out.
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


def test_fd_03_a_grpc_api_gets_the_identity_and_a_client_the_status(before_grpc: Site) -> None:
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


def test_fl_01_a_grpc_api_gets_no_identity_from_the_client(before_grpc: Site) -> None:
    tokens = (token_of("acme"), token_of("acme", sub=...))
    reached = what_reaches("grpc", before_grpc.port, before_grpc.host(), tokens)
    assert (reached.requests, reached.identities) == (len(tokens) * (len(SPELLINGS) + len(TOKENS)), 0)


@pytest.mark.parametrize("name", NAMES)
def test_fd_01_a_gateway_can_answer_preflights_itself(routed: Routed, tmp_path: Path, name: str) -> None:
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
