"""How long decisions take, as a histogram (FO-06)."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from kit import live
from kit.feed_server import feed_server
from kit.verifier_process import verifier_process
from watchword.verifier.listeners.http import _handler
from watchword.verifier.metrics import ONE_IN, DecisionTimes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from watchword.verifier import http_contract as wire

NAME = "watchword_verifier_decision_duration_seconds"


def figures(times: DecisionTimes) -> dict[str, float]:
    registry = CollectorRegistry()
    registry.register(times)
    lines = generate_latest(registry).decode().splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")}


def test_fo_06_durations_are_counted_in_the_buckets_above() -> None:
    times = DecisionTimes()
    for nanoseconds in (1, 8191, 8192, 1_000_000, 5_000_000_000):
        times.add(nanoseconds)
    told = figures(times)
    assert told[f'{NAME}_bucket{{le="8.192e-06"}}'] == 2
    assert told[f'{NAME}_bucket{{le="1.6384e-05"}}'] == 3
    assert told[f'{NAME}_bucket{{le="0.000524288"}}'] == 3
    assert told[f'{NAME}_bucket{{le="0.001048576"}}'] == 4
    assert told[f'{NAME}_bucket{{le="1.073741824"}}'] == 4
    assert told[f'{NAME}_bucket{{le="+Inf"}}'] == told[f"{NAME}_count"] == 5
    assert told[f"{NAME}_sum"] == pytest.approx(5.001016384)


def test_fo_06_only_a_sample_of_requests_is_timed() -> None:
    times, asked = DecisionTimes(), list[str]()

    def answer(path: str, _authorization: Sequence[str], _later: Callable[[wire.Response], None], /) -> None:
        asked.append(path)

    handle = _handler(answer, times)
    for number in range(10 * ONE_IN):
        handle(SimpleNamespace(scope={"path": f"/{number}", "headers": []}))
    assert asked == [f"/{number}" for number in range(10 * ONE_IN)]
    assert figures(times)[f"{NAME}_count"] == 10
    assert figures(times)[f"{NAME}_sum"] > 0


@pytest.mark.enable_socket
@pytest.mark.timeout(120)
def test_fo_06_running_verifier_exports_decision_times(tmp_path: Path) -> None:
    with feed_server() as feed:
        feed.publish(live.trust())
        with verifier_process(tmp_path, feed_port=feed.port) as verifier:
            for _ in range(2 * ONE_IN + 1):
                assert verifier.ask(live.token()).status == 200
            text = verifier.admin("/metrics").body.decode()
    found = re.search(rf"^{NAME}_count (\S+)$", text, re.MULTILINE)
    assert found is not None
    assert float(found[1]) == 3
