"""The watermark: a small file next to the copy on disk that says how far the copy must reach."""

from __future__ import annotations

import json
import os
import zlib
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

_BYTES: Final = 256
"""The fixed size of the file, within one block of any disk: overwriting it needs no space on a full disk."""


class Watermark(NamedTuple):
    """Up to which revision this verifier has decided.

    Attributes:
        all_digest: digest of the first record of the copy that the watermark belongs to.
        revision: of the feed; a copy that ends before it lacks changes.
        heard_at: Unix seconds, when the control plane last confirmed that revision.
    """

    all_digest: str
    revision: int
    heard_at: float


class WatermarkFile:
    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Watermark | None:
        """The watermark; None if the file is missing or damaged, so that only the copy counts."""
        try:
            checksum, _, line = self._path.read_bytes().partition(b" ")
            if int(checksum, 16) != zlib.crc32(line):
                return None
            members = json.loads(line)
            return Watermark(str(members["all_digest"]), int(members["revision"]), float(members["heard_at"]))
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None

    def write(self, watermark: Watermark, *, durable: bool) -> None:
        """Overwrite the file.

        Args:
            watermark: the new watermark.
            durable: whether it must survive a power cut; it always survives the process.

        Raises:
            OSError: the disk refused.
        """
        line = json.dumps(watermark._asdict(), separators=(",", ":")).encode("ascii").ljust(_BYTES - 10) + b"\n"
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.pwrite(descriptor, b"%08x " % zlib.crc32(line) + line, 0)
            if durable:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
