"""M-13: servers that hang, reset or fail do not starve the refresh of those that answer.

The simulation is the worker's own claiming and recording on a database of 1,000 organizations, with a clock that jumps
from one event to the next; only the fetches are made up. The real run beside it shows that the loop keeps to it.
"""

from __future__ import annotations

import heapq
import threading
from collections import defaultdict
from datetime import timedelta
from itertools import count, pairwise
from typing import TYPE_CHECKING, Final

import pytest
from django.utils import timezone

from kit import registrations
from kit.forge import ec_key, key_set
from kit.key_server import KeyServer, serves, stalls_handshake
from kit.processes import wait_until
from kit.registrations import SETTINGS, failed, not_modified
from watchword.control.organizations.models import Organization
from watchword.control.servers.key_set_commands import claim_due, record_findings
from watchword.control.servers.key_sets import to_document
from watchword.control.servers.models import AuthorizationServer, KeySetState
from watchword.core.jwk import admit
from watchword.jwks.problem import Problem
from watchword.worker.loop import ANSWERING_AT_ONCE, FAILING_AT_ONCE, FetchSlots, Worker

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from watchword.control.servers.key_set_commands import Claim
    from watchword.jwks.findings import Findings

KEYS: Final = to_document(admit(key_set(ec_key("a"))).keys)
SCALE: Final = 6
"""The simulation has a sixth of everything: of the 1,000 organizations, the 600 that fail, and the places."""

ORGANIZATIONS: Final = 1_000 // SCALE
INTERVAL: Final = 300
LATEST: Final = 1.1 * INTERVAL + 1
LONG: Final = 630.0
STEP: Final = 0.5
HANGING_SECONDS: Final = 15.0
"""How long a real server hangs; those that answer are all fetched well before."""


def registered(number: int, at: datetime, *, location: str = registrations.LOCATION, due_in: float) -> KeySetState:
    """A row of each, without the commands: a thousand of them would take a minute."""
    name = f"org{number:04}"
    server = AuthorizationServer(
        organization=Organization(id=name, name=name, created_at=at), slot=1, enabled=True, name="ProdOkta",
        jwks_location=location, verify_certificate=True, accepts_bound_tokens=False, created_at=at, created_by="alice",
        updated_at=at, updated_by="alice",
    )  # fmt: skip
    return KeySetState(
        server=server, document=KEYS, fetched_at=at, good_until=at + timedelta(days=1), attempted_at=at,
        due_at=at + timedelta(seconds=due_in),
    )  # fmt: skip


def stored(states: list[KeySetState]) -> list[UUID]:
    Organization.objects.bulk_create(state.server.organization for state in states)
    AuthorizationServer.objects.bulk_create(state.server for state in states)
    KeySetState.objects.bulk_create(states)
    return [state.server_id for state in states]


