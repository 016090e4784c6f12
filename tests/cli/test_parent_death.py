"""FN-04: a killed portal leaves no process that holds its port."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from http import HTTPStatus
from http.client import HTTPException
from typing import TYPE_CHECKING

import pytest

from kit.client import request
from kit.processes import LOOPBACK, ChildProcess, free_port, is_listening, wait_until

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.enable_socket, pytest.mark.timeout(180)]

SECONDS = 60.0


def answers(port: int, path: str = "/sign-in", status: HTTPStatus = HTTPStatus.OK) -> bool:
    try:
        return request(f"http://{LOOPBACK}:{port}{path}", timeout=5).status == status
    except (OSError, HTTPException):
        return False


def test_fn_04_killed_portal_leaves_no_process_on_its_port(tmp_path: Path) -> None:
    port, feed_port = free_port(), free_port()
    environment = {
        "WATCHWORD_DATA_DIR": str(tmp_path / "data"),
        "WATCHWORD_PORTAL_PORT": str(port),
        "WATCHWORD_FEED_PORT": str(feed_port),
        "WATCHWORD_CONFIG": str(tmp_path / "watchword.toml"),
    }
    (tmp_path / "watchword.toml").touch()
    command = (sys.executable, "-m", "watchword.cli")
    subprocess.run(
        (*command, "migrate"), env={**os.environ, **environment}, check=True, timeout=SECONDS, stdout=subprocess.DEVNULL
    )
    portal = ChildProcess((*command, "serve", "portal"), log=tmp_path / "portal.log", environment=environment)
    try:
        # Answered by the child: the parent only listens.
        portal.wait_until(lambda: answers(port), what="the portal answers", timeout=SECONDS)
        portal.wait_until(
            lambda: answers(feed_port, "/feed/v1/changes", HTTPStatus.UNAUTHORIZED),
            what="the feed answers",
            timeout=SECONDS,
        )

        os.kill(portal.pid, signal.SIGKILL)

        wait_until(lambda: not is_listening(port), what="the port is free", timeout=SECONDS)
        wait_until(lambda: not is_listening(feed_port), what="the feed's port is free", timeout=SECONDS)
    finally:
        portal.kill()
