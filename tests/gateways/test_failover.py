"""Each gateway asks two verifiers: one that is down, silent, empty or undecided costs no request (FL-02, FI-03)."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from itertools import cycle
from typing import TYPE_CHECKING

import pytest

from kit import live
from kit.behind import DOMAIN, Behind
from kit.feed_server import feed_server
from kit.gateways import GATEWAYS, Site
from kit.not_a_verifier import answering
from kit.orders_api import orders_api
from kit.processes import free_port, wait_until
from kit.routed import SHARED
from kit.traffic import traffic
from kit.verifier_process import VerifierProcess, verifier_process

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kit.traffic import Traffic

pytestmark = [pytest.mark.enable_socket, pytest.mark.timeout(240)]

CALLS = 12
"""Answers of each gateway to wait for in each state: enough for it to come back to the verifier in question."""

UNDECIDED = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@dataclass(frozen=True)
class Pair:
    behind: Behind
    verifiers: tuple[VerifierProcess, VerifierProcess]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with ExitStack() as parts:
        feed = parts.enter_context(feed_server())
        feed.publish(live.trust())
        grpc = (free_port(), free_port())
        first, second = (
            parts.enter_context(
                verifier_process(
                    tmp_path_factory.mktemp("verifier"),
                    feed_port=feed.port,
                    grpc_port=str(port),
                    traefik_routing="host",
                    api_domain=DOMAIN,
                )
            )
            for port in grpc
        )
        api = parts.enter_context(orders_api())
        yield Pair(Behind(api, (first.port, second.port), grpc), (first, second))


@pytest.fixture
def sites(pair: Pair, tmp_path: Path) -> Iterator[list[Site]]:
    """Every gateway, all in front of this pair: what happens to a verifier happens to it once for all of them.

    New for each test: a gateway may still avoid the verifier that was away in an earlier one.
    """
    with ExitStack() as parts:
        running = []
        for name in SHARED:
            (tmp_path / name).mkdir()
            port = parts.enter_context(GATEWAYS[name].run(tmp_path / name, pair.behind))
            running.append(Site(GATEWAYS[name], port, pair.behind))
        yield running


@contextmanager
def asked_in_turn(sites: list[Site]) -> Iterator[Traffic]:
    """One client asks one gateway after the other, without pause."""
    turns, token = cycle(sites), live.token()

    def call() -> int:
        site = next(turns)
        status = site.get(token).status
        assert status == HTTPStatus.OK, f"{site.gateway.label}: {status}"
        return status

    with traffic(call) as seen:
        yield seen


def more(seen: Traffic, state: str) -> None:
    """Wait for further responses of each gateway; all so far must be good."""
    wanted = seen.count() + CALLS * len(SHARED)
    wait_until(lambda: seen.failures or seen.count() >= wanted, what="further answers", timeout=120)
    assert seen.failures == [], state


@contextmanager
def away(verifier: VerifierProcess) -> Iterator[None]:
    assert verifier.child is not None
    verifier.child.kill()
    try:
        yield
    finally:
        verifier.start()


@pytest.mark.parametrize("number", [0, 1], ids=["the first", "the second"])
def test_fl_02_one_of_two_verifiers_is_enough(sites: list[Site], pair: Pair, number: int) -> None:
    verifier = pair.verifiers[number]
    ports = (pair.behind.verifiers[number], pair.behind.grpc[number])
    with asked_in_turn(sites) as seen:
        more(seen, "both")
        with away(verifier):
            more(seen, "killed")
        more(seen, "started again")
        assert verifier.child is not None
        verifier.child.pause()
        try:
            more(seen, "stopped")
        finally:
            verifier.child.resume()
        more(seen, "continued")
        with away(verifier), answering(*ports, answer=UNDECIDED):
            more(seen, "undecided")
        more(seen, "both again")


def test_requests_are_refused_until_a_verifier_returns(sites: list[Site], pair: Pair) -> None:
    before, token = len(pair.behind.api.requests), live.token()
    with away(pair.verifiers[0]), away(pair.verifiers[1]):
        for site in sites:
            assert site.get(token).status == HTTPStatus.SERVICE_UNAVAILABLE, site.gateway.label
        assert len(pair.behind.api.requests) == before
    for site in sites:
        wait_until(
            lambda site=site: site.get(token).status == HTTPStatus.OK,  # type: ignore[misc]
            what=f"{site.gateway.label} asks again",
            timeout=30,
        )
