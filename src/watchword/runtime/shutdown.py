"""How a process of any role is told to stop."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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


def also_on_signals(tell: Callable[[], None]) -> None:
    """Call `tell` as well when SIGTERM or SIGINT comes to a process whose server has handlers of its own for them.

    For what that server would wait for before it ends. A signal that nobody handles goes on doing what it does by
    itself. Only the main thread has handlers; called in another one, as by a server that runs beside something else, it
    does nothing.

    Args:
        tell: what interrupts the main thread, wherever that is; it must not wait for a lock.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    for number in SIGNALS:
        before = signal.getsignal(number)
        if callable(before):
            signal.signal(number, partial(_tell_and_handle, tell, before))


def _tell_and_handle(tell: Callable[[], None], before: Callable[[int, Any], Any], number: int, frame: Any) -> None:
    tell()
    before(number, frame)
