"""What the tests of single gateways share: a verifier that demands a secret, and each gateway in front of an API."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kit.gateways import GATEWAYS, SECRET, Site, backends

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kit.behind import Behind
    from kit.feed_server import FeedServer


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
