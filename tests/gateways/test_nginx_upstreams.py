"""nginx in front of APIs of every kind: each gets the identity that was decided, and none of the client's (FL-01)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, get_args

import grpc
import pytest

from kit.behind import DOMAIN, Routing
from kit.cgi_apis import cgi_api
from kit.forged_headers import SPELLINGS, TOKENS, Reached, ask, what_reaches
from kit.gateways import GATEWAYS, Site
from kit.grpc_api import METHOD, call, conversation, grpc_api
from kit.nginx import Kind, nginx
from kit.orders_api import orders_api
from kit.routed import token_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from kit.orders_api import OrdersApi
    from kit.routed import Routed

pytestmark = pytest.mark.enable_socket

# Calls of gRPC have no prefix, so routing by path is not for them.
SERVED: list[tuple[Kind, Routing]] = [
    (kind, "token" if (kind, routing) == ("grpc", "path") else routing)
    for kind in get_args(Kind)
    for routing in ("host", "path")
]
CGI = [(kind, routing) for kind, routing in SERVED if kind not in {"http", "grpc"}]
GRPC = [(kind, routing) for kind, routing in SERVED if kind == "grpc"]


def api_of(kind: Kind) -> AbstractContextManager[OrdersApi]:
    if kind == "http":
        return orders_api()
    return grpc_api() if kind == "grpc" else cgi_api(kind)


@pytest.fixture(scope="module", params=SERVED, ids="-by-".join)
def served(
    request: pytest.FixtureRequest, routed: Routed, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Kind, Site]]:
    """nginx in front of an API of each kind."""
    kind, routing = request.param
    with api_of(kind) as api:
        behind = replace(routed.behind[routing], api=api)
        with nginx(tmp_path_factory.mktemp(kind), behind, routing=routing, kind=kind) as port:
            yield kind, Site(GATEWAYS["nginx"], port, behind, routing)


def seen_by_api(served: tuple[Kind, Site], *lines: tuple[str, str], path: str = "/api/orders") -> dict[str, str]:
    kind, site = served
    seen = ask(kind, site.port, site.host(), lines, target=site.target(path))
    assert seen is not None
    headers = [(name, value) for name, value in seen["headers"] if name.startswith("x-auth-")]
    assert len(headers) == len(dict(headers)), headers
    return dict(headers)


def test_every_upstream_gets_the_whole_identity(served: tuple[Kind, Site]) -> None:
    seen = seen_by_api(served, ("Authorization", f"Bearer {token_of('acme')}"))
    assert seen.pop("x-auth-expires").isdigit()
    assert seen == {
        "x-auth-organization": "acme",
        "x-auth-server": "ProdOkta",
        "x-auth-issuer": "https://login.acme.example/",
        "x-auth-subject": "alice",
        "x-auth-client-id": "acme-batch",
        "x-auth-scope": "orders:read orders::acme::reader",
        "x-auth-role": "reader",
    }


def test_fl_01_no_upstream_gets_identity_or_token_from_the_client(served: tuple[Kind, Site]) -> None:
    kind, site = served
    # One with every claim, and one without a subject, which an attacker could try to add.
    tokens = (token_of("acme"), token_of("acme", sub=...))
    reached = what_reaches(kind, site.port, site.host(), tokens, target=site.target("/api/orders"))
    attempts = len(tokens) * (len(SPELLINGS) + len(TOKENS))
    assert reached == Reached(requests=attempts, identities=0, tokens=0)


def test_no_upstream_is_reached_without_a_good_token(served: tuple[Kind, Site]) -> None:
    kind, site = served
    before = len(site.api.requests)
    for lines in ([], [("Authorization", "Bearer nonsense")], [("X-Auth-Subject", "forged")]):
        assert ask(kind, site.port, site.host(), lines, target=site.target("/api/orders")) is None
    assert len(site.api.requests) == before


@pytest.mark.parametrize("served", CGI, ids="-by-".join, indirect=True)
def test_each_upstream_gets_path_without_prefix_and_host(served: tuple[Kind, Site]) -> None:
    kind, site = served
    bearer = ("Authorization", f"Bearer {token_of('acme')}")
    for path, info in (("/api/orders?x=1", "/api/orders"), ("/", "/"), ("/a%2Fb%20c/%0ad", "/a/b c/\nd")):
        seen = ask(kind, site.port, site.host(), [bearer], target=site.target(path))
        # Of two parameters with one name, application servers use the last.
        parameters = dict(seen["parameters"])
        assert parameters["REQUEST_URI"] == path
        assert parameters["PATH_INFO" if kind == "uwsgi" else "DOCUMENT_URI"] == info
        assert parameters["QUERY_STRING"] == path.partition("?")[2]
        assert {value for name, value in seen["parameters"] if name == "HTTP_HOST"} == {site.host().partition(":")[0]}
    # The request line names another host than the Host header: nginx decides by the first (RFC 9112 section 3.2.2).
    absolute = f"http://{site.host('globex')}{site.target('/api/orders', 'globex')}"
    globex = ("Authorization", f"Bearer {token_of('globex')}")
    assert ask(kind, site.port, site.host("acme"), [bearer], target=absolute) is None
    seen = ask(kind, site.port, site.host("acme"), [globex], target=absolute)
    hosts = {value for name, value in seen["parameters"] if name == "HTTP_HOST"}
    assert hosts == {site.host("globex").partition(":")[0]}


@pytest.mark.parametrize("served", GRPC, ids="-by-".join, indirect=True)
def test_fd_03_grpc_call_keeps_its_method_and_refusal_its_status(served: tuple[Kind, Site]) -> None:
    _, site = served
    status, seen = call(site.port, site.host(), [("authorization", f"Bearer {token_of('acme')}"), ("x-other", "kept")])
    assert (status, site.api.requests[-1]) == (grpc.StatusCode.OK, METHOD)
    assert ["x-other", "kept"] in seen["headers"]
    assert call(site.port, site.host(), [])[0] == grpc.StatusCode.UNAUTHENTICATED
    assert call(site.port, f"other.{DOMAIN}x", [])[0] == grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize("served", GRPC, ids="-by-".join, indirect=True)
def test_fd_03_grpc_streams_pass_in_both_directions(served: tuple[Kind, Site]) -> None:
    _, site = served
    bearer = ("authorization", f"Bearer {token_of('acme')}")
    assert conversation(site.port, site.host(), [bearer], [b"one", b"two"]) == [b"one", b"two"]
    before = len(site.api.requests)
    with pytest.raises(grpc.RpcError):
        conversation(site.port, site.host(), [], [b"one"])
    assert len(site.api.requests) == before
