"""SIGTERM and SIGINT at any moment."""

from __future__ import annotations

import signal
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from kit.processes import ChildProcess
from watchword.runtime.shutdown import SIGNALS, also_on_signals, stop_on_signals

if TYPE_CHECKING:
    from pathlib import Path

# Nearly always inside `Event.wait`, where a handler that sets the event would wait for a lock that its thread holds.
PROGRAM = """
from watchword.runtime.shutdown import stop_on_signals

with stop_on_signals() as stop:
    print("waiting", flush=True)
    while not stop.wait(0):
        pass
print("stopped", flush=True)
"""


@pytest.mark.parametrize("number", sorted(SIGNALS), ids=lambda number: number.name)
def test_signal_stops_a_process_at_any_point(number: signal.Signals, tmp_path: Path) -> None:
    child = ChildProcess((sys.executable, "-c", PROGRAM), log=tmp_path / "log")
    try:
        child.wait_until(lambda: "waiting" in child.output(), what="waiting")
        child.terminate(number)
        assert child.wait() == 0
        assert child.output().endswith("stopped\n")
    finally:
        child.stop()


def test_signal_mask_is_restored() -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    with stop_on_signals() as stop:
        assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) >= SIGNALS
        assert not stop.is_set()
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before


# A server's event loop, whose own handler is what ends it.
SERVER = """
import asyncio
import signal

from watchword.runtime.shutdown import also_on_signals

async def serve():
    over = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.{number}, over.set)
    also_on_signals(lambda: print("called", flush=True))
    print("serving", flush=True)
    await over.wait()
    print("ended", flush=True)

asyncio.run(serve())
"""


@pytest.mark.parametrize("number", sorted(SIGNALS), ids=lambda number: number.name)
def test_callback_and_the_servers_own_handler_both_run(number: signal.Signals, tmp_path: Path) -> None:
    child = ChildProcess((sys.executable, "-c", SERVER.format(number=number.name)), log=tmp_path / "log")
    try:
        child.wait_until(lambda: "serving" in child.output(), what="serving")
        child.terminate(number)
        assert child.wait() == 0
        assert child.output().endswith("called\nended\n")
    finally:
        child.stop()


def test_signal_without_a_handler_keeps_its_action(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    heard: list[str] = []
    handlers: dict[int, object] = {
        signal.SIGTERM: lambda *_: heard.append("before"),
        signal.SIGINT: signal.SIG_IGN,
    }
    monkeypatch.setattr(signal, "getsignal", handlers.__getitem__)
    monkeypatch.setattr(signal, "signal", handlers.__setitem__)
    also_on_signals(lambda: heard.append("called"))
    handlers[signal.SIGTERM](signal.SIGTERM, None)  # type: ignore[operator]
    assert heard == ["called", "before"]
    assert handlers[signal.SIGINT] is signal.SIG_IGN


def test_handlers_are_not_changed_from_another_thread() -> None:
    before = {number: signal.getsignal(number) for number in SIGNALS}
    thread = threading.Thread(target=also_on_signals, args=[list])
    thread.start()
    thread.join()
    assert {number: signal.getsignal(number) for number in SIGNALS} == before
