"""A client that calls an API without pause, and remembers every answer."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PAUSE_SECONDS = 0.01


@dataclass
class Traffic:
    """The results so far: status and end of each call, in seconds of the monotonic clock."""

    statuses: list[tuple[float, int]] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)

    def count(self) -> int:
        return len(self.statuses)

    def last_seen(self, status: int) -> float:
        """When the last call with this status ended."""
        return max(moment for moment, seen in self.statuses if seen == status)


@contextmanager
def traffic(call: Callable[[], int]) -> Iterator[Traffic]:
    """Call without pause in a thread while the block runs; a call that raises is kept as a failure."""
    seen = Traffic()
    over = threading.Event()

    def run() -> None:
        while not over.wait(PAUSE_SECONDS):
            try:
                status = call()
            except Exception as failure:  # noqa: BLE001 - any failure must reach the test, not this thread.
                seen.failures.append(failure)
            else:
                seen.statuses.append((time.monotonic(), status))

    thread = threading.Thread(target=run, name="traffic")
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()
