"""Files of tokens for wrk, signed by as many processes as there are cores."""

from __future__ import annotations

import multiprocessing
import time
from functools import partial
from typing import TYPE_CHECKING

from kit import live

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from kit import forge

LIFETIME_SECONDS = 3600


def sign(path: Path, paths: Sequence[str], number: int, *, key: forge.Key, alg: str) -> Path:
    """Write `number` tokens, none the same, one per line behind the paths in turn."""
    make = partial(_signed, key, alg)
    with path.open("w") as file:
        if number == 1:
            file.write(f"{paths[0]} {make(0)}\n")
            return path
        # Forked, so that all sign with one key.
        with multiprocessing.get_context("fork").Pool() as pool:
            for index, token in enumerate(pool.imap(make, range(number), chunksize=500)):
                file.write(f"{paths[index % len(paths)]} {token}\n")
    return path


def _signed(key: forge.Key, alg: str, number: int) -> str:
    return live.token(key, alg, exp=int(time.time()) + LIFETIME_SECONDS, jti=f"token-{number:08d}")
