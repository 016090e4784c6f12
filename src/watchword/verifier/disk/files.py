"""Files that survive a crash or a power cut whole, and the lock of the folder that they are in."""

from __future__ import annotations

import contextlib
import fcntl
import os
from typing import TYPE_CHECKING, BinaryIO, Final

import structlog

from watchword.settings.base import SettingsProblem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

LOCK_NAME: Final = "verifier.lock"

_log = structlog.get_logger("watchword.verifier")


def write(path: Path, content: Iterable[bytes]) -> os.stat_result:
    """Write a file that only this user can read, and flush it to the disk.

    Raises:
        OSError: the disk refused.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb", buffering=1024 * 1024) as file:
        file.writelines(content)
        file.flush()
        os.fsync(descriptor)
        return os.fstat(descriptor)


def rename_over(temporary: Path, path: Path) -> None:
    """Rename, so that after a crash or a power cut the file at `path` is the old or the new one.

    Raises:
        OSError: the disk refused.
    """
    temporary.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def replace(path: Path, content: Iterable[bytes]) -> os.stat_result:
    """Write `content` to `path`, completely or not at all.

    Raises:
        OSError: the disk refused; the old file is unchanged.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # The process id, so that two verifiers configured with one path by mistake do not write into one file.
    temporary = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        status = write(temporary, content)
        rename_over(temporary, path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    return status


def append(file: BinaryIO, content: bytes, size: int) -> int:
    """Append to an unbuffered file of `size` bytes and flush it to the disk; returns the number of bytes added.

    Raises:
        OSError: the disk refused. The file is cut back to `size` if possible.
    """
    try:
        rest = memoryview(content)
        while rest:
            rest = rest[file.write(rest) :]
        os.fsync(file.fileno())
    except OSError:
        # Readers skip half a record at the end, but no further record could follow it.
        with contextlib.suppress(OSError):
            os.ftruncate(file.fileno(), size)
        raise
    return len(content)


@contextlib.contextmanager
def locked_state(state_file: Path) -> Iterator[None]:
    """Hold the lock of the folder of `state_file` while the block runs.

    Two verifiers that share a folder would overwrite each other's copy and unsent usage. The lock file stays. The
    kernel releases the lock when the process ends, also after SIGKILL.

    Raises:
        SettingsProblem: another verifier holds the lock.
    """
    descriptor = None
    try:
        descriptor = _lock(state_file.parent)
    except BlockingIOError:
        raise _in_use(state_file) from None
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
    # Mode 0600: another user who could open the file could hold the lock and prevent the start.
    descriptor = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def require_unlocked(state_file: Path) -> None:
    """For a check before the start. Creates nothing, and holds no lock afterwards.

    Raises:
        SettingsProblem: another verifier holds the lock.
    """
    try:
        descriptor = os.open(state_file.parent / LOCK_NAME, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        raise _in_use(state_file) from None
    finally:
        os.close(descriptor)


def _in_use(state_file: Path) -> SettingsProblem:
    return SettingsProblem(
        f"state_file: {state_file.parent.absolute()} is in use by another verifier; "
        "set WATCHWORD_VERIFIER_STATE_FILE to a file in another folder."
    )
