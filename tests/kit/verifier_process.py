"""A real verifier process that follows the feed of the test."""

from __future__ import annotations

import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kit.client import request
from kit.feed_server import CREDENTIAL
from kit.processes import LOOPBACK, ChildProcess, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kit.client import Answer

_PROGRAM = """
import os
import signal
import time

# Before anything reads the clock: a process that is restarted like this starts at another time.
ahead, clock = float(os.environ.get("KIT_CLOCK_AHEAD", "0")), time.time
time.time = lambda: clock() + ahead


def pass_time(*_):
    global ahead
    ahead += 90


signal.signal(signal.SIGUSR1, pass_time)

from watchword.runtime.logging import configure_logging
from watchword.runtime.shutdown import stop_on_signals
from watchword.settings.load import load_verifier_settings
from watchword.verifier.listeners.http import serve

configure_logging("verifier")
with stop_on_signals() as stop:
    serve(load_verifier_settings(), stop)
"""

_ANOTHER_BUILD = """
from watchword.core import jwk_material

del jwk_material._READERS["OKP"]
"""


def another_build(folder: Path) -> Path:
    """Code by which a verifier's library lacks Ed25519: Python runs it at the start, before the product."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(_ANOTHER_BUILD, encoding="ascii")
    return folder


class VerifierProcess:
    """It can be started, killed and started again: ports and state file stay the same.

    Attributes:
        clock_ahead: seconds by which the clock of the next start is ahead.
        python_path: a folder with a `sitecustomize` for the next start, as `another_build` makes one; None for none.
    """

    def __init__(self, folder: Path, *, feed_port: int, **settings: str) -> None:
        self.clock_ahead = 0
        self.python_path: Path | None = None
        self.port = int(settings.pop("port", "0")) or free_port()
        self.admin_port = free_port()
        self.state_file = folder / "state" / "snapshot.json"
        self._log = folder / "verifier.log"
        self._environment = {
            "WATCHWORD_VERIFIER_FEED_URL": f"http://{LOOPBACK}:{feed_port}",
            "WATCHWORD_VERIFIER_CREDENTIAL": CREDENTIAL,
            "WATCHWORD_VERIFIER_PORT": str(self.port),
            "WATCHWORD_VERIFIER_ADMIN_PORT": str(self.admin_port),
            "WATCHWORD_VERIFIER_STATE_FILE": str(self.state_file),
            "WATCHWORD_VERIFIER_NODE": "node-1",
            **{f"WATCHWORD_VERIFIER_{name.upper()}": value for name, value in settings.items()},
        }
        self.child: ChildProcess | None = None

    def start(self, *, ready: bool = True) -> ChildProcess:
        """Start it; return when it can decide if `ready`, otherwise when it answers probes."""
        child = self.launch()
        child.wait_until_listening(self.admin_port)
        if ready:
            child.wait_until(self.is_ready, what="ready")
        return child

    def launch(self) -> ChildProcess:
        """Start it and wait for nothing."""
        command = (sys.executable, "-c", _PROGRAM)
        environment = {**self._environment, "KIT_CLOCK_AHEAD": str(self.clock_ahead)}
        if self.python_path is not None:
            environment["PYTHONPATH"] = str(self.python_path)
        self.child = ChildProcess(command, log=self._log, environment=environment)
        return self.child

    def pass_time(self) -> None:
        """Set the clock of the running process 90 s ahead."""
        assert self.child is not None
        self.child.terminate(signal.SIGUSR1)

    def is_ready(self) -> bool:
        return self.admin("/readyz").status == 200

    def admin(self, path: str) -> Answer:
        return request(f"http://{LOOPBACK}:{self.admin_port}{path}")

    def ask(self, token: str | None, *, organization: str = "acme", gateway: str = "plain", suffix: str = "") -> Answer:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return request(f"http://{LOOPBACK}:{self.port}/verify/{gateway}/{organization}{suffix}", headers=headers)

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def stop(self) -> None:
        if self.child is not None:
            self.child.stop()


@contextmanager
def verifier_process(folder: Path, *, feed_port: int, ready: bool = True, **settings: str) -> Iterator[VerifierProcess]:
    verifier = VerifierProcess(folder, feed_port=feed_port, **settings)
    try:
        verifier.start(ready=ready)
        yield verifier
    finally:
        verifier.stop()
