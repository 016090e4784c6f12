"""Sends what was counted to the control plane, in a thread of its own: once a second, and at a graceful stop."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, Protocol

import structlog

from watchword.runtime.outages import Outage
from watchword.verifier.feed_client.failures import CredentialRefused, FeedUnavailable

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence

    from watchword.verifier.usage.backlog import Backlog
    from watchword.verifier.usage.counting import Usage
    from watchword.verifier.usage.journal import Journal

INTERVAL: Final = 1.0
"""Seconds between two takes. So much is lost at most when the process is killed, and an organization can exceed its API
call threshold by what it calls in so long (docs/usage.md)."""

FIRST_DELAY: Final = 1.0
LONGEST_DELAY: Final = 15.0
"""Also after a refused credential, which only an operator can mend."""

_REFUSED_FOR_GOOD: Final = frozenset({"http_400", "http_409", "http_413", "http_422"})
_OF_ANOTHER_CREDENTIAL: Final = "http_409"
"""The process before this one began its batch with a credential that was replaced since."""

_log = structlog.get_logger("watchword.verifier.usage.counting")


class UsageIntake(Protocol):
    """The part of the feed's client that is used here."""

    @property
    def origin(self) -> str: ...

    def report_usage(self, batch: bytes) -> None: ...


class UsageSender:
    """Takes from the tables of all threads that answer, and sends batch after batch."""

    def __init__(
        self,
        *,
        intake: UsageIntake,
        usages: Sequence[Usage],
        backlog: Backlog,
        journal: Journal,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._intake = intake
        self._usages = usages
        self._backlog = backlog
        self._journal = journal
        self._clock = clock
        self._monotonic = monotonic
        self._outage = Outage(_log, "usage_not_sent", over="usage_sent_again", level="warning")
        self._delay = FIRST_DELAY
        self._not_before = self._journal_not_before = float("-inf")
        # Whether the backlog has changed since the journal was written.
        self._unwritten = False

    def run(self, stop: threading.Event) -> None:
        """Send until `stop`, and once more then, beginning with what a process before this one left."""
        self._take_over()
        while not stop.wait(INTERVAL):
            self.step()
        self._not_before = self._journal_not_before = float("-inf")
        # On the disk first: whoever stops the process may not wait for the control plane's answer.
        self.step(sending=False)
        self.step()

    def step(self, *, sending: bool = True) -> None:
        """Take what was counted, then send all that waits, unless the control plane has just failed to answer."""
        try:
            self._take()
            while sending and self._monotonic() >= self._not_before and self._backlog.waits:
                self._send_one()
            self._keep_journal()
        except Exception as fault:  # noqa: BLE001 - this thread must outlive any fault.
            self._failed(f"fault_{type(fault).__name__}", "a fault of this verifier", LONGEST_DELAY)

    def _take_over(self) -> None:
        left = self._journal.load()
        if left is None:
            return
        try:
            self._backlog.restore(left)
        except (ValueError, KeyError, TypeError, AttributeError) as failure:
            _log.error("usage_journal_damaged", problem=type(failure).__name__)

    def _send_one(self) -> None:
        self._unwritten |= self._backlog.cuts_next
        batch = self._backlog.batch()
        # A journal that tells of what leaves now as of other calls would have them counted again after the next start.
        if self._unwritten and self._journal.exists and not self._write():
            self._failed("journal_in_the_way", "the journal beside the state file cannot be written", LONGEST_DELAY)
        elif batch is not None:
            self._send(batch)

    def _keep_journal(self) -> None:
        if not self._backlog.waits:
            if self._journal.exists:
                self._journal.discard()
        elif self._unwritten and self._monotonic() >= self._journal_not_before:
            began = self._monotonic()
            self._write()
            # A tenth of the time at most: a long journal is written less often.
            self._journal_not_before = self._monotonic() + 9 * (self._monotonic() - began)

    def _write(self) -> bool:
        written = self._journal.store(self._backlog.document())
        self._unwritten = not written
        return written

    def _take(self) -> None:
        now = self._clock()
        for usage in self._usages:
            taken = usage.take()
            self._backlog.add(taken, now)
            self._unwritten |= bool(taken)

    def _send(self, batch: bytes) -> None:
        try:
            self._intake.report_usage(batch)
        except CredentialRefused as refused:
            self._failed(refused.code, refused.cause, LONGEST_DELAY)
            return
        except FeedUnavailable as unavailable:
            if unavailable.code == _OF_ANOTHER_CREDENTIAL and self._backlog.is_inherited:
                _log.warning("usage_batch_taken_back")
                self._backlog.take_back()
                self._unwritten = True
                return
            if unavailable.code not in _REFUSED_FOR_GOOD:
                self._failed(unavailable.code, unavailable.cause, self._delay)
                return
            # Sent again it would be refused again, and hold up all that comes after it.
            _log.error("usage_batch_refused", problem=unavailable.code, portal=self._intake.origin)
        self._backlog.settled()
        self._outage.succeeded()
        self._delay = FIRST_DELAY

    def _failed(self, code: str, cause: str, delay: float) -> None:
        self._not_before = self._monotonic() + delay
        self._delay = min(LONGEST_DELAY, 2 * self._delay)
        self._outage.failed(problem=code, portal=self._intake.origin, cause=cause)
