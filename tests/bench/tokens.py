"""Files of tokens for wrk, signed by as many processes as there are cores."""

from __future__ import annotations

import multiprocessing
import time
from typing import TYPE_CHECKING, Any

from kit import live

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from kit import forge

LIFETIME_SECONDS = 3600

CLOUD_NAME = "bench"
SCOPE = f"orders:read {CLOUD_NAME}::acme::Orders"
"""In all tokens, as the organization is taken from some."""


def sign(path: Path, paths: Sequence[str], number: int, *, key: forge.Key, alg: str) -> Path:
    """Write `number` tokens, none the same, one per line behind the paths in turn."""
    # Forked: a private key cannot be sent to another process, but it is there already.
    pool = multiprocessing.get_context("fork").Pool(initializer=_sign_with.extend, initargs=((key, alg),))
    with pool, path.open("w") as file:
        for index, token in enumerate(pool.imap(_signed, range(number), chunksize=500)):
            file.write(f"{paths[index % len(paths)]} {token}\n")
    return path


_sign_with: list[Any] = []
"""The key and the algorithm, in each process of the pool."""


def _signed(number: int) -> str:
    key, alg = _sign_with
    return live.token(key, alg, scope=SCOPE, exp=int(time.time()) + LIFETIME_SECONDS, jti=f"token-{number:08d}")
