"""A request that waits for a rotated key is answered before its gateway asks another verifier (M-10)."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from kit import live
from kit.processes import wait_until
from kit.routed import SHARED

if TYPE_CHECKING:
    from kit.feed_server import FeedServer
    from kit.gateways import Site
    from kit.routed import Routed

pytestmark = pytest.mark.enable_socket


def statuses_around_a_rotation(site: Site, feed: FeedServer, organization: str, kid: str) -> set[int]:
    """The statuses of two requests with a new key, which is published once a verifier has reported it."""
    rotated = live.KEY.named(kid)
    token = live.token(rotated)
    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(site.get, token, organization=organization) for _ in range(2)]

        def asked_for_or_refused() -> bool:
            return (organization, kid) in feed.reports or all(one.done() for one in waiting)

        wait_until(asked_for_or_refused, what="asked for", timeout=30)
        feed.publish(live.trust(live.KEY, rotated, organization=organization))
        return {one.result(timeout=30).status for one in waiting}


@pytest.mark.parametrize("name", SHARED)
def test_token_of_a_new_key_passes_each_gateway(routed: Routed, many: FeedServer, name: str) -> None:
    site, organization = replace(routed.site(name, "host"), patient=False), f"rotates-behind-{name}"
    many.publish(live.trust(organization=organization))
    good = live.token()
    wait_until(lambda: site.get(good, organization=organization).status == 200, what="known", timeout=30)
    statuses: set[int] = set()
    tries, until = 0, time.monotonic() + 60
    # On a busy machine the key may come after its time.
    while 200 not in statuses and time.monotonic() < until:
        tries += 1
        statuses = statuses_around_a_rotation(site, many, organization, f"{name}-{tries}")
    assert 200 in statuses
