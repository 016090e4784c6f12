"""The thin adapter, with a stand-in for what granian hands over; the real one runs in test_process.py."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from kit.processes import LOOPBACK, free_port
from watchword.settings.base import SettingsProblem
from watchword.settings.load import load_verifier_settings
from watchword.verifier import http_contract as wire
from watchword.verifier.listeners.gateway_port import GatewayPort, reserve
from watchword.verifier.listeners.http import _close_after, _handler, serve
from watchword.verifier.metrics import DecisionTimes
from watchword.verifier.snapshot import CurrentSnapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    Later = Callable[[wire.Response], None]


class Request:
    """A request as granian gives it, and what became of it."""

    def __init__(self) -> None:
        headers = [(b"host", b"a"), (b"authorization", b"Bearer one"), (b"authorization", b"Bearer \xe9")]
        self.scope = {"path": "/verify/plain/acme", "headers": headers}
        self.proto = self
        self.sent: list[dict[str, Any]] = []
        self.is_done = False

    def send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)

    def done(self) -> None:
        self.is_done = True


def response(status: int, headers: wire.Headers, body: bytes) -> list[dict[str, Any]]:
    return [
        {"type": "http.response.start", "status": status, "headers": headers},
        {"type": "http.response.body", "body": body, "more_body": False},
    ]


@pytest.mark.parametrize("body", [b"", b"{}"])
def test_path_and_all_authorization_headers_go_in_and_the_answer_out(body: bytes) -> None:
    asked: list[tuple[str, Sequence[str]]] = []

    def answer(path: str, authorization: Sequence[str], _later: Later) -> wire.Response:
        asked.append((path, authorization))
        return wire.Response(200, [(b"x-auth-subject", b"alice")], body)

    request = Request()
    _handler(answer, DecisionTimes())(request)
    assert asked == [("/verify/plain/acme", ["Bearer one", "Bearer \xe9"])]
    assert request.sent == response(200, [(b"x-auth-subject", b"alice")], body)


def test_a_fault_ends_the_request_without_an_answer_which_granian_makes_a_500() -> None:
    def fault(path: str, authorization: Sequence[str], later: Later) -> wire.Response:
        raise ZeroDivisionError

    request = Request()
    with pytest.raises(ZeroDivisionError):
        _handler(fault, DecisionTimes())(request)
    assert request.is_done
    assert request.sent == []


def test_a_request_that_waits_is_left_alone_until_its_answer_comes() -> None:
    promised: list[Later] = []

    def answer(path: str, authorization: Sequence[str], later: Later) -> None:
        promised.append(later)

    request = Request()
    _handler(answer, DecisionTimes())(request)
    assert request.sent == []
    promised[0](wire.Response(200, [], b""))
    assert request.sent == response(200, [], b"")
    assert not request.is_done


def test_the_end_comes_the_delay_after_it_was_asked_for() -> None:
    current, stop, gateway_port = CurrentSnapshot(hard_limit=100), threading.Event(), GatewayPort()
    _close_after(stop, 0.2, current, gateway_port)
    assert not current.stopping
    asked_at = time.monotonic()
    stop.set()
    gateway_port.run([], current)
    assert time.monotonic() - asked_at >= 0.2
    assert current.stopping


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server((LOOPBACK, 0)) as listener:
        yield listener.getsockname()[1]


@pytest.mark.enable_socket
def test_a_port_in_use_is_said(taken: int, tmp_path: Path) -> None:
    with pytest.raises(OSError, match=str(taken)):
        reserve(LOOPBACK, taken)
    settings = load_verifier_settings(
        feed_url=f"http://{LOOPBACK}:{free_port()}",
        credential="wwv_a",
        port=taken,
        admin_port=free_port(),
        state_file=tmp_path / "snapshot.json",
    )
    with pytest.raises(SettingsProblem, match="port"):
        serve(settings, threading.Event())


@pytest.mark.enable_socket
def test_an_unusable_authority_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(SettingsProblem, match="feed_ca_file"):
        serve(
            load_verifier_settings(
                credential="wwv_a", port=free_port(), feed_ca_file=tmp_path / "none.pem", state_file=tmp_path / "copy"
            ),
            threading.Event(),
        )
