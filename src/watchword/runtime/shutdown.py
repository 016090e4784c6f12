"""SIGTERM and SIGINT stop a process of any role."""

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

    The signals are blocked, and a thread of their own waits for them. A handler would be simpler, with two faults:
    while the main thread begins to wait for a lock, the handler runs only after that wait, which may never end; and a
    handler that runs inside `Event.wait` and calls `Event.set` waits for a lock that its own thread holds.
    """
    stop = threading.Event()

    def wait_for_signal() -> None:
        signal.sigwait(SIGNALS)
        stop.set()

    # Threads inherit the mask, so that the waiting thread gets every signal and no other thread is interrupted.
    former = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    threading.Thread(target=wait_for_signal, name="signals", daemon=True).start()
    try:
        yield stop
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, former)


def also_on_signals(callback: Callable[[], None]) -> None:
    """Call `callback` as well on SIGTERM or SIGINT, in a process whose server has its own handlers for them.

    It ends what that server would wait for. A signal without a handler keeps its default action. Only the main thread
    has handlers; in another thread this does nothing.

    Args:
        callback: interrupts the main thread at any point; it must not wait for a lock.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    for number in SIGNALS:
        before = signal.getsignal(number)
        if callable(before):
            signal.signal(number, partial(_call_and_handle, callback, before))


def _call_and_handle(callback: Callable[[], None], before: Callable[[int, Any], Any], number: int, frame: Any) -> None:
    callback()
    before(number, frame)
