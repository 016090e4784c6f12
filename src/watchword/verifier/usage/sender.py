"""Sends the counts to the control plane, in a thread of its own: once a second, and at a graceful stop."""

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
"""Seconds between two batches. A killed process loses at most the calls of this time, and an organization can exceed
its API call threshold by as many (docs/usage.md)."""

FIRST_DELAY: Final = 1.0
LONGEST_DELAY: Final = 15.0
"""Also after a refused credential, which only an operator can fix."""

_PERMANENT_FAILURES: Final = frozenset({"http_400", "http_409", "http_413", "http_422"})
_CREDENTIAL_CHANGED: Final = "http_409"
"""An earlier process started the batch with a credential that was replaced since."""

_log = structlog.get_logger("watchword.verifier.usage.counting")


class UsageIntake(Protocol):
    """The part of the feed's client that sends usage."""

    @property
    def origin(self) -> str: ...

    def report_usage(self, batch: bytes) -> None: ...


class UsageSender:
    """Collects the counts of all deciding threads and sends them batch by batch."""

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
        # Whether the backlog changed after the journal was written.
        self._journal_outdated = False

    def run(self, stop: threading.Event) -> None:
        """Send until `stop`, then once more. Starts with the counts that an earlier process left."""
        self._restore_journal()
        while not stop.wait(INTERVAL):
            self.step()
        self._not_before = self._journal_not_before = float("-inf")
        # The disk first: the process may be killed before the control plane responds.
        self.step(sending=False)
        self.step()

    def step(self, *, sending: bool = True) -> None:
        """Collect the counts, then send the whole backlog, unless the control plane has just failed to respond."""
        try:
            self._collect()
            while sending and self._monotonic() >= self._not_before and self._backlog.has_unsent:
                self._send_one()
            self._keep_journal()
        except Exception as fault:  # noqa: BLE001 - this thread must survive every fault.
            self._failed(f"fault_{type(fault).__name__}", "a fault of this verifier", LONGEST_DELAY)

    def _restore_journal(self) -> None:
        left = self._journal.load()
        if left is None:
            return
        try:
            self._backlog.restore(left)
        except (ValueError, KeyError, TypeError, AttributeError) as failure:
            _log.error("usage_journal_damaged", problem=type(failure).__name__)

    def _send_one(self) -> None:
        self._journal_outdated |= self._backlog.needs_new_batch
        batch = self._backlog.batch()
        # An outdated journal contains these calls under another number, so the next start would send them again.
        if self._journal_outdated and self._journal.exists and not self._write():
            self._failed("journal_in_the_way", "the usage journal cannot be written", LONGEST_DELAY)
        elif batch is not None:
            self._send(batch)

    def _keep_journal(self) -> None:
        if not self._backlog.has_unsent:
            if self._journal.exists:
                self._journal.discard()
        elif self._journal_outdated and self._monotonic() >= self._journal_not_before:
            began = self._monotonic()
            self._write()
            # Writing takes at most a tenth of the time, so a long journal is written less often.
            self._journal_not_before = self._monotonic() + 9 * (self._monotonic() - began)

    def _write(self) -> bool:
        written = self._journal.store(self._backlog.document())
        self._journal_outdated = not written
        return written

    def _collect(self) -> None:
        now = self._clock()
        for usage in self._usages:
            taken = usage.take()
            self._backlog.add(taken, now)
            self._journal_outdated |= bool(taken)

    def _send(self, batch: bytes) -> None:
        try:
            self._intake.report_usage(batch)
        except CredentialRefused as refused:
            self._failed(refused.code, refused.cause, LONGEST_DELAY)
            return
        except FeedUnavailable as unavailable:
            if unavailable.code == _CREDENTIAL_CHANGED and self._backlog.is_from_earlier_process:
                _log.warning("usage_batch_taken_back")
                self._backlog.requeue_batch()
                self._journal_outdated = True
                return
            if unavailable.code not in _PERMANENT_FAILURES:
                self._failed(unavailable.code, unavailable.cause, self._delay)
                return
            # The control plane would refuse it again, and later batches could never be sent.
            _log.error("usage_batch_refused", problem=unavailable.code, portal=self._intake.origin)
        self._backlog.batch_done()
        self._outage.succeeded()
        self._delay = FIRST_DELAY

    def _failed(self, code: str, cause: str, delay: float) -> None:
        self._not_before = self._monotonic() + delay
        self._delay = min(LONGEST_DELAY, 2 * self._delay)
        self._outage.failed(problem=code, portal=self._intake.origin, cause=cause)
