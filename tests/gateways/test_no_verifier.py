"""All gateways in front of a verifier that is frozen, gone, slow or not one: no request gets through (G-10, G-13)."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from kit import live
from kit.behind import Behind
from kit.gateways import GATEWAYS, PATIENCE_SECONDS, WITHOUT_VERIFIER, Site, all_sites, backends
from kit.not_a_verifier import ANOTHERS_WORD, GARBAGE, HALF_AN_ANSWER, answering
from kit.processes import free_port, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kit.verifier_process import VerifierProcess

pytestmark = pytest.mark.enable_socket

Sites = dict[str, Site]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Behind, VerifierProcess]]:
    with backends(tmp_path_factory.mktemp("behind")) as (behind, _, verifier):
        yield behind, verifier


@pytest.fixture(scope="module")
def sites(running: tuple[Behind, VerifierProcess], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sites]:
    """In front of a real verifier."""
    with all_sites(tmp_path_factory.mktemp("sites"), running[0]) as started:
        yield started


@pytest.fixture(scope="module")
def elsewhere(running: tuple[Behind, VerifierProcess], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sites]:
    """In front of ports at which nothing listens but what a test puts there."""
    nowhere = Behind(running[0].api, (free_port(),) * 2, (free_port(),) * 2)
    with all_sites(tmp_path_factory.mktemp("elsewhere"), nowhere) as started:
        yield started


@pytest.fixture
def verifier(sites: Sites, running: tuple[Behind, VerifierProcess]) -> Iterator[VerifierProcess]:
    """Works at the beginning and, after the test's fault, again at the end."""
    _, verifier = running
    yield verifier
    assert verifier.child is not None
    if verifier.child.exit_code is None:
        verifier.child.resume()
    else:
        verifier.start()
    for name, site in sites.items():
        # Some gateways first notice that the connections they kept have ended.
        wait_until(lambda site=site: site.get(live.token()).status == 200, what=f"{name} asks again", timeout=30)  # type: ignore[misc]


def ports(sites: Sites) -> tuple[int, int]:
    behind = sites["nginx"].behind
    return behind.verifiers[0], behind.grpc[0]


def statuses(sites: Sites, *, because: str) -> dict[str, int]:
    """The response to a good token, after checking that no request gets through, with or without one."""
    api = sites["nginx"].api
    api.requests.clear()
    given = {}
    for name, site in sites.items():
        # On a busy machine a gateway may stop waiting once and respond itself; it denies then as well.
        pairs = [(site.get(live.token()).status, site.get().status)]
        while pairs[-1][0] != pairs[-1][1] and len(pairs) < 3:
            pairs.append((site.get(live.token()).status, site.get().status))
        assert min(map(min, pairs)) >= 300, (name, because)
        given[name], without = pairs[-1]
        assert given[name] == without, (name, because)
    assert api.requests == [], because
    return given


def test_settings_work_without_a_secret(sites: Sites) -> None:
    for name, site in sites.items():
        assert site.get(live.token()).status == 200, name
        assert site.get().status == 401, name


def test_frozen_verifier_refuses_within_a_time_limit(sites: Sites, elsewhere: Sites, verifier: VerifierProcess) -> None:
    def ask(site: Site) -> tuple[int, float]:
        started = time.monotonic()
        answer = site.get(live.token(), timeout=PATIENCE_SECONDS + 60)
        return answer.status, time.monotonic() - started

    api = sites["nginx"].api
    api.requests.clear()
    assert verifier.child is not None
    verifier.child.pause()
    asked = [*sites.items(), *elsewhere.items()]
    with (
        answering(*ports(elsewhere), answer=HALF_AN_ANSWER, then="say nothing"),
        ThreadPoolExecutor(len(asked)) as pool,
    ):
        answers = list(pool.map(ask, [site for _, site in asked]))
    assert api.requests == []
    for (name, _), (status, seconds) in zip(asked, answers, strict=True):
        assert status == WITHOUT_VERIFIER, name
        # Far more than needed, for a busy machine; and far less than without any limit.
        assert seconds < PATIENCE_SECONDS + 30, name
    assert {
        name: status for (name, _), (status, _) in zip(asked[: len(sites)], answers, strict=False)
    } == dict.fromkeys(GATEWAYS, WITHOUT_VERIFIER)


def test_killed_verifier_refuses_every_request(sites: Sites, verifier: VerifierProcess) -> None:
    assert verifier.child is not None
    verifier.child.kill()
    assert statuses(sites, because="killed") == dict.fromkeys(GATEWAYS, WITHOUT_VERIFIER)


@pytest.mark.parametrize("what", GARBAGE)
def test_other_servers_at_its_address_refuse_every_request(elsewhere: Sites, what: str) -> None:
    with answering(*ports(elsewhere), answer=GARBAGE[what]):
        statuses(elsewhere, because=what)


@pytest.mark.parametrize("answer", [b"", HALF_AN_ANSWER], ids=["nothing", "half an answer"])
def test_half_closed_connection_refuses(elsewhere: Sites, answer: bytes) -> None:
    with answering(*ports(elsewhere), answer=answer, then="half-close"):
        statuses(elsewhere, because="half-closed")


@pytest.mark.parametrize("what", ANOTHERS_WORD)
def test_allow_for_another_organization_is_refused(elsewhere: Sites, tmp_path: Path, what: str) -> None:
    at = elsewhere["nginx"].behind
    with answering(*ports(elsewhere), answer=ANOTHERS_WORD[what]):
        for name, gateway in GATEWAYS.items():
            if gateway.particular:
                (tmp_path / name).mkdir()
                # Started now, so that no health check has failed before.
                with gateway.run(tmp_path / name, at) as port:
                    assert Site(gateway, port, at).get(live.token()).status == 503, name


def test_unknown_gateway_secret_refuses_every_request(
    elsewhere: Sites, tmp_path_factory: pytest.TempPathFactory
) -> None:
    at = ports(elsewhere)
    demanding = backends(tmp_path_factory.mktemp("demanding"), secret="a-secret-that-no-gateway-here-knows", at=at)
    with demanding:
        given = statuses(elsewhere, because="the gateway's secret is not the verifier's")
    # A client cannot repair it: the response does not ask for another token.
    assert 401 not in given.values()
