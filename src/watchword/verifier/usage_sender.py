"""Sends what was counted to the control plane, in a thread of its own: once a second, and at a graceful stop."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, Protocol

import structlog

from watchword.verifier.feed_http import CredentialRefused, FeedUnavailable

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence

    from watchword.verifier.usage import Usage
    from watchword.verifier.usage_backlog import Backlog

INTERVAL: Final = 1.0
"""Seconds between two takes. So much is lost at most when the process is killed, and an organization can exceed its API
call threshold by what it calls in so long (docs/usage.md)."""

FIRST_DELAY: Final = 1.0
LONGEST_DELAY: Final = 15.0
"""Also after a refused credential, which only an operator can mend."""

_REFUSED_FOR_GOOD: Final = frozenset({"http_400", "http_413", "http_422"})

_log = structlog.get_logger("watchword.verifier.usage")


class UsageIntake(Protocol):
    """The part of the feed's client that is used here."""

    def report_usage(self, batch: bytes) -> None: ...


class UsageSender:
    """Takes from the tables of all threads that answer, and sends batch after batch."""

    def __init__(
        self,
        *,
        intake: UsageIntake,
        usages: Sequence[Usage],
        backlog: Backlog,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._intake = intake
        self._usages = usages
        self._backlog = backlog
        self._clock = clock
        self._monotonic = monotonic
        self._problem: str | None = None
        self._delay = FIRST_DELAY
        self._not_before = float("-inf")

    def run(self, stop: threading.Event) -> None:
        """Send until `stop`, and once more then."""
        while not stop.wait(INTERVAL):
            self.step()
        self._not_before = float("-inf")
        self.step()

    def step(self) -> None:
        """Take what was counted, then send all that waits, unless the control plane has just failed to answer."""
        try:
            self._take()
            while self._monotonic() >= self._not_before:
                batch = self._backlog.batch()
                if batch is None:
                    break
                self._send(batch)
        except Exception as fault:  # noqa: BLE001 - this thread must outlive any fault.
            self._failed(f"fault_{type(fault).__name__}", LONGEST_DELAY)

    def _take(self) -> None:
        now = self._clock()
        for usage in self._usages:
            self._backlog.add(usage.take(), now)

    def _send(self, batch: bytes) -> None:
        try:
            self._intake.report_usage(batch)
        except CredentialRefused as refused:
            self._failed(refused.code, LONGEST_DELAY)
            return
        except FeedUnavailable as unavailable:
            if unavailable.code not in _REFUSED_FOR_GOOD:
                self._failed(unavailable.code, self._delay)
                return
            # Sent again it would be refused again, and hold up all that comes after it.
            _log.error("usage_batch_refused", problem=unavailable.code)
        self._backlog.settled()
        if self._problem is not None:
            _log.info("usage_sent_again")
        self._problem, self._delay = None, FIRST_DELAY

    def _failed(self, code: str, delay: float) -> None:
        self._not_before = self._monotonic() + delay
        self._delay = min(LONGEST_DELAY, 2 * self._delay)
        if code != self._problem:
            self._problem = code
            _log.warning("usage_not_sent", problem=code)
