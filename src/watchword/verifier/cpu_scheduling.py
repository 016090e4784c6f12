"""How the threads of one process take turns on a core."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def waiting_for_their_turn() -> Iterator[None]:
    """Threads that are started in this block do not interrupt the one that is running when they are woken.

    Each answer wakes the thread that sends it. Where both share a core, that would stop Python behind every single
    request, send one answer and come back to caches that hold something else; so the answers of some milliseconds go
    out together (docs/decisions/0010). A core that is free takes such a thread at once.

    It is Linux' `SCHED_BATCH` (sched(7)). Whoever gave the process another policy, or forbids the call, keeps it his
    way; so does every other system.
    """
    if not hasattr(os, "SCHED_BATCH") or os.sched_getscheduler(0) != os.SCHED_OTHER:
        yield
        return
    with suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    try:
        yield
    finally:
        with suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
