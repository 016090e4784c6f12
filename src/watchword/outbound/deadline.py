"""The wall-clock limit of one fetch."""

from __future__ import annotations

import time

from watchword.outbound.failure import ExchangeFailed, Failure


class Deadline:
    """The monotonic time at which a fetch ends; every wait of the fetch uses it.

    A timeout for each read is no limit: a server that sends one byte per second never triggers it (J-10).
    """

    def __init__(self, seconds: float) -> None:
        self._ends_at = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds left; 0 if the time is up."""
        return max(0.0, self._ends_at - time.monotonic())

    def remaining(self) -> float:
        """Seconds left, more than 0.

        Raises:
            ExchangeFailed: TIMED_OUT if the time is up.
        """
        left = self.left()
        if left <= 0:
            raise ExchangeFailed(Failure.TIMED_OUT)
        return left

    def within(self, seconds: float) -> Deadline:
        """A deadline for a part of the work, never later than this one.

        Raises:
            ExchangeFailed: TIMED_OUT if the time is up.
        """
        return Deadline(min(seconds, self.remaining()))

    def wait_out(self) -> None:
        time.sleep(self.left())
