"""A file with a secret as the product demands it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def secret_file(path: Path, content: str | bytes) -> Path:
    """Write a file that only its owner can read; returns its path."""
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path
