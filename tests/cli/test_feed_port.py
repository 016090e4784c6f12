"""`watchword serve portal` with a port of its own for the feed: two processes that start, stop and fail as one."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kit.client import request
from kit.processes import LOOPBACK, free_port, is_listening, wait_until
from kit.product import Product
from watchword.cli import portal_application
from watchword.cli.local_verifier import local_verifier_settings
from watchword.cli.output import CommandFailed
from watchword.cli.portal_application import turns
from watchword.cli.serve import Machine
from watchword.settings.control import ControlSettings
from watchword.settings.verifier import VerifierSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.enable_socket, pytest.mark.timeout(180)]

SECONDS = 60.0


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Product]:
    settings = {"WATCHWORD_FEED_PORT": str(free_port()), "WATCHWORD_FEED_ADMIN_PORT": str(free_port())}
    running = Product(tmp_path, settings=settings)
    try:
        running.set_up("acme")
        running.start("portal")
        yield running
    finally:
        running.close()


def feed_admin(product: Product, path: str) -> str:
    port = product.environment["WATCHWORD_FEED_ADMIN_PORT"]
    return request(f"http://{LOOPBACK}:{port}{path}", timeout=SECONDS).body.decode()


def test_fk_02_each_port_serves_its_own_and_both_stop_at_once(product: Product) -> None:
    assert request(f"{product.portal}/sign-in", timeout=SECONDS).status == HTTPStatus.OK
    assert request(f"{product.portal}/feed/v1/changes", timeout=SECONDS).status == HTTPStatus.NOT_FOUND
    assert request(f"{product.feed}/sign-in", timeout=SECONDS).status == HTTPStatus.NOT_FOUND
    assert request(f"{product.feed}/feed/v1/changes", timeout=SECONDS).status == HTTPStatus.UNAUTHORIZED
    assert feed_admin(product, "/readyz") == "ready\n"
    secret = Path(product.environment["WATCHWORD_VERIFIER_CREDENTIAL_FILE"]).read_text().strip()
    first = request(f"{product.feed}/feed/v1/changes", bearer=secret, timeout=SECONDS).json()
    query = f"epoch={first['epoch']}&after={first['revision']}&wait=25"
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(request, f"{product.feed}/feed/v1/changes?{query}", bearer=secret, timeout=SECONDS)
        wait_until(
            lambda: "watchword_portal_feed_questions 1.0" in feed_admin(product, "/metrics"),
            what="a verifier waits",
            timeout=SECONDS,
        )
        portal = product.process("portal")
        portal.terminate()
        assert waiting.result().status == HTTPStatus.OK
        assert portal.wait(timeout=SECONDS) == 0


def test_fk_02_the_portal_ends_with_the_process_of_the_feed(product: Product) -> None:
    portal = product.process("portal")
    children = Path(f"/proc/{portal.pid}/task/{portal.pid}/children").read_text().split()
    assert len(children) == 2
    # It was forked first.
    os.kill(min(map(int, children)), signal.SIGKILL)
    assert portal.wait(timeout=SECONDS) == 1
    assert not is_listening(product.portal_port)


def test_fk_02_a_machine_with_all_roles_uses_the_feed_port(tmp_path: Path) -> None:
    control = ControlSettings(data_dir=tmp_path, portal_port=free_port(), feed_port=free_port())
    assert local_verifier_settings(control, tmp_path / "credential")["feed_url"].endswith(f":{control.feed_port}")
    machine = Machine(control, VerifierSettings(port=free_port(), admin_port=free_port()))
    machine.require_free_ports()
    with socket.create_server(machine.feed), pytest.raises(CommandFailed, match="WATCHWORD_FEED_PORT"):
        machine.require_free_ports()


def test_fk_02_event_loop_is_alive_stuck_or_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the portal's watchdog looks at."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    over = threading.Event()
    try:
        assert turns(loop)
        loop.call_soon_threadsafe(over.wait)
        monkeypatch.setattr(portal_application, "TURN_SECONDS", 0.2)
        assert not turns(loop)
    finally:
        over.set()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
    assert not turns(loop)
