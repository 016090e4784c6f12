"""What systemd would hear, on a real unix socket."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

import pytest

from watchword.runtime.sd_notify import notify, reporting_to_systemd

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.enable_socket

PATIENCE = 30.0


class Manager:
    """systemd's side of the socket."""

    def __init__(self, address: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address)
        self._socket.settimeout(PATIENCE)

    def hears(self) -> str:
        return self._socket.recv(4096).decode()

    def hears_nothing_more(self) -> bool:
        self._socket.settimeout(0)
        with pytest.raises(BlockingIOError):
            self._socket.recv(4096)
        return True

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Manager]:
    address = str(tmp_path / "notify")
    running = Manager(address)
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    yield running
    running.close()


def test_ready_is_sent_once_and_stopping_at_the_end(manager: Manager) -> None:
    looks = iter([False, False, True])
    with reporting_to_systemd(lambda: next(looks), lambda: True):
        assert manager.hears() == "READY=1"
    assert manager.hears() == "STOPPING=1"
    assert manager.hears_nothing_more()


def test_busy_systemd_gets_ready_later_and_delays_nothing(manager: Manager) -> None:
    waiting = 0
    while notify("STATUS=before"):
        waiting += 1
    asked = threading.Semaphore(0)

    def is_ready() -> bool:
        asked.release()
        return True

    with reporting_to_systemd(is_ready, lambda: True):
        assert asked.acquire(timeout=PATIENCE)
        assert [manager.hears() for _ in range(waiting)] == ["STATUS=before"] * waiting
        assert manager.hears() == "READY=1"


def test_process_ends_without_waiting_for_a_busy_systemd(manager: Manager) -> None:
    while notify("STATUS=before"):
        pass
    with reporting_to_systemd(lambda: True, lambda: True):
        pass
    assert manager.hears() == "STATUS=before"


def test_watchdog_is_notified_while_the_process_is_alive(manager: Manager, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "20000")
    with reporting_to_systemd(lambda: True, lambda: True):
        assert [manager.hears() for _ in range(4)] == ["READY=1", *["WATCHDOG=1"] * 3]


def test_watchdog_is_not_notified_while_the_process_hangs(manager: Manager, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "20000")
    asked = threading.Semaphore(0)

    def is_alive() -> bool:
        asked.release()
        return False

    with reporting_to_systemd(lambda: True, is_alive):
        for _ in range(3):
            assert asked.acquire(timeout=PATIENCE)
    assert [manager.hears(), manager.hears()] == ["READY=1", "STOPPING=1"]
    assert manager.hears_nothing_more()


def test_process_that_ends_early_never_sends_ready(manager: Manager) -> None:
    with reporting_to_systemd(lambda: False, lambda: True):
        pass
    assert manager.hears() == "STOPPING=1"
    assert manager.hears_nothing_more()


def test_abstract_socket_address_is_supported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    name = f"watchword-{tmp_path.name}-{id(monkeypatch)}"
    manager = Manager(f"\0{name}")
    monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")
    assert notify("STATUS=here", "READY=1")
    assert manager.hears() == "STATUS=here\nREADY=1"
    manager.close()


def test_without_systemd_nothing_is_sent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    with reporting_to_systemd(lambda: pytest.fail("nobody asks"), lambda: True):
        pass
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    assert not notify("READY=1")
