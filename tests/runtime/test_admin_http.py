"""The admin listener itself; what each role says there is tested with the role."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from kit.client import request
from kit.processes import LOOPBACK, free_port
from watchword.runtime import admin_http
from watchword.runtime.admin_http import listening
from watchword.runtime.metrics import new_registry

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.enable_socket


@contextmanager
def admin(host: str = LOOPBACK) -> Iterator[int]:
    port = free_port()
    with listening(host, port, registry=new_registry("worker"), why_not_ready=lambda: None, warning=lambda: "Soon"):
        yield port


def test_probes_and_metrics() -> None:
    with admin() as port:
        answers = {
            path: request(f"http://{LOOPBACK}:{port}{path}") for path in ("/livez", "/readyz", "/metrics", "/other")
        }
    assert {path: answer.status for path, answer in answers.items()} == {
        "/livez": 200, "/readyz": 200, "/metrics": 200, "/other": 404,
    }  # fmt: skip
    assert answers["/readyz"].body == b"ready. Soon\n"
    assert b'watchword_build_info{role="worker",version=' in answers["/metrics"].body
    assert b"process_resident_memory_bytes" in answers["/metrics"].body


def test_listener_on_ipv6() -> None:
    with admin("::1") as port, socket.create_connection(("::1", port), timeout=30) as connection:
        connection.sendall(b"GET /livez HTTP/1.0\r\n\r\n")
        assert connection.makefile("rb").readline().split()[1] == b"200"


def test_silent_client_is_disconnected_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(admin_http._Handler, "timeout", 0.1)
    with admin() as port:
        connection = socket.create_connection((LOOPBACK, port), timeout=30)
        # On a busy machine the request may come too late, and the connection is reset.
        with connection, suppress(ConnectionError):
            connection.sendall(b"GET /livez")
            assert connection.recv(1) == b""
    assert capsys.readouterr().err == ""


def test_silent_clients_do_not_delay_a_probe() -> None:
    with admin() as port:
        silent = [socket.create_connection((LOOPBACK, port), timeout=30) for _ in range(20)]
        assert request(f"http://{LOOPBACK}:{port}/livez", timeout=30).status == 200
        for connection in silent:
            connection.close()


def test_nothing_listens_after_the_block() -> None:
    with admin() as port:
        pass
    assert not [thread for thread in threading.enumerate() if thread.name == "admin"]
    with socket.create_server((LOOPBACK, port)):
        pass
