"""Whether a process is alive that may speak TLS, or hang: the messages to systemd's watchdog."""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from kit.processes import LOOPBACK, free_port
from watchword.cli import role_processes
from watchword.cli.role_processes import responds, verifier_is_alive
from watchword.cli.roles import roles
from watchword.cli.serve import Machine
from watchword.runtime.admin_http import listening
from watchword.runtime.metrics import new_registry
from watchword.settings.load import load_control_settings, load_verifier_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.enable_socket


@contextmanager
def listener(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """Accepts one connection, does this with it, and holds it open until the block ends."""
    over = threading.Event()
    with socket.create_server((LOOPBACK, 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                answer(connection)
                over.wait(timeout=30)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            over.set()
            thread.join()


def says_something(connection: socket.socket) -> None:
    connection.recv(1024)
    # The TLS alert of a server that gets plain HTTP.
    connection.sendall(b"\x15\x03\x01\x00\x02\x02\x46")


def resets(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def is_silent(connection: socket.socket) -> None:
    connection.recv(1024)


@pytest.mark.parametrize(("behaviour", "alive"), [(says_something, True), (resets, True), (is_silent, False)])
def test_server_that_responds_in_any_way_is_alive(
    monkeypatch: pytest.MonkeyPatch, behaviour: Callable[[socket.socket], None], *, alive: bool
) -> None:
    # Long for who answers at once, short for the one that never does.
    monkeypatch.setattr(role_processes, "ALIVE_SECONDS", 30.0 if alive else 0.2)
    with listener(behaviour) as port:
        assert responds(LOOPBACK, port) is alive


@pytest.mark.parametrize(("why_not", "alive"), [("No snapshot yet.", True), (None, False)])
def test_verifier_with_a_closed_gateway_port_is_alive_if_its_probe_says_why(
    why_not: str | None, *, alive: bool
) -> None:
    settings = load_verifier_settings(port=free_port(), admin_port=free_port())
    assert not verifier_is_alive(settings)
    with listening(LOOPBACK, settings.admin_port, registry=new_registry("verifier"), why_not_ready=lambda: why_not):
        assert verifier_is_alive(settings) is alive


def test_portal_is_asked_by_the_name_at_which_browsers_reach_it() -> None:
    """By any other name it refuses the request and logs an error, at each start."""
    heard = []

    def refuse(connection: socket.socket) -> None:
        heard.append(connection.recv(1024).decode())
        connection.sendall(b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n")

    with listener(refuse) as port:
        control = load_control_settings(portal_port=port, public_origin="https://portal.example:8443")
        machine = Machine(control, load_verifier_settings())
        portal = roles(machine, {})[0]
        assert not portal.is_ready()
    assert "\r\nHost: portal.example:8443\r\n" in heard[0]


def test_closed_port_is_not_alive() -> None:
    assert not responds(LOOPBACK, free_port())
