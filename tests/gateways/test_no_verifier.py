"""All gateways in front of a verifier that is frozen, gone or not one: nobody gets in (CASES G-10)."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from kit import live
from kit.gateways import GATEWAYS, Site, backends
from kit.not_a_verifier import ANOTHERS_WORD, GARBAGE, answering
from kit.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kit.verifier_process import VerifierProcess

pytestmark = pytest.mark.enable_socket

Sites = dict[str, Site]


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sites]:
    with ExitStack() as parts:
        api, feed, verifier = parts.enter_context(backends(tmp_path_factory.mktemp("behind")))
        running: Sites = {}
        for name, gateway in GATEWAYS.items():
            serving = gateway.serve(tmp_path_factory.mktemp(name), api_port=api.port, verifier_port=verifier.port)
            running[name] = Site(gateway, parts.enter_context(serving), api, feed, verifier)
        yield running


@pytest.fixture
def verifier(sites: Sites) -> Iterator[VerifierProcess]:
    """In order at the beginning and, after whatever the test did to it, asked again at the end."""
    verifier = sites["nginx"].verifier
    yield verifier
    assert verifier.child is not None
    if verifier.child.exit_code is None:
        verifier.child.resume()
    else:
        verifier.start()
    for name, site in sites.items():
        # Some gateways first notice that the connections they kept have ended.
        wait_until(lambda site=site: site.get(live.token()).status == 200, what=f"{name} asks again")  # type: ignore[misc]


def statuses(sites: Sites, *, because: str) -> dict[str, int]:
    """What a good token gets, after making sure that nobody gets in with or without one."""
    api = sites["nginx"].api
    api.requests.clear()
    given = {}
    for name, site in sites.items():
        given[name] = site.get(live.token()).status
        assert site.get().status == given[name], (name, because)
        assert not 200 <= given[name] < 300, (name, because)
    assert api.requests == [], because
    return given


def test_a_frozen_verifier_lets_nobody_in_and_is_not_waited_for_without_end(
    sites: Sites, verifier: VerifierProcess
) -> None:
    def ask(site: Site) -> tuple[int, float]:
        started = time.monotonic()
        answer = site.get(live.token(), timeout=site.gateway.patience + 10)
        return answer.status, time.monotonic() - started

    api = sites["nginx"].api
    api.requests.clear()
    assert verifier.child is not None
    verifier.child.pause()
    with ThreadPoolExecutor(len(sites)) as pool:
        answers = dict(zip(sites, pool.map(ask, sites.values()), strict=True))
    assert api.requests == []
    for name, (status, seconds) in answers.items():
        assert status == GATEWAYS[name].frozen, name
        assert seconds < GATEWAYS[name].patience + 3, name


def test_a_killed_verifier_and_what_may_stand_in_its_place_let_nobody_in(
    sites: Sites, verifier: VerifierProcess
) -> None:
    assert verifier.child is not None
    verifier.child.kill()
    assert statuses(sites, because="killed") == {name: gateway.down for name, gateway in GATEWAYS.items()}
    for what, answer in GARBAGE.items():
        with answering(verifier.port, answer):
            statuses(sites, because=what)
    particular = [site for site in sites.values() if site.gateway.particular]
    for what, answer in ANOTHERS_WORD.items():
        with answering(verifier.port, answer):
            given = [site.get(live.token()).status for site in particular]
            assert given == [503] * len(particular), what
