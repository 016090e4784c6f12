"""Verifiers, portal, worker and PostgreSQL under load, and an oracle that knows the answers: promises 1, 2, 3, 6.

No decision may be wrong. The speed of changes is recorded and fails no test: it depends on the machine.
"""

from __future__ import annotations

import json
import random
import statistics
import subprocess
import sys
import threading
from collections import deque
from typing import TYPE_CHECKING

import pytest

from kit.flapping import FLAPPING, ONCE
from kit.fleet import asking, fleet, wait_until_ready
from kit.processes import is_listening
from kit.soak import length

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from kit.fleet import Fleet, Heard
    from kit.postgres import Cluster

pytestmark = [pytest.mark.enable_socket, pytest.mark.timeout(600), pytest.mark.soak]

VERIFIERS = length(4, 8)
TURNS = length(40, 60)
PER_SECOND = 10
HOUR = 3600
FLAPS = tuple(f"{FLAPPING}{number}" for number in range(100))
ONE_WAY = tuple(f"{ONCE}{number:02}" for number in range(20))
LATER = "later"
SUSPENDED = "organization_suspended"
STEADY = {"acme": "allowed", "globex": SUSPENDED, "initech": "no_matching_key", "nobody": "no_matching_key"}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, cluster: Cluster) -> Iterator[Fleet]:
    directory = tmp_path_factory.mktemp("fleet")
    organizations = ("globex", LATER, *FLAPS, *ONE_WAY)
    with fleet(directory, cluster, verifiers=VERIFIERS, organizations=organizations) as started:
        started.product.desk("suspend", "globex")
        started.wait_for({**STEADY, LATER: "allowed"})
        yield started


# ------------------------------------------------ suspensions that come and go


class Changes:
    """The events that `kit.flapping` reports."""

    def __init__(self, product_environment: dict[str, str]) -> None:
        self.made: list[tuple[float, float, str, bool]] = []
        self.recent: deque[str] = deque(["acme"], maxlen=12)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "kit.flapping", str(TURNS), str(PER_SECOND)],
            env=product_environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def wait(self) -> None:
        assert self._process.wait(timeout=300) == 0
        self._reader.join()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                began, committed, organization, suspended = json.loads(line)
                self.made.append((began, committed, organization, suspended))
                self.recent.append(organization)

    def last(self) -> dict[str, str]:
        """The final state of every organization that changed."""
        return {name: SUSPENDED if suspended else "allowed" for _, _, name, suspended in self.made}

    def judge(self, heard: list[Heard]) -> list[str]:
        """What is wrong with these answers at any speed, in words."""
        first = {name: began for began, _, name, _ in reversed(self.made)}
        order = [name for _, _, name, _ in self.made if name in ONE_WAY]
        wrong = [
            f"{entry}: not published yet"
            for entry in heard
            if entry.said == SUSPENDED
            and entry.organization not in STEADY
            and entry.answered_at < first.get(entry.organization, float("inf"))
        ]
        wrong += [f"{entry}: steady" for entry in heard if entry.said != STEADY.get(entry.organization, entry.said)]
        wrong += [
            f"{entry}: no such answer"
            for entry in heard
            if entry.organization not in STEADY and entry.said not in {SUSPENDED, "allowed"}
        ]
        return wrong + gone_back(heard, order)

    def still_old(self, heard: list[Heard]) -> list[float]:
        """For each change, the seconds from its commit to the last answer by the old state.

        Zero if there was none. The time to the first new answer is no measure: it depends on how often clients ask.
        """
        last = list[float]()
        for number, (_, committed, name, suspended) in enumerate(self.made):
            until = next((began for began, _, other, _ in self.made[number + 1 :] if other == name), float("inf"))
            before = "allowed" if suspended else SUSPENDED
            asked = [entry for entry in heard if entry.organization == name and committed <= entry.asked_at < until]
            if asked:
                last.append(max([entry.asked_at - committed for entry in asked if entry.said == before], default=0.0))
        return sorted(last)


