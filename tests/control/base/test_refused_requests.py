"""FK-08: what is counted, how often a line is logged, and when a series is recorded."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from watchword.control.base.refused_requests import (
    EVENT_SECONDS,
    FEW,
    LOG_SECONDS,
    WINDOW_SECONDS,
    Kind,
    Recorder,
    Series,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Recording:
    """A recorder with a clock that the test sets, and what it wants recorded."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.recorder = Recorder(self.clock)
        self.series: list[Series] = []
        self.recorder.record_with(self.series.append)

    def note(self, times: int, kind: Kind = Kind.PAGE_FORBIDDEN, **who: Any) -> None:
        for _ in range(times):
            self.recorder.note(kind, **who)


@pytest.fixture
def recording() -> Recording:
    return Recording()


@pytest.fixture
def lines() -> Iterator[list[Any]]:
    with capture_logs() as captured:
        yield captured


@pytest.mark.parametrize("kind", Kind)
def test_fk_08_every_kind_is_counted(recording: Recording, kind: Kind) -> None:
    recording.note(3, kind)
    assert dict(recording.recorder.totals()) == {other: 3 * (other is kind) for other in Kind}


def test_fk_08_flood_is_logged_in_few_lines_without_actor_or_address(recording: Recording, lines: list[Any]) -> None:
    recording.note(500, actor="bob@acme.example", address="192.0.2.1")
    recording.clock.now += LOG_SECONDS
    recording.note(500, actor="bob@acme.example", address="192.0.2.1")

    assert lines == [
        {"event": "requests_refused", "log_level": "warning", "kind": "page_forbidden", "number": number}
        for number in (1, 500)
    ]


def test_fk_08_flood_is_recorded_as_one_series(recording: Recording) -> None:
    recording.note(FEW - 1, actor="bob@acme.example", address="192.0.2.1")
    assert recording.series == []
    recording.note(5000, actor="bob@acme.example", address="192.0.2.1")
    (series,) = recording.series
    assert series == Series(kind=Kind.PAGE_FORBIDDEN, number=FEW, actor="bob@acme.example", address="192.0.2.1")


def test_fk_08_same_number_over_longer_time_is_no_series(recording: Recording) -> None:
    for _ in range(5):
        recording.note(FEW - 1)
        recording.clock.now += WINDOW_SECONDS
    assert recording.series == []


def test_fk_08_continuing_series_is_recorded_again_after_an_hour(recording: Recording) -> None:
    recording.note(FEW)
    recording.clock.now += EVENT_SECONDS - 1
    recording.note(FEW)
    assert len(recording.series) == 1
    recording.clock.now += 1
    recording.note(FEW)
    assert len(recording.series) == 2


def test_fk_08_kinds_are_counted_separately(recording: Recording) -> None:
    for kind in Kind:
        recording.note(FEW, kind)
    assert [series.kind for series in recording.series] == [kind for kind in Kind if kind is not Kind.PASSWORDS_BUSY]


def test_fk_08_series_names_actor_and_address_only_if_all_agree(
    recording: Recording,
) -> None:
    recording.note(FEW - 1, actor="bob@acme.example", address="192.0.2.1")
    recording.note(1, actor="charlie@globex.example", address="192.0.2.2")
    recording.note(1, Kind.BODY_REFUSED)
    (series,) = recording.series
    assert (series.actor, series.address) == (None, None)


def test_fk_08_many_threads_count_every_request_and_record_one_series(recording: Recording) -> None:
    start = threading.Barrier(8)

    def flood(_: int) -> None:
        start.wait(timeout=30)
        recording.note(200)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(flood, range(8)))
    assert dict(recording.recorder.totals())[Kind.PAGE_FORBIDDEN] == 1600
    assert len(recording.series) == 1
