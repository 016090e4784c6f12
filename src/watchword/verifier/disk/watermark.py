"""Beside the copy on disk, a few bytes that say how far it must reach."""

from __future__ import annotations

import json
import os
import zlib
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

_BYTES: Final = 256
"""Always as many, in one block of every disk: written over itself, it needs no room on one that is full."""


class Mark(NamedTuple):
    """Up to where was decided.

    Attributes:
        all_digest: of the first record of the copy that this is about.
        revision: of the feed; where the copy does not reach it, something is missing there.
        heard_at: Unix seconds, when the control plane last confirmed that revision.
    """

    all_digest: str
    revision: int
    heard_at: float


class MarkFile:
    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Mark | None:
        """The mark; None if there is none, or none that is whole. The copy then counts by itself."""
        try:
            checksum, _, line = self._path.read_bytes().partition(b" ")
            if int(checksum, 16) != zlib.crc32(line):
                return None
            members = json.loads(line)
            return Mark(str(members["all_digest"]), int(members["revision"]), float(members["heard_at"]))
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None

    def write(self, mark: Mark, *, durable: bool) -> None:
        """Replace the mark.

        Args:
            mark: the new one.
            durable: whether it must outlive a power cut; it outlives the process in any case.

        Raises:
            OSError: the disk refused.
        """
        line = json.dumps(mark._asdict(), separators=(",", ":")).encode("ascii").ljust(_BYTES - 10) + b"\n"
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.pwrite(descriptor, b"%08x " % zlib.crc32(line) + line, 0)
            if durable:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