def gone_back(heard: list[Heard], order: list[str]) -> list[str]:
    """Allows for organizations that the same verifier had already refused as suspended, or a later one of."""
    place = {name: number for number, name in enumerate(order)}
    known = [
        (entry.answered_at, entry.verifier, place[entry.organization])
        for entry in heard
        if entry.organization in place and entry.said == SUSPENDED
    ]
    return [
        f"{entry}: suspended before"
        for entry in heard
        if entry.organization in place
        and entry.said == "allowed"
        and any(
            verifier == entry.verifier and answered_at < entry.asked_at and place[entry.organization] <= number
            for answered_at, verifier, number in known
        )
    ]


def test_verifiers_follow_ten_suspension_changes_a_second(running: Fleet) -> None:
    changes = Changes(running.product.whole_environment())

    def choose() -> str:
        draw = random.random()  # noqa: S311 - no secret.
        if draw < 0.02:
            # Rarely: a token of an unknown key may wait, and its client with it.
            return random.choice(list(STEADY))  # noqa: S311
        # Mostly the newest, which a verifier may not know yet.
        return changes.recent[-1] if draw < 0.7 else random.choice(changes.recent)  # noqa: S311

    with asking(running, choose) as load:
        changes.wait()
        running.wait_for(changes.last())
    assert changes.judge(load.heard) == []
    assert load.unanswered == set()
    assert running.all_say({**STEADY, **changes.last()}) == []
    assert len(changes.made) > TURNS
    old = changes.still_old(load.heard)
    assert old
    sys.stdout.write(
        f"{len(changes.made)} changes, {len(load.heard)} decisions; the old was last told after: "
        f"median {statistics.median(old):.3f} s, 99 % {old[int(len(old) * 0.99)]:.3f} s, longest {old[-1]:.3f} s\n"
    )
    # Five are promised, of a machine that has time.
    assert old[-1] < 60.0


# ------------------------------------------------ an hour without database


def test_hour_without_database_changes_no_decision(running: Fleet, cluster: Cluster) -> None:
    restarted = range(0, VERIFIERS, 3)
    with asking(running, lambda: random.choice(list(STEADY))) as load:  # noqa: S311 - no secret.
        cluster.stop()
        try:
            running.product.kill("worker")
            restart(running, restarted, clock_ahead=HOUR)
            assert running.all_say({**STEADY, LATER: "allowed"}) == []
        finally:
            cluster.start()
    assert [entry for entry in load.heard if entry.said != STEADY[entry.organization]] == []
    assert load.unanswered <= set(restarted)
    # Portal and verifiers reconnect without a restart.
    restart(running, restarted, clock_ahead=0)
    running.product.start("worker")
    running.product.desk("suspend", LATER)
    running.wait_for({**STEADY, LATER: SUSPENDED})
    running.product.desk("reinstate", LATER)
    running.wait_for({**STEADY, LATER: "allowed"})


def test_gateway_ports_close_after_a_day_without_answer(running: Fleet) -> None:
    one = running.verifiers[0]
    running.product.process("portal").pause()
    try:
        restart(running, [0], clock_ahead=25 * HOUR, ready=False)
        assert not is_listening(one.port)
        assert one.admin("/readyz").status == 503
    finally:
        running.product.process("portal").resume()
        restart(running, [0], clock_ahead=0)
    running.wait_for(STEADY)


def restart(running: Fleet, numbers: Iterable[int], *, clock_ahead: int, ready: bool = True) -> None:
    """Every second one of them by `kill -9`."""
    chosen = [running.verifiers[number] for number in numbers]
    for place, one in enumerate(chosen):
        assert one.child is not None
        if place % 2:
            one.child.kill()
        else:
            one.stop()
        one.clock_ahead = clock_ahead
        one.launch().wait_until_listening(one.admin_port, timeout=60)
    if ready:
        wait_until_ready(chosen)
