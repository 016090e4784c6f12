"""Who may read a file that holds a secret: one rule for every setting that names one."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def open_to_others(mode: int, path: Path) -> str | None:
    """What is wrong with the mode of a secret's file, and how to correct it; None for nothing.

    Its group may read it, as systemd hands credentials over with mode 0440.
    """
    if mode & (stat.S_IRWXO | stat.S_IWGRP):
        return f"other users of this machine can read or change {path}; run chmod 0600 {path}"
    return None
