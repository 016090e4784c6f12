"""Follows the feed in threads of its own: the current snapshot and its copy on disk grow page by page."""

from __future__ import annotations

import json
import random
import time
from typing import TYPE_CHECKING, Final

import structlog

from watchword.feed import EMPTY, FeedRefused, Page, Snapshot, decode_page, fold
from watchword.verifier.feed_http import CredentialRefused, FeedUnavailable
from watchword.verifier.unknown_keys import report_of

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from watchword.verifier.disk import DiskCopy
    from watchword.verifier.feed_http import Feed
    from watchword.verifier.snapshot import CurrentSnapshot
    from watchword.verifier.unknown_keys import UnknownKeys

WAIT_SECONDS: Final = 20
FIRST_DELAY: Final = 0.2
LONGEST_DELAY: Final = 5.0
SLOW_DELAY: Final = 15.0
"""After a refused credential: only an operator can mend that, and a tight loop would look like guessing."""

EMPTY_ANSWER_DELAY: Final = 0.2
REPORT_INTERVAL: Final = 0.25
"""Requests may be waiting for what a report brings about, so the first goes out at once. A repeated name goes again and
again: the fetch that was under way when it arrived may have begun before the rotation."""

REPORT_IDLE: Final = 1.0

_log = structlog.get_logger("watchword.verifier.feed")


class FeedClient:
    """The one writer of `current` and of the disk copy.

    Attributes:
        connected: whether the last question was answered.
        copy_is_current: whether the disk took what it was given last.
    """

    def __init__(
        self,
        *,
        feed: Feed,
        current: CurrentSnapshot,
        disk: DiskCopy,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._feed = feed
        self._current = current
        self._disk = disk
        self._clock = clock
        self._gathering: Snapshot | None = None
        self._problem: str | None = None
        self._failures = 0
        self.connected = False
        self.copy_is_current = True

    def run(self, stop: threading.Event) -> None:
        """Ask again and again until `stop`; whatever goes wrong, the snapshot that is there stays."""
        while not stop.is_set():
            stop.wait(self.step())

    def step(self) -> float:
        """Ask once and follow the answer; returns the seconds to rest before the next question."""
        try:
            brought_something = self._poll()
        except CredentialRefused as refused:
            return self._failed(refused.code, SLOW_DELAY)
        except FeedUnavailable as unavailable:
            return self._failed(unavailable.code, self._back_off())
        except FeedRefused:
            self._gathering = None
            return self._failed("document_refused", LONGEST_DELAY)
        except Exception as fault:  # noqa: BLE001 - this thread must outlive any fault, or the verifier would go stale.
            self._gathering = None
            return self._failed(f"fault_{type(fault).__name__}", LONGEST_DELAY)
        if self._problem is not None or not self.connected:
            _log.info("feed_connected")
        self._problem, self._failures, self.connected = None, 0, True
        # A control plane that does not wait although asked to must not be asked in a tight loop.
        return 0.0 if brought_something else EMPTY_ANSWER_DELAY

    def _poll(self) -> bool:
        known = self._gathering or self._snapshot()
        # After a start or a failure an answer at once says whether the connection works.
        wait = WAIT_SECONDS if self.connected and self._gathering is None else 0
        body = self._feed.changes(epoch=known.epoch, after=known.revision, wait=wait)
        try:
            document = json.loads(body)
        except (ValueError, RecursionError):
            raise FeedRefused("Not JSON.") from None
        return self._follow(decode_page(document))

    def _follow(self, page: Page) -> bool:
        snapshot = self._snapshot()
        gathering = self._gathering
        # A page of the current epoch continues the current snapshot, whatever is being gathered.
        base = gathering if gathering is not None and page.epoch == gathering.epoch else snapshot
        folded = fold(base, page)
        if page.epoch != snapshot.epoch and not page.complete:
            # The first pages of a new epoch know few organizations yet. Deciding by them would deny all others.
            self._gathering = folded
            return True
        self._gathering = None
        now = self._clock()
        if folded.epoch == snapshot.epoch and folded.revision == snapshot.revision:
            self._current.confirm(now)
            self._on_disk(lambda: self._confirm_on_disk(folded, now))
            return False
        # The disk first: after a restart nobody gets back what a decision has already been refused for.
        self._on_disk(lambda: self._disk.store(folded, heard_at=now))
        self._current.swap(folded, heard_at=now)
        return True

    def _confirm_on_disk(self, snapshot: Snapshot, now: float) -> None:
        # What the disk refused when it came, if it did; else this is written already. Confirming the older copy instead
        # would make a restart believe that nobody was suspended since.
        self._disk.store(snapshot, heard_at=now)
        self._disk.confirm(now)

    def _snapshot(self) -> Snapshot:
        return EMPTY if self._current.view is None else self._current.view.snapshot

    def _on_disk(self, write: Callable[[], None]) -> None:
        try:
            write()
            self.copy_is_current = True
        except OSError as failure:
            # A full disk must not keep a suspension from taking effect.
            self.copy_is_current = False
            _log.error("snapshot_copy_not_written", problem=type(failure).__name__)

    def _back_off(self) -> float:
        delay: float = min(LONGEST_DELAY, FIRST_DELAY * 2 ** min(self._failures, 10))
        # Jitter keeps a fleet from asking a restarted portal in step.
        return delay * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, protects nothing.

    def _failed(self, code: str, delay: float) -> float:
        self._failures += 1
        self.connected = False
        if code != self._problem:
            # Once for each new problem: an hour without control plane is one line and not seven hundred.
            self._problem = code
            _log.warning("feed_failed", problem=code)
        return max(delay, FIRST_DELAY)


def report_unknown_keys(feed: Feed, unknown_keys: UnknownKeys, stop: threading.Event) -> None:
    """Pass on what waits, at once and then every `REPORT_INTERVAL`, until `stop`."""
    while not stop.is_set():
        unknown_keys.wait(REPORT_IDLE)
        keys = unknown_keys.take(time.monotonic())
        if not keys:
            continue
        try:
            feed.report_unknown_keys(report_of(keys))
        except FeedUnavailable:
            # The feed's own thread says what is wrong; here only the next token counts.
            unknown_keys.not_reported(keys, time.monotonic())
        except Exception as fault:  # noqa: BLE001 - this thread must outlive any fault.
            _log.error("report_failed", fault=type(fault).__name__)
        stop.wait(REPORT_INTERVAL)
