"""Rotations of an authorization server's keys, with real processes and clients that never stop asking."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from kit import forge
from kit.processes import wait_until
from kit.rotating import FIRST, flood, load, rotating
from watchword.verifier.pending_requests import MAX_WAIT_SECONDS
from watchword.verifier.unknown_keys import WINDOW_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kit.rotating import Rotating

pytestmark = [pytest.mark.enable_socket, pytest.mark.timeout(240)]

SECOND = forge.ec_key("second")
INTERVAL = 400
"""A little more than the interval of the background refresh."""

WITHOUT_PARKING = 2.0
"""Seconds after an abrupt rotation in which good tokens may be refused where no request can wait."""

ABRUPT = ("acme", "globex", "initech")
FLOODED = ("flooded-1", "flooded-2", "flooded-3")
CIRCLED = ("circled-1", "circled-2", "circled-3")


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Rotating]]:
    """An organization for each test, since the verifier remembers what it has seen."""
    names = (*ABRUPT, *FLOODED, *CIRCLED, "overlap", "cached")
    with rotating(tmp_path_factory.mktemp("rotation"), *names) as running:
        yield running


def test_rotation_with_overlap_refuses_only_the_removed_key(
    sites: dict[str, Rotating],
) -> None:
    site = sites["overlap"]
    with load(site) as seen:
        site.publishes(FIRST, SECOND)
        site.pass_time(INTERVAL)
        wait_until(lambda: '"second"' in site.product.state_file.read_text(), what="the new key has arrived")
        time.sleep(0.2)
        seen.key = SECOND
        time.sleep(1)
        assert site.reason(FIRST) == "allowed"
        site.publishes(SECOND)
        site.pass_time(INTERVAL)
        site.wait_for(FIRST, "no_matching_key")
        time.sleep(0.5)
    assert len(seen.heard) > 50
    assert (seen.refused(), seen.faults) == ([], [])


def test_without_overlap_good_tokens_wait_for_their_key(sites: dict[str, Rotating]) -> None:
    waited = []
    for name in ABRUPT:
        site = sites[name]
        with load(site) as seen:
            time.sleep(0.5)
            site.publishes(SECOND)
            rotated_at = time.monotonic()
            seen.key = SECOND
            site.wait_for(SECOND, "allowed")
            time.sleep(0.5)
        assert seen.faults == []
        # On a machine so busy that the key takes longer than that, none is refused earlier.
        for asked_at, took, _ in seen.refused():
            assert took > MAX_WAIT_SECONDS - 0.1 or asked_at > rotated_at + WINDOW_SECONDS - 0.1
        waited += [took for _, took, said in seen.heard if said == "allowed" and took > 0.05]
        if not seen.refused():
            break
    # They did wait, or the test would show nothing.
    assert waited


@pytest.mark.parametrize(
    ("organizations", "distinct"), [(FLOODED, None), (CIRCLED, 300)], ids=["never the same", "300 in a circle"]
)
def test_rotation_works_during_a_flood_of_made_up_kids(
    sites: dict[str, Rotating], organizations: tuple[str, ...], distinct: int | None
) -> None:
    late = {}
    for name in organizations:
        site = sites[name]
        with flood(site, distinct=distinct) as sent, load(site, clients=4) as seen:
            # The flood has used up the fetch that all made-up names share, and the time in which they may wait.
            time.sleep(4)
            before, fetches = sent(), site.server.connections
            site.publishes(SECOND)
            rotated_at = time.monotonic()
            seen.key = SECOND
            time.sleep(WITHOUT_PARKING + 2)
            assert sent() > before
            forced = site.server.connections - fetches
        assert seen.faults == []
        assert {said for asked_at, took, said in seen.heard if asked_at + took < rotated_at} == {"allowed"}
        late[name] = [entry for entry in seen.refused() if entry[0] > rotated_at + WITHOUT_PARKING]
        if not late[name]:
            assert 1 <= forced <= 4
            return
    # As above: a machine too busy for a fetch gets two more chances.
    pytest.fail(f"refused later than {WITHOUT_PARKING} s after each rotation: {late}")


def test_stale_cache_at_the_key_server_needs_no_restart(sites: dict[str, Rotating]) -> None:
    site = sites["cached"]
    # The authorization server signs with the new key; what answers at the JWKS location does not know of it yet.
    assert site.reason(SECOND) == "no_matching_key"
    for _ in range(2):
        site.pass_time(300)
        assert site.reason(SECOND) == "no_matching_key"
        assert site.reason(FIRST) == "allowed"
    site.publishes(SECOND)
    site.pass_time(INTERVAL)
    site.wait_for(SECOND, "allowed")
    assert site.reason(FIRST) == "no_matching_key"
