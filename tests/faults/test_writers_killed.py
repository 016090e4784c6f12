"""Promise 5: `kill -9`, at hundreds of random moments, of processes that write to the control plane's database."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kit.soak import length

if TYPE_CHECKING:
    from kit.postgres import Cluster

pytestmark = [pytest.mark.enable_socket, pytest.mark.timeout(600), pytest.mark.soak]

KIT = Path(__file__).resolve().parent.parent
KILLS = length({"postgresql": 160, "sqlite": 60}, {"postgresql": 800, "sqlite": 200})


@pytest.mark.parametrize("database", KILLS)
def test_killed_writers_leave_whole_and_all_acknowledged_writes(
    request: pytest.FixtureRequest, tmp_path: Path, database: str
) -> None:
    environment = {
        **os.environ,
        "PYTHONPATH": str(KIT),
        "DJANGO_SETTINGS_MODULE": "watchword.control.settings",
        "WATCHWORD_DATA_DIR": str(tmp_path / "data"),
    }
    # A killed process saves no measurement, and being measured costs each of them half of its time.
    environment.pop("COVERAGE_PROCESS_CONFIG", None)
    if database == "postgresql":
        cluster: Cluster = request.getfixturevalue("cluster")
        environment["WATCHWORD_DATABASE_URL"] = cluster.create_database()
    done = subprocess.run(
        [sys.executable, "-m", "kit.killed_writers", str(KILLS[database])],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    verdict = json.loads(done.stdout)
    assert verdict["faults"] == []
    assert verdict["kills"] >= KILLS[database]
    # They must have written, or the test shows nothing.
    assert sum(verdict["acknowledged"].values()) > KILLS[database] / 50
