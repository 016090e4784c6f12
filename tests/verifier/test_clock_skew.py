"""A verifier compares its clock with the portal's (FO-04)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from structlog.testing import capture_logs

from kit import live
from kit.feed_server import feed_server
from kit.verifier_process import VerifierProcess
from watchword.verifier.clock_skew import ClockSkew

if TYPE_CHECKING:
    from pathlib import Path

DATE = "Sun, 29 Nov 2026 09:00:00 GMT"
AT = 1_795_942_800.5
"""The middle of that second."""


@pytest.fixture
def skew() -> ClockSkew:
    return ClockSkew()


def figures(skew: ClockSkew) -> str:
    registry = CollectorRegistry()
    registry.register(skew)
    return generate_latest(registry).decode()


def test_fo_04_wrong_clock_has_a_metric_and_a_log_line(skew: ClockSkew) -> None:
    assert not re.search("^watchword", figures(skew), re.MULTILINE), "absent until it is known"
    with capture_logs() as lines:
        skew.note(DATE, AT + 3)
        assert "watchword_verifier_clock_skew_seconds 3.0" in figures(skew)
        for _ in range(3):
            skew.note(DATE, AT + 90)
        assert "watchword_verifier_clock_skew_seconds 90.0" in figures(skew)
        skew.note(DATE, AT - 90)
        assert "watchword_verifier_clock_skew_seconds -90.0" in figures(skew)
        skew.note(DATE, AT - 9)
    assert [(line["event"], line.get("ahead")) for line in lines] == [
        ("clock_differs", "this machine"),
        ("clock_differs", "the portal"),
        ("clock_agrees_again", None),
    ]


@pytest.mark.parametrize("date", [None, "", "yesterday", "Sun, 99 Nov 2026 09:00:00 GMT", "9" * 5000])
def test_a_date_that_cannot_be_read_says_nothing(skew: ClockSkew, date: str | None) -> None:
    skew.note(date, AT)
    assert skew.seconds is None


@pytest.mark.enable_socket
@pytest.mark.timeout(120)
def test_fo_04_verifier_with_a_wrong_clock_logs_it(tmp_path: Path) -> None:
    with feed_server() as feed:
        feed.publish(live.trust())
        verifier = VerifierProcess(tmp_path, feed_port=feed.port)
        verifier.clock_ahead = 300
        try:
            child = verifier.start()
            child.wait_until(lambda: "clock_differs" in verifier.log(), what="the line", timeout=60)
            found = re.search(rb"(?m)^watchword_verifier_clock_skew_seconds (\S+)$", verifier.admin("/metrics").body)
        finally:
            verifier.stop()
    assert found is not None
    # A busy machine may take its time between the answer and the look at the clock.
    assert 290 < float(found[1]) < 360
