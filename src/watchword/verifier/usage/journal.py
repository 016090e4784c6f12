"""Counts that could not be sent, on disk: so that a verifier killed while the control plane is away loses a second.

As long as batches arrive nothing is written here. The journal is a moment of the backlog, the batch under way included;
it must never be older than what was sent. Therefore it is replaced before a new batch leaves, and removed when nothing
waits any more: a journal that told of counts sent long ago would have them counted twice.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Final

import structlog

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES: Final = 64 * 1024 * 1024
FORMAT: Final = 1

_log = structlog.get_logger("watchword.verifier.usage.counting")


class Journal:
    """The file at `path`. For the one thread that sends.

    Attributes:
        exists: whether there is one, as far as is known.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.exists = path.exists()

    def load(self) -> dict[str, object] | None:
        """What a process before this one left; None if there is nothing, or nothing that can be read."""
        try:
            if not self.exists or self._path.stat().st_size > MAX_BYTES:
                return None
            document = json.loads(self._path.read_bytes())
        except (OSError, ValueError, RecursionError) as failure:
            _log.error("usage_journal_damaged", problem=type(failure).__name__)
            return None
        return document if isinstance(document, dict) and document.get("format") == FORMAT else None

    def store(self, backlog: dict[str, object]) -> bool:
        """Replace the journal. Whether what is on disk is now no older than `backlog`: whole, or not there at all."""
        temporary = self._path.with_name(f"{self._path.name}.{os.getpid()}.new")
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(json.dumps({"format": FORMAT, **backlog}).encode())
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self._path)
        except OSError as failure:
            _log.error("usage_journal_not_written", problem=type(failure).__name__)
            temporary.unlink(missing_ok=True)
            return self.discard()
        self.exists = True
        return True

    def discard(self) -> bool:
        """Remove it; whether it is gone."""
        try:
            self._path.unlink(missing_ok=True)
        except OSError as failure:
            _log.error("usage_journal_not_removed", problem=type(failure).__name__)
            return False
        self.exists = False
        return True
