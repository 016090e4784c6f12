"""How the threads of one process share a core."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def batch_scheduled() -> Iterator[None]:
    """Threads started in this block do not preempt the running thread when they are woken.

    Each response wakes the thread that sends it. On a shared core that would interrupt Python after every request and
    cool its caches; instead the responses of some milliseconds are sent together (docs/decisions/0010). An idle core
    runs such a thread at once.

    Uses Linux' `SCHED_BATCH` (sched(7)). It changes nothing on other systems, where the call is forbidden, and in a
    process that already has another policy.
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
