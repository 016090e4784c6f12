"""How a process of any role is told to stop."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

SIGNALS: Final = frozenset({signal.SIGTERM, signal.SIGINT})


@contextmanager
def stop_on_signals() -> Iterator[threading.Event]:
    """Yield an event that SIGTERM and SIGINT set. Enter it in the main thread, before other threads start.

    The signals are blocked and waited for by a thread of their own. A handler would be the simpler thing and loses
    twice: one that comes while the main thread is about to wait for a lock is not run before that wait ends, which may
    be never; and one that runs inside `Event.wait` and calls `Event.set` waits for a lock that its own thread holds.
    """
    stop = threading.Event()

    def wait_for_signal() -> None:
        signal.sigwait(SIGNALS)
        stop.set()

    # Threads inherit the mask, so that none of them is interrupted and the waiting one gets every signal.
    former = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    threading.Thread(target=wait_for_signal, name="signals", daemon=True).start()
    try:
        yield stop
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, former)
