"""The wall-clock limit of one fetch."""

from __future__ import annotations

import time

from watchword.jwks.problem import ProbeFailed, Problem


class Deadline:
    """A moment by the monotonic clock that every wait of a fetch is measured against.

    A time-out per read is no limit: a server that sends one byte each second keeps it from ever running out
    (J-10).
    """

    def __init__(self, seconds: float) -> None:
        self._ends_at = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds left, 0 when the time is up."""
        return max(0.0, self._ends_at - time.monotonic())

    def remaining(self) -> float:
        """Seconds left, more than 0.

        Raises:
            ProbeFailed: TIMED_OUT when the time is up.
        """
        left = self.left()
        if left <= 0:
            raise ProbeFailed(Problem.TIMED_OUT)
        return left

    def within(self, seconds: float) -> Deadline:
        """A limit for a part of the work: at most that many seconds, and never longer than the whole.

        Raises:
            ProbeFailed: TIMED_OUT when the time is up.
        """
        return Deadline(min(seconds, self.remaining()))

    def wait_out(self) -> None:
        time.sleep(self.left())
