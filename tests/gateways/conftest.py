"""Fixtures: a verifier that requires a secret, and each gateway in front of an API."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kit.behind import CLOUD, ROUTINGS
from kit.feed_server import feed_server
from kit.gateways import GATEWAYS, SECRET, Site, backends
from kit.routed import SHARED, routed_sites, trust_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kit.behind import Behind
    from kit.feed_server import FeedServer
    from kit.routed import Routed


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Behind, FeedServer]]:
    told = {"api_url": "https://api.example/{organization}", "api_name": "Orders", "cloud_name": CLOUD}
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
        yield Site(gateway, port, behind, patient=True)


@pytest.fixture(scope="module")
def many() -> Iterator[FeedServer]:
    """A feed with several organizations."""
    with feed_server() as feed:
        feed.publish(trust_of("acme"), trust_of("globex"))
        yield feed


@pytest.fixture(scope="module")
def routed(many: FeedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Routed]:
    with routed_sites(tmp_path_factory.mktemp("routed"), many) as sites:
        yield sites


@pytest.fixture(params=SHARED)
def by_host(request: pytest.FixtureRequest, routed: Routed) -> Site:
    return routed.site(request.param, "host")


@pytest.fixture(params=SHARED)
def by_path(request: pytest.FixtureRequest, routed: Routed) -> Site:
    return routed.site(request.param, "path")


@pytest.fixture(params=SHARED)
def by_token(request: pytest.FixtureRequest, routed: Routed) -> Site:
    return routed.site(request.param, "token")


@pytest.fixture(params=[(name, routing) for routing in ROUTINGS for name in SHARED], ids="-by-".join)
def shared(request: pytest.FixtureRequest, routed: Routed) -> Site:
    """Every gateway in every routing."""
    return routed.site(*request.param)


@pytest.fixture(params=[(name, routing) for routing in ("host", "path") for name in SHARED], ids="-by-".join)
def named(request: pytest.FixtureRequest, routed: Routed) -> Site:
    """Every gateway in the routings in which the request names its organization."""
    return routed.site(*request.param)
