"""`watchword serve` with its real roles, as processes on free ports."""

from __future__ import annotations

import os
import re
import signal
import socket
import sys
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kit.client import request
from kit.processes import LOOPBACK, ChildProcess, free_port, wait_until
from kit.secret_file import secret_file

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.enable_socket, pytest.mark.timeout(180)]

START_SECONDS = 90.0


class Machine:
    """One `watchword serve` on data of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.portal_port, self.verifier_port, self.admin_port = free_port(), free_port(), free_port()
        self.process = self.start("first")

    def start(self, log: str) -> ChildProcess:
        command = [
            *(sys.executable, "-m", "watchword.cli", "serve"),
            *("--data-dir", str(self.directory / "data")),
            *("--portal-port", str(self.portal_port)),
            *("--verifier-port", str(self.verifier_port)),
            *("--verifier-admin-port", str(self.admin_port)),
        ]
        # The working directory's watchword.toml, if a developer has one, is not for tests.
        empty = self.directory / "watchword.toml"
        empty.touch()
        self.process = ChildProcess(
            command, log=self.directory / f"{log}.log", environment={"WATCHWORD_CONFIG": str(empty)}
        )
        return self.process

    def wait_until_started(self) -> None:
        self.process.wait_until(
            lambda: "Verifier      http://" in self.process.output(), what="the roles are up", timeout=START_SECONDS
        )

    def is_ready(self) -> bool:
        try:
            return request(f"http://{LOOPBACK}:{self.admin_port}/readyz", timeout=1).status == 200
        except OSError:
            return False

    def portal_answers(self) -> bool:
        try:
            return request(f"http://{LOOPBACK}:{self.portal_port}/sign-in", timeout=1).status == 200
        except OSError:
            return False

    def pid_of(self, role: str) -> int | None:
        for pid in children_of(self.process.pid):
            if command_of(pid)[-2:] == ["serve", role]:
                return pid
        return None


def children_of(pid: int) -> list[int]:
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return [int(child) for child in text.split()]


def descendants_of(pid: int) -> set[int]:
    found = set(children_of(pid))
    for child in list(found):
        found |= descendants_of(child)
    return found


def command_of(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode().rstrip("\0").split("\0")
    except OSError:
        return []


def is_running(pid: int) -> bool:
    # A process that ended and was not waited for yet has no command line any more.
    return command_of(pid) not in ([], [""])


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    machine = Machine(tmp_path_factory.mktemp("serve"))
    try:
        machine.wait_until_started()
        yield machine
    finally:
        machine.process.stop()


def test_all_roles_answer_and_the_state_stays_in_the_data_directory(machine: Machine) -> None:
    assert machine.portal_answers()
    assert machine.is_ready()
    credential = machine.directory / "data" / "verifier" / "credential"
    assert credential.stat().st_mode & 0o777 == 0o600
    assert credential.read_text().startswith("wwv_")
    assert credential.read_text().strip() not in machine.process.output()


def test_printed_link_signs_the_first_person_in(machine: Machine) -> None:
    match = re.search(r"http://127\.0\.0\.1:\d+/sign-in/[\w-]{43}", machine.process.output())
    assert match is not None
    # A browser that keeps cookies: the link's secret moves out of the address before the form is shown.
    browser = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor())
    with browser.open(match[0], timeout=10) as page:
        assert page.status == 200
        assert b"admin@localhost" in page.read()


@pytest.mark.parametrize("role", ["verifier", "worker", "portal"])
def test_a_role_killed_with_kill_9_is_started_again(machine: Machine, role: str) -> None:
    killed = machine.pid_of(role)
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    wait_until(
        lambda: machine.pid_of(role) not in {None, killed} and machine.is_ready() and machine.portal_answers(),
        what=f"{role} is back",
        timeout=60,
    )
    assert f"{role} ended (killed by SIGKILL); starting it again" in machine.process.output()


def test_second_start_fails_at_the_port_in_use(machine: Machine) -> None:
    first = machine.process
    try:
        second = machine.start("second")
        assert second.wait(timeout=60) == 1
    finally:
        machine.process = first
    assert f"{LOOPBACK}:{machine.portal_port} cannot be used" in second.output()
    assert "--portal-port" in second.output()


def test_sigterm_stops_everything_within_ten_seconds(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    try:
        machine.wait_until_started()
        processes = descendants_of(machine.process.pid)
        assert len(processes) >= 3
        machine.process.terminate()
        assert machine.process.wait(timeout=10) == 0
        assert not [pid for pid in processes if is_running(pid)]
        assert machine.process.output().rstrip().endswith("Stopped.")
        credential = (tmp_path / "data" / "verifier" / "credential").read_text()
        machine.start("again")
        machine.wait_until_started()
        assert "admin@localhost has no password yet" in machine.process.output()
        assert (tmp_path / "data" / "verifier" / "credential").read_text() == credential
        # Nothing may outlive even a supervisor that had no chance to stop its roles.
        processes = descendants_of(machine.process.pid)
        os.kill(machine.process.pid, signal.SIGKILL)
        wait_until(lambda: not [pid for pid in processes if is_running(pid)], what="no orphans", timeout=20)
    finally:
        machine.process.stop()


def test_verifier_reports_a_port_in_use(tmp_path: Path) -> None:
    credential = secret_file(tmp_path / "credential", "wwv_made_up")
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        command = [
            *(sys.executable, "-m", "watchword.cli", "serve", "verifier"),
            *("--verifier-port", port),
            *("--verifier-admin-port", str(free_port())),
        ]
        environment = {
            "WATCHWORD_VERIFIER_CREDENTIAL_FILE": str(credential),
            "WATCHWORD_VERIFIER_STATE_FILE": str(tmp_path / "snapshot.json"),
        }
        process = ChildProcess(command, log=tmp_path / "log", environment=environment)
        try:
            assert process.wait(timeout=60) == 1
        finally:
            process.stop()
    assert process.output().splitlines()[-1].startswith("Error: ")
    assert port in process.output()
    assert "Traceback" not in process.output()
