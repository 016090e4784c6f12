"""Work of the worker that goes on beside the fetches."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def beside_the_fetches(
    name: str, work: Callable[[int, threading.Event], None], kept_days: int, stop: threading.Event
) -> Iterator[None]:
    """Do it in a thread of its own until `stop` is set: no fetch waits for it, and no fault of it reaches the fetches.

    Args:
        name: of the thread.
        work: returns once `stop` is set.
        kept_days: handed to `work`: how old what it purges may become.
        stop: set at the end of the block.
    """
    thread = threading.Thread(target=work, args=[kept_days, stop], name=name)
    thread.start()
    try:
        yield
    finally:
        # Also when the fetches end by a fault: a thread that nobody stops would keep the process.
        stop.set()
        thread.join()
