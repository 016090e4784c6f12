"""Watchword as a user runs it: `watchword` commands and `watchword serve …` processes on free ports and fresh data."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from kit.client import request
from kit.desk import Desk
from kit.processes import LOOPBACK, ChildProcess, free_port

if TYPE_CHECKING:
    from collections.abc import Mapping

PROGRAM = Path(sys.executable).parent / "watchword"
START_SECONDS = 40.0
COMMAND_SECONDS = 60.0


class CommandFailedError(AssertionError):
    """A `watchword` command ended with another status than 0; the message has its output."""


class Product:
    """One installation. Its processes are started one by one, so that a test can omit or stop one.

    Args:
        directory: for data and logs.
        database_url: `postgresql://…`, or None for SQLite.
        settings: further WATCHWORD_* variables.
    """

    def __init__(
        self, directory: Path, *, database_url: str | None = None, settings: Mapping[str, str] | None = None
    ) -> None:
        self._directory = directory
        self._processes: dict[str, ChildProcess] = {}
        self._desk: Desk | None = None
        self.portal_port, self.verifier_port, self.admin_port = free_port(), free_port(), free_port()
        self.state_file = directory / "verifier" / "snapshot.json"
        self.environment = {
            # Otherwise it would inherit pytest's settings, which are for another database.
            "DJANGO_SETTINGS_MODULE": "watchword.control.settings",
            "WATCHWORD_DATA_DIR": str(directory / "data"),
            "WATCHWORD_PORTAL_PORT": str(self.portal_port),
            "WATCHWORD_PUBLIC_ORIGIN": self.portal,
            "WATCHWORD_VERIFIER_PORT": str(self.verifier_port),
            "WATCHWORD_VERIFIER_ADMIN_PORT": str(self.admin_port),
            "WATCHWORD_VERIFIER_STATE_FILE": str(self.state_file),
            "WATCHWORD_VERIFIER_CREDENTIAL_FILE": str(directory / "credential"),
            **({"WATCHWORD_DATABASE_URL": database_url} if database_url else {}),
            **(settings or {}),
        }
        self.environment.setdefault("WATCHWORD_VERIFIER_FEED_URL", self.feed)

    @property
    def portal(self) -> str:
        """The portal's origin."""
        return f"http://{LOOPBACK}:{self.portal_port}"

    @property
    def feed_port(self) -> int:
        return int(self.environment.get("WATCHWORD_FEED_PORT", self.portal_port))

    @property
    def feed(self) -> str:
        """The feed's address for verifiers: the portal's origin, unless a setting says otherwise."""
        return f"http://{LOOPBACK}:{self.feed_port}"

    @property
    def verifier(self) -> str:
        return f"http://{LOOPBACK}:{self.verifier_port}"

    @property
    def admin(self) -> str:
        """The verifier's second listener: /livez, /readyz and /metrics."""
        return f"http://{LOOPBACK}:{self.admin_port}"

    def command(self, *arguments: str) -> str:
        """Run `watchword …` to its end and return what it wrote to stdout."""
        command = [str(PROGRAM), *arguments]
        done = subprocess.run(
            command,
            env=self.whole_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=COMMAND_SECONDS,
        )
        if done.returncode != 0:
            raise CommandFailedError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def set_up(self, *organizations: str) -> None:
        """Migrate, make organizations with an active API subscription, and give the verifier its credential."""
        self.command("migrate")
        for organization in organizations:
            name = organization.capitalize()
            self.command("organization", "create", organization, "--name", name, "--subscription-days", "30")
        self.create_verifier()

    def create_verifier(self) -> None:
        """Write a credential to the file that the verifier's settings name."""
        credential = self.environment["WATCHWORD_VERIFIER_CREDENTIAL_FILE"]
        self.desk("watchword", "verifier", "create", "gateway-1", "--credential-file", credential)

    def subscribe_until(self, organization: str, expires_at: int) -> None:
        """Let the organization's API subscription end at that moment, in Unix seconds."""
        moment = datetime.fromtimestamp(expires_at, tz=UTC).isoformat()
        dates = ("--starts-at", "2026-01-01", "--expires-at", moment)
        self.desk("watchword", "organization", "subscribe", organization, *dates)

    def create_administrator(self, organization: str, email: str) -> str:
        """The one-time sign-in link."""
        return self.command("administrator", "create", email, "--organization", organization).strip()

    def desk(self, *arguments: str) -> str:
        """Run an action of kit.operator_desk and return what it wrote."""
        if self._desk is None:
            self._desk = Desk(self.whole_environment())
        return self._desk.run(*arguments)

    def start(self, role: str, *, wait: bool = True, open_files: int | None = None) -> ChildProcess:
        """Start `portal`, `worker` or `verifier`, and by default wait until it serves.

        Args:
            role: which.
            wait: until it serves.
            open_files: the most that each of its processes may have, None for what this process may.
        """
        assert role not in self._processes, f"{role} is running already"
        command = [str(PROGRAM), "serve", role]
        if open_files is not None:
            command = ["sh", "-c", 'ulimit -n "$0" && exec "$@"', str(open_files), *command]
        process = ChildProcess(command, log=self._directory / f"{role}.log", environment=self.environment)
        self._processes[role] = process
        if not wait:
            return process
        if role == "portal":
            for port in {self.portal_port, self.feed_port}:
                process.wait_until_listening(port, timeout=START_SECONDS)
        elif role == "verifier":
            process.wait_until_listening(self.verifier_port, timeout=START_SECONDS)
            process.wait_until(self._verifier_is_ready, what="the verifier is ready", timeout=START_SECONDS)
        return process

    def process(self, role: str) -> ChildProcess:
        """The running process of that role."""
        return self._processes[role]

    def stop(self, *roles: str) -> None:
        for role in roles:
            self._processes.pop(role).stop()

    def kill(self, role: str) -> None:
        """Kill it, as `kill -9` does."""
        self._processes.pop(role).kill()

    def close(self) -> None:
        # The verifier first: otherwise it would log that the portal is gone.
        for role in sorted(self._processes, reverse=True):
            self.stop(role)
        if self._desk is not None:
            self._desk.close()
            self._desk = None

    def log(self, role: str) -> str:
        return (self._directory / f"{role}.log").read_text(errors="replace")

    def _verifier_is_ready(self) -> bool:
        try:
            return request(f"{self.admin}/readyz", timeout=1).status == 200
        except OSError:
            return False

    def whole_environment(self) -> dict[str, str]:
        """The environment for a program that uses this installation and the kit."""
        return {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parent.parent), **self.environment}
