"""Log lines about a failure that lasts (FO-01)."""

from __future__ import annotations

from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from watchword.runtime.outages import LONGEST_PAUSE, MOST_KINDS, Outage


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def outage(clock: Clock) -> Outage:
    return Outage(structlog.get_logger("test"), "nothing_claimed", over="claiming_again", clock=clock)


def fail_for(outage: Outage, clock: Clock, seconds: int, **fields: Any) -> list[Any]:
    """The lines of failures, four a second."""
    with capture_logs() as lines:
        for _ in range(4 * seconds):
            outage.failed(**fields)
            clock.now += 0.25
    return lines


def test_fo_01_repeated_failures_are_summarized(outage: Outage, clock: Clock) -> None:
    first, *summaries = fail_for(outage, clock, 3600, fault="OperationalError")
    assert first == {"event": "nothing_claimed", "fault": "OperationalError", "log_level": "error"}
    times = [line["for_seconds"] for line in summaries]
    assert times == [10, 30, 70, 150, 310, 630, 1270, 2550]
    assert summaries[0]["failures"] == 41


def test_fo_01_summaries_never_stop(outage: Outage, clock: Clock) -> None:
    outage.failed()
    clock.now = 10 * LONGEST_PAUSE
    with capture_logs() as lines:
        for _ in range(24):
            outage.failed()
            clock.now += LONGEST_PAUSE
    assert len(lines) > 20


def test_fo_01_end_of_an_outage_logs_its_duration(outage: Outage, clock: Clock) -> None:
    with capture_logs() as lines:
        outage.succeeded()
    assert lines == []
    fail_for(outage, clock, 60, fault="OperationalError")
    with capture_logs() as lines:
        outage.succeeded()
        outage.succeeded()
    assert lines == [{"event": "claiming_again", "after_seconds": 60, "failures": 240, "log_level": "info"}]


def test_fo_01_next_outage_is_logged_again(outage: Outage, clock: Clock) -> None:
    fail_for(outage, clock, 100, fault="OperationalError")
    outage.succeeded()
    clock.now += 1
    assert [line.get("for_seconds") for line in fail_for(outage, clock, 12, fault="OperationalError")] == [None, 10]


def test_fo_01_other_faults_have_a_bounded_number_of_lines(outage: Outage) -> None:
    with capture_logs() as lines:
        for number in range(100):
            outage.failed(fault=f"Fault{number}")
            outage.failed(fault="Fault0")
    assert [line["fault"] for line in lines] == [f"Fault{number}" for number in range(MOST_KINDS)]