class Simulation:
    """One worker's places, on a clock of its own. `began` has the starts of the fetches of each server, in seconds."""

    def __init__(self, start: datetime, bad: dict[UUID, tuple[float, Problem]]) -> None:
        self.start = start
        self.bad = bad
        self.began: dict[UUID, list[float]] = defaultdict(list)
        self._places = FetchSlots(answering=ANSWERING_AT_ONCE // SCALE, failing=FAILING_AT_ONCE // SCALE)
        self._under_way: list[tuple[float, int, Claim]] = []
        self._numbers = count()

    def run(self, seconds: float) -> None:
        self._end = seconds
        elapsed = 0.0
        while elapsed < seconds:
            while self._under_way and self._under_way[0][0] <= elapsed:
                ended, _, claim = heapq.heappop(self._under_way)
                record_findings(claim, self._findings(claim), self._at(ended), SETTINGS)
                self._places.release(claim)
            answering, failing = (self._places.free(failing=kind) for kind in (False, True))
            for claim in claim_due("one", self._at(elapsed), answering, failing_limit=failing):
                self._places.take(claim)
                self.began[claim.server_id].append(elapsed)
                duration = self.bad.get(claim.server_id, (0.1, None))[0]
                heapq.heappush(self._under_way, (elapsed + duration, next(self._numbers), claim))
            elapsed += STEP

    def longest_wait(self, server_id: UUID) -> float:
        moments = [0.0, *self.began[server_id], self._end]
        return max(later - earlier for earlier, later in pairwise(moments))

    def _at(self, elapsed: float) -> datetime:
        return self.start + timedelta(seconds=elapsed)

    def _findings(self, claim: Claim) -> Findings:
        bad = self.bad.get(claim.server_id)
        return not_modified() if bad is None else failed(bad[1])


@pytest.mark.django_db
def test_m13_of_1000_organizations_600_hang_reset_or_fail_and_the_others_keep_their_interval() -> None:
    start = timezone.now()
    # A fetch that cannot connect takes its 2 s to say so; hanging takes all 5 s; a 500 comes at once.
    kinds = [(5.0, Problem.TIMED_OUT), (2.0, Problem.CONNECTION_FAILED), (0.1, Problem.HTTP_SERVER_FAULT)]
    servers = stored([registered(n, start, due_in=n * INTERVAL / ORGANIZATIONS) for n in range(ORGANIZATIONS)])
    # They begin to fail at this very moment, spread over all: 3 of each 5.
    bad = {server: kinds[n % 5] for n, server in enumerate(servers) if n % 5 < 3}
    simulation = Simulation(start, bad)
    simulation.run(LONG)
    assert max(simulation.longest_wait(server) for server in servers if server not in bad) <= LATEST
    # And no server was given up.
    assert max(simulation.longest_wait(server) for server in bad) <= LATEST


@pytest.mark.django_db
def test_m13_600_servers_that_hang_for_hours_do_not_delay_the_others() -> None:
    start = timezone.now()
    servers = stored([registered(n, start, due_in=n * INTERVAL / ORGANIZATIONS) for n in range(ORGANIZATIONS)])
    bad = {server: (5.0, Problem.TIMED_OUT) for n, server in enumerate(servers) if n % 5 < 3}
    KeySetState.objects.filter(server__in=bad).update(
        failures=6, failing_since=start, problem="timed_out", due_at=start - timedelta(hours=1)
    )
    simulation = Simulation(start, bad)
    simulation.run(LONG / 2)
    assert max(simulation.longest_wait(server) for server in servers if server not in bad) <= LATEST
    assert all(simulation.began[server] for server in bad)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("committing")
@pytest.mark.enable_socket
def test_m13_real_servers_that_hang_leave_slots_to_the_others() -> None:
    now = timezone.now()
    with KeyServer(stalls_handshake()) as hanging, KeyServer(serves(key_set(ec_key("a")))) as good:
        # Of a server on a network of one's own the handshake has the time to connect, so that is long here; and what
        # fails takes all of it.
        ports = frozenset({hanging.port, good.port})
        policy = good.policy(allowed_ports=ports, connect_timeout=HANGING_SECONDS, total_timeout=HANGING_SECONDS)
        bad = stored([registered(n, now, location=hanging.location, due_in=-60) for n in range(2 * FAILING_AT_ONCE)])
        KeySetState.objects.filter(server__in=bad).update(failures=3, failing_since=now, problem="timed_out")
        well = stored([registered(100 + n, now, location=good.location, due_in=3600) for n in range(12)])
        stop = threading.Event()
        worker = threading.Thread(target=Worker(policy=policy, refresh=SETTINGS).run, args=[stop])
        worker.start()
        try:
            wait_until(lambda: hanging.connections == FAILING_AT_ONCE, what="the share of the failing is used up")
            KeySetState.objects.filter(server__in=well).update(due_at=timezone.now())
            fetched = KeySetState.objects.filter(server__in=well, fetch_number=1, lease_until=None)
            wait_until(lambda: fetched.count() == len(well), what="all that answer are fetched")
            # Before a single one of those that hang has ended.
            assert KeySetState.objects.filter(server__in=bad, failures=3).count() == len(bad)
            assert hanging.connections == FAILING_AT_ONCE
        finally:
            stop.set()
            hanging.close()
            worker.join(timeout=2 * HANGING_SECONDS)
            assert not worker.is_alive()
