"""The responses of gateways without a verifier: the same headers and documents from all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kit.behind import DOMAIN, ROUTINGS, Behind
from kit.gateways import GATEWAYS, Site
from kit.orders_api import orders_api
from kit.processes import free_port
from kit.routed import SHARED, token_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kit.client import Answer
    from kit.orders_api import OrdersApi

pytestmark = pytest.mark.enable_socket


def bearer() -> str:
    """Made when it is sent: at the import it would have expired by then."""
    return f"Authorization: Bearer {token_of('acme')}"


HEADERS: dict[str, str | None] = {
    "Content-Type": "application/problem+json",
    "Cache-Control": "no-store",
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "WWW-Authenticate, Retry-After",
    "WWW-Authenticate": None,
}
DOCUMENTS = {
    400: ("Bad Request", "The path is ambiguous.", "ambiguous_path"),
    404: ("Not Found", "This address is not served.", "no_such_path"),
    503: ("Service Unavailable", "The request cannot be decided right now.", "undecidable"),
}


@pytest.fixture(scope="module")
def api() -> Iterator[OrdersApi]:
    with orders_api() as running:
        yield running


@pytest.fixture(scope="module", params=[(name, routing) for routing in ROUTINGS for name in SHARED], ids="-by-".join)
def alone(request: pytest.FixtureRequest, api: OrdersApi, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A gateway at whose verifiers' addresses nothing listens."""
    name, routing = request.param
    nowhere = Behind(api, (free_port(), free_port()), (free_port(), free_port()))
    with GATEWAYS[name].run(tmp_path_factory.mktemp(name), nowhere, routing=routing) as port:
        yield Site(GATEWAYS[name], port, nowhere, routing)


def check(site: Site, answer: Answer, status: int) -> None:
    assert answer.status == status, answer
    assert site.api.requests == []
    if status not in site.gateway.documents:
        # If a later version can, docs/gateways.md must say so.
        assert answer.header("Content-Type") != "application/problem+json", answer
        return
    expected = HEADERS | {"Retry-After": "1" if status == 503 else None}
    assert {name: answer.header(name) for name in expected} == expected, answer
    title, detail, reason = DOCUMENTS[status]
    document = {"type": "about:blank", "title": title, "status": status, "detail": detail, "reason": reason}
    assert answer.json() == document, answer


def test_503_without_a_verifier(alone: Site) -> None:
    check(alone, alone.send(bearer()), 503)
    check(alone, alone.send(), 503)


def test_404_of_another_domain(alone: Site) -> None:
    check(alone, alone.send_target(bearer(), target=alone.target("/api/orders"), host="other.example"), 404)


def test_404_of_a_path_without_an_organization(alone: Site) -> None:
    if alone.routing == "path":
        check(alone, alone.send_target(bearer(), target="/orders", host=DOMAIN), 404)


def test_400_of_an_ambiguous_path(alone: Site) -> None:
    if alone.routing == "path":
        # Traefik leaves this to the verifier.
        status = 400 if 400 in alone.gateway.documents else 503
        for path in ("/x/../y", "/x/%2e%2e/y", "//evil.example/x", "//"):
            check(alone, alone.send(bearer(), path=path), status)
