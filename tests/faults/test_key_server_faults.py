"""Key servers that are down for hours, clocks that are set, a worker that is frozen: with real processes.

What takes hours takes seconds here, because the stored times are moved instead of the clock.
"""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING

import pytest

from kit import forge
from kit.key_server import Behaviour, answers, resets, serves, stalls_handshake
from kit.processes import ChildProcess, wait_until
from kit.product import PROGRAM
from kit.rotating import FIRST, rotating

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kit.key_server import Conversation
    from kit.rotating import Rotating

pytestmark = [pytest.mark.enable_socket, pytest.mark.timeout(240)]

SECOND, THIRD = forge.ec_key("second"), forge.ec_key("third")
HOUR = 3600
DAY = 24 * HOUR
TEN_YEARS = 3652 * DAY

BROKEN = {
    "down": (resets(), "connection_failed"),
    "500": (answers(500), "http_server_fault"),
    # For a server on an opened internal network, the finding says only that it does not answer.
    "hanging": (stalls_handshake(), "connection_failed"),
    "HTML": (answers(200, b"<!doctype html><p>Sign in", {"Content-Type": "text/html"}), "html_page"),
    "garbage": (answers(200, b"\x00\xff{"), "not_json"),
    "no keys": (serves({"keys": []}), "empty_key_set"),
}


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Rotating]]:
    with rotating(tmp_path_factory.mktemp("faults"), "acme", "globex", "initech") as running:
        yield running


def has_failed_again(site: Rotating, problem: str, before: int) -> bool:
    return site.fetches(problem) > before


def test_j20_failing_key_server_changes_nothing_until_the_limit(sites: dict[str, Rotating]) -> None:
    site = sites["acme"]
    for kind, (behaviour, problem) in BROKEN.items():
        site.server.behaviour = behaviour
        before = site.fetches(problem)
        site.pass_time(2 * HOUR)
        wait_until(partial(has_failed_again, site, problem, before), what=f"a fetch from a server: {kind}", timeout=30)
        assert site.reason(FIRST) == "allowed", kind
    assert site.stored()["failures"] >= len(BROKEN)
    # 12 of the 24 hours are over.
    site.pass_time(11 * HOUR)
    site.wait_for(FIRST, "allowed")
    site.pass_time(HOUR)
    site.wait_for(FIRST, "keys_stale")
    site.publishes(FIRST)
    site.pass_time(HOUR)
    site.wait_for(FIRST, "allowed")
    assert site.stored()["failures"] == 0


@pytest.mark.parametrize("step", [HOUR, -HOUR, TEN_YEARS, -TEN_YEARS])
def test_clock_step_is_repaired_by_the_next_fetch(sites: dict[str, Rotating], step: int) -> None:
    site = sites["globex"]
    fetches = site.fetches()
    site.pass_time(step)
    wait_until(lambda: site.fetches() > fetches, what="fetched by the new clock")
    site.wait_for(FIRST, "allowed")
    found = site.stored()
    # Keys do not stay good for ten years because the clock was wrong once.
    assert 16 <= found["hours_good"] <= 24
    assert found["published_trust_is_current"]


def test_j18_frozen_worker_overwrites_nothing_newer(sites: dict[str, Rotating]) -> None:
    site = sites["initech"]
    product = site.product
    asked, go_on = threading.Event(), threading.Event()

    def serves_the_first_key_late(conversation: Conversation) -> None:
        asked.set()
        go_on.wait(timeout=60)
        serves(forge.key_set(SECOND)).on_request(conversation)

    site.server.behaviour = Behaviour(serves_the_first_key_late)
    frozen = product.process("worker")
    site.pass_time(400)
    assert asked.wait(timeout=60)
    frozen.pause()
    try:
        # Its answer is on the way, and its lease runs out while it sleeps.
        go_on.set()
        site.publishes(THIRD)
        second = ChildProcess(
            [str(PROGRAM), "serve", "worker"],
            log=product.state_file.parent / "second-worker.log",
            environment=product.environment,
        )
        try:
            site.pass_time(600, with_fetches=True)
            site.wait_for(THIRD, "allowed", seconds=60)
            frozen.resume()
            wait_until(lambda: "superseded" in product.log("worker"), what="the late answer is dropped", timeout=60)
            assert site.reason(THIRD) == "allowed"
            assert site.reason(SECOND) == "no_matching_key"
        finally:
            second.stop()
    finally:
        frozen.resume()
