"""Keeps two verifiers from sharing one folder of state: each would overwrite the other's copy and its waiting usage."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import structlog

from watchword.settings.base import SettingsProblem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOCK_NAME: Final = "verifier.lock"

_log = structlog.get_logger("watchword.verifier")


@contextmanager
def locked_state(state_file: Path) -> Iterator[None]:
    """Hold the lock of the folder of `state_file` while the block runs.

    The lock file stays afterwards. The kernel releases the lock when the process ends, also after SIGKILL.

    Raises:
        SettingsProblem: another verifier holds the lock.
    """
    descriptor = None
    try:
        descriptor = _lock(state_file.parent)
    except BlockingIOError:
        raise SettingsProblem(
            f"state_file: {state_file.parent.absolute()} is in use by another verifier; "
            "set WATCHWORD_VERIFIER_STATE_FILE to a file in another folder."
        ) from None
    except OSError as failure:
        # A full or read-only disk must not stop a verifier that can decide by its copy or by the feed.
        _log.warning("state_not_locked", problem=type(failure).__name__)
    try:
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _lock(folder: Path) -> int:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    # For its owner alone: another user who could open the file could hold the lock and prevent the start.
    descriptor = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
