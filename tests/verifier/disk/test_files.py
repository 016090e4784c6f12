"""Two verifiers never share a folder of state."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from kit.processes import LOOPBACK, ChildProcess, free_port
from watchword.settings.base import SettingsProblem
from watchword.settings.load import load_verifier_settings
from watchword.verifier.disk.files import LOCK_NAME, locked_state
from watchword.verifier.listeners.http import serve

if TYPE_CHECKING:
    from pathlib import Path

HOLDS_THE_LOCK = """
import sys
import time
from pathlib import Path

from watchword.verifier.disk.files import locked_state

with locked_state(Path(sys.argv[1])):
    print("locked", flush=True)
    time.sleep(600)
"""


@pytest.mark.enable_socket
def test_second_verifier_with_the_same_state_file_does_not_start(tmp_path: Path) -> None:
    state_file = tmp_path / "state" / "snapshot.json"
    settings = load_verifier_settings(
        feed_url=f"http://{LOOPBACK}:{free_port()}",
        credential="wwv_a",
        port=free_port(),
        admin_port=free_port(),
        state_file=state_file,
    )
    stop = threading.Event()
    stop.set()
    with locked_state(state_file), pytest.raises(SettingsProblem) as refused:
        serve(settings, stop)
    (sentence,) = refused.value.sentences
    assert sentence == (
        f"state_file: {tmp_path / 'state'} is in use by another verifier; "
        "set WATCHWORD_VERIFIER_STATE_FILE to a file in another folder."
    )


def test_second_state_file_in_the_same_folder_is_refused_as_they_would_share_waiting_usage(tmp_path: Path) -> None:
    with locked_state(tmp_path / "a.json"), pytest.raises(SettingsProblem), locked_state(tmp_path / "b.json"):
        pass
    with locked_state(tmp_path / "b.json"):
        pass


def test_verifiers_with_folders_of_their_own_run_beside_each_other(tmp_path: Path) -> None:
    with locked_state(tmp_path / "a" / "snapshot.json"), locked_state(tmp_path / "b" / "snapshot.json"):
        pass
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "a" / LOCK_NAME).stat().st_mode & 0o777 == 0o600


def test_lock_of_a_killed_verifier_does_not_stop_the_next_start(tmp_path: Path) -> None:
    state_file = tmp_path / "snapshot.json"
    command = [sys.executable, "-c", HOLDS_THE_LOCK, str(state_file)]
    holder = ChildProcess(command, log=tmp_path / "log")
    try:
        holder.wait_until(lambda: "locked" in holder.output(), what="locked", timeout=60)
        with pytest.raises(SettingsProblem), locked_state(state_file):
            pass
        holder.kill()
    finally:
        holder.stop()
    assert (tmp_path / LOCK_NAME).exists()
    with locked_state(state_file):
        pass


def test_folder_that_cannot_be_written_does_not_stop_a_verifier(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with capture_logs() as lines, locked_state(tmp_path / "file" / "snapshot.json"):
        pass
    assert [(line["event"], line["log_level"]) for line in lines] == [("state_not_locked", "warning")]


def test_lock_file_is_never_a_link_to_another_file(tmp_path: Path) -> None:
    (tmp_path / LOCK_NAME).symlink_to(tmp_path / "elsewhere")
    with capture_logs() as lines, locked_state(tmp_path / "snapshot.json"):
        pass
    assert len(lines) == 1
    assert not (tmp_path / "elsewhere").exists()
