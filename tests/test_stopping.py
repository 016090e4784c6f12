"""Being told to stop, at any moment."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

import pytest

from kit.processes import ChildProcess
from watchword.stopping import SIGNALS, stop_on_signals

if TYPE_CHECKING:
    from pathlib import Path

# Nearly always inside `Event.wait`, where a handler that sets the event would wait for a lock that its thread holds.
PROGRAM = """
from watchword.stopping import stop_on_signals

with stop_on_signals() as stop:
    print("waiting", flush=True)
    while not stop.wait(0):
        pass
print("stopped", flush=True)
"""


@pytest.mark.parametrize("number", sorted(SIGNALS), ids=lambda number: number.name)
def test_a_signal_stops_a_process_whatever_it_is_doing(number: signal.Signals, tmp_path: Path) -> None:
    child = ChildProcess((sys.executable, "-c", PROGRAM), log=tmp_path / "log")
    try:
        child.wait_until(lambda: "waiting" in child.output(), what="waiting")
        child.terminate(number)
        assert child.wait() == 0
        assert child.output().endswith("stopped\n")
    finally:
        child.stop()


def test_afterwards_signals_are_as_before() -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    with stop_on_signals() as stop:
        assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) >= SIGNALS
        assert not stop.is_set()
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before
