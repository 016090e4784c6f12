"""What `watchword demo` sets up, without starting it; tests/demo runs it whole."""

from __future__ import annotations

import io
import os
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from watchword.cli.demo import use_demo_settings
from watchword.cli.demo_check import run_beside
from watchword.cli.output import CommandFailed
from watchword.cli.supervisor import LogStream, Role, Supervisor
from watchword.settings.load import load_control_settings, load_verifier_settings

if TYPE_CHECKING:
    from pathlib import Path

    from kit.command_line import CommandLine

PORTS = {
    "portal_port": 7080,
    "verifier_port": 7081,
    "second_verifier_port": 7091,
    "verifier_admin_port": 7181,
    "second_verifier_admin_port": 7191,
    "authorization_server_port": 7082,
    "api_port": 7083,
}


def test_settings_name_the_addresses_of_the_demo(
    bare_command_line: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHWORD_API_UPSTREAM", "production.example:8000")
    use_demo_settings(tmp_path, tmp_path / "ca.pem", PORTS)
    control = load_control_settings()
    assert control.api_url == "http://{organization}.localhost:7083"
    assert control.api_routing == "host"
    assert control.gateway_verifiers == ("127.0.0.1:7081", "127.0.0.1:7091")
    assert control.api_upstream is None
    assert load_verifier_settings(credential="x").port == 7081


@pytest.fixture
def supervisor() -> Supervisor:
    sleeping = Role(name="worker", command=(sys.executable, "-c", "import time; time.sleep(120)"))
    return Supervisor((sleeping,), LogStream(io.StringIO()))


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("passed", [True, False])
def test_roles_end_with_the_check(supervisor: Supervisor, *, passed: bool) -> None:
    supervisor.start()
    pid = supervisor.pid_of("worker")
    assert pid is not None
    assert is_running(pid)
    assert run_beside(supervisor, lambda: passed) is passed
    assert not is_running(pid)
    assert supervisor.pid_of("worker") is None


def test_failed_check_is_raised(supervisor: Supervisor) -> None:
    def check() -> bool:
        raise CommandFailed("The portal does not answer.")

    supervisor.start()
    with pytest.raises(CommandFailed, match="does not answer"):
        run_beside(supervisor, check)


def test_interrupted_check_has_not_passed(supervisor: Supervisor) -> None:
    interrupted = threading.Event()

    def check() -> bool:
        supervisor.request_stop()
        return interrupted.wait(timeout=60)

    supervisor.start()
    try:
        assert run_beside(supervisor, check) is False
    finally:
        interrupted.set()
