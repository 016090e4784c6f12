"""What only Traefik has: a template, a service between forwardAuth and the verifiers, APIs over HTTP/2."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import grpc
import pytest

from kit import certificates, live
from kit.forged_headers import SPELLINGS, TOKENS, Reached, what_reaches
from kit.gateways import GATEWAYS, SECRET, Site, backends
from kit.grpc_api import METHOD, call, grpc_api
from kit.over_tls import over_tls
from kit.pasted import pasted
from kit.processes import free_port, wait_until
from kit.routed import token_of
from kit.traffic import traffic

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kit.behind import Routing
    from kit.routed import Routed

pytestmark = pytest.mark.enable_socket

TRAEFIK = GATEWAYS["traefik"]


def tokens_of_acme() -> tuple[str, ...]:
    """With and without a subject. Made when they are sent: at the import they would have expired by then."""
    return (token_of("acme"), token_of("acme", sub=...))


SENT = len(tokens_of_acme()) * (len(SPELLINGS) + len(TOKENS))


def test_client_headers_are_never_trusted() -> None:
    entry_points, dynamic = pasted("traefik", {})
    trusting = [line.strip() for line in f"{entry_points}{dynamic}".splitlines() if "trust" in line.lower()]
    # Traefik's own entry point trusts this machine.
    assert trusting == ["trustedIPs: [127.0.0.1/32]", "trustForwardHeader: false"]
    assert "insecure" not in entry_points
    assert entry_points.index("127.0.0.1:8089") < entry_points.index("trustedIPs")


@pytest.fixture(scope="module", params=["host", "token"])
def calls(request: pytest.FixtureRequest, routed: Routed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """In front of an API that speaks gRPC; its calls have no prefix, so routing by path is not for them."""
    routing: Routing = request.param
    with grpc_api() as api:
        behind = replace(routed.behind[routing], api=api)
        instead = {'$api := "http://': '$api := "h2c://'}
        with TRAEFIK.run(tmp_path_factory.mktemp("traefik"), behind, routing=routing, instead=instead) as port:
            yield Site(TRAEFIK, port, behind, routing)


def test_fd_03_grpc_apis_get_the_call_and_the_identity(calls: Site) -> None:
    bearer = ("authorization", f"Bearer {token_of('acme')}")
    status, seen = call(calls.port, calls.host(), [bearer, ("x-other", "kept")])
    assert (status, calls.api.requests[-1]) == (grpc.StatusCode.OK, METHOD)
    assert ["x-auth-organization", "acme"] in seen["headers"]
    assert ["x-other", "kept"] in seen["headers"]
    before = len(calls.api.requests)
    assert call(calls.port, calls.host(), [])[0] == grpc.StatusCode.UNAUTHENTICATED
    assert call(calls.port, "other.example", [])[0] == grpc.StatusCode.UNIMPLEMENTED
    assert len(calls.api.requests) == before


def test_grpc_apis_get_no_identity_and_no_token_from_the_client(calls: Site) -> None:
    reached = what_reaches("grpc", calls.port, calls.host(), tokens_of_acme())
    assert reached == Reached(SENT)


def test_http_apis_get_no_identity_and_no_token_from_the_client(routed: Routed) -> None:
    site = routed.site("traefik", "host")
    reached = what_reaches("http", site.port, site.host(), tokens_of_acme())
    assert reached == Reached(SENT)


def test_fd_01_traefik_can_answer_preflights(routed: Routed, tmp_path: Path) -> None:
    lines = pasted("traefik", {})[1].splitlines()
    first = next(number for number, line in enumerate(lines) if line.strip() == "# answer-preflights:")
    comment = [line for line in lines[first : first + 5] if line.startswith("    # ")]
    instead = {
        "\n".join(comment): "\n".join(line.replace("# ", "", 1) for line in comment),
        "[without-identity, without-prefix]": "[answer-preflights]",
    }
    behind = routed.behind["host"]
    with TRAEFIK.run(tmp_path, behind, instead=instead) as port:
        site = Site(TRAEFIK, port, behind)
        before = len(site.api.preflights)
        preflight = (
            "Origin: https://app.example",
            "Access-Control-Request-Method: GET",
            "Access-Control-Request-Headers: authorization",
        )
        answer = site.send_target(*preflight, target="/api/orders", host=site.host(), method="OPTIONS")
        assert answer.status == 200
        assert answer.header("Access-Control-Allow-Origin") == "*"
        assert "Authorization" in str(answer.header("Access-Control-Allow-Headers"))
        assert "GET" in str(answer.header("Access-Control-Allow-Methods"))
        assert len(site.api.preflights) == before


def test_first_verifier_answers_while_the_second_is_down(tmp_path: Path) -> None:
    """The health check sends the secret and the certificate too; if it failed, no verifier would be asked."""
    pair = certificates.pair(tmp_path, "gateway")
    settings = {
        "tls_certificate_file": str(pair.certificate),
        "tls_key_file": str(pair.key),
        "gateway_ca_file": str(pair.authority),
    }
    with backends(tmp_path, secret=SECRET, at=None, **settings) as (behind, _, verifier):
        alone = replace(behind, verifiers=(verifier.port, free_port()))
        instead = {**over_tls("traefik", pair), "interval: 1s": "interval: 50ms"}
        with TRAEFIK.run(tmp_path, alone, instead=instead) as port:
            site, token = Site(TRAEFIK, port, alone), live.token()
            with traffic(lambda: site.get(token).status) as seen:
                # Each takes 10 ms or more.
                wait_until(lambda: seen.failures or seen.count() >= 50, what="some checks", timeout=60)
            wait_until(lambda: site.get(token).status == 200, what="asked", timeout=30)
