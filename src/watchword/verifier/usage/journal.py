"""Unsent counts on disk: a verifier that is killed while the control plane is away loses only the last second.

While the control plane accepts batches nothing is written here. The journal is a copy of the backlog, including the
batch in flight. It must never be older than what was sent, or a restart would send counts again that were counted. So
it is replaced before a new batch is sent, and removed when the backlog is empty.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import structlog

from watchword.verifier.disk import files

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES: Final = 64 * 1024 * 1024
FORMAT: Final = 1

_log = structlog.get_logger("watchword.verifier.usage.counting")


class Journal:
    """The file at `path`. For the sending thread only.

    Attributes:
        exists: whether the file may exist.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.exists = path.exists()

    def load(self) -> dict[str, object] | None:
        """The backlog that an earlier process left; None if there is none, or it cannot be read."""
        try:
            if not self.exists or self._path.stat().st_size > MAX_BYTES:
                return None
            document = json.loads(self._path.read_bytes())
        except (OSError, ValueError, RecursionError) as failure:
            _log.error("usage_journal_damaged", problem=type(failure).__name__)
            return None
        return document if isinstance(document, dict) and document.get("format") == FORMAT else None

    def store(self, backlog: dict[str, object]) -> bool:
        """Replace the journal, or remove it if that fails; False if an older one is still there."""
        try:
            files.replace(self._path, [json.dumps({"format": FORMAT, **backlog}).encode()])
        except OSError as failure:
            _log.error("usage_journal_not_written", problem=type(failure).__name__)
            return self.discard()
        self.exists = True
        return True

    def discard(self) -> bool:
        """Remove the journal; False if that failed."""
        try:
            self._path.unlink(missing_ok=True)
        except OSError as failure:
            _log.error("usage_journal_not_removed", problem=type(failure).__name__)
            return False
        self.exists = False
        return True
