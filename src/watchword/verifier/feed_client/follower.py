"""Follows the feed in threads of its own: the current snapshot and its copy on disk grow page by page."""

from __future__ import annotations

import json
import random
import time
from typing import TYPE_CHECKING, Final

import structlog

from watchword.feed import EMPTY, PAGE_SCHEMA, FeedRefused, Page, SchemaUnknown, Snapshot, decode_page, fold
from watchword.runtime.outages import Outage
from watchword.verifier.feed_client.failures import CredentialRefused, FeedUnavailable
from watchword.verifier.unknown_keys import report_of

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from watchword.verifier.disk.copy import DiskCopy
    from watchword.verifier.feed_client.http import Feed
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

_CAUSES: Final = {
    "schema_unknown": "the portal is of a newer version than this verifier",
    "epoch_left": "the portal's database is older than what this verifier has followed",
    "document_refused": "the answer is not a page of the feed that continues what this verifier knows",
}
_WAITS: Final = "a restart would wait for the feed"
_REFUSING: Final = "its tokens are refused until this verifier is upgraded"

_log = structlog.get_logger("watchword.verifier.feed")


class EpochLeft(FeedRefused):
    """The page is of a history that ended for this verifier. Only a new epoch leads on, or a restart."""


class FeedClient:
    """The one writer of `current` and of the disk copy.

    Attributes:
        connected: whether the last question was answered, and the answer followed.
        disk: the copy; other threads may read its attributes.
    """

    def __init__(
        self,
        *,
        feed: Feed,
        current: CurrentSnapshot,
        disk: DiskCopy,
        base: Snapshot | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Begin to follow.

        Args:
            feed: what is asked.
            current: what is decided by.
            disk: what a restart begins from.
            base: known already and not to be decided by before the feed has continued it, as of a copy that is behind.
            clock: Unix seconds.
        """
        self._feed = feed
        self._current = current
        self.disk = disk
        self._clock = clock
        self._gathering = base
        self._left: set[str] = set()
        self._outage = Outage(_log, "feed_failed", over="feed_connected", level="warning")
        self._failures = 0
        self._copy_fails = False
        self._told_stale = False
        self._not_understood: dict[str, str] = {}
        self.connected = False

    def run(self, stop: threading.Event) -> None:
        """Ask again and again until `stop`; whatever goes wrong, the snapshot that is there stays."""
        while not stop.is_set():
            stop.wait(self.step())

    def step(self) -> float:
        """Ask once and follow the answer; returns the seconds to rest before the next question."""
        delay = self._step()
        self._log_not_understood()
        return delay

    def _step(self) -> float:
        try:
            brought_something = self._poll()
        except CredentialRefused as refused:
            return self._failed(refused.code, refused.cause, SLOW_DELAY)
        except FeedUnavailable as unavailable:
            return self._failed(unavailable.code, unavailable.cause, self._back_off())
        except FeedRefused as refused:
            code = self._code_of(refused)
            return self._failed(code, _CAUSES[code], LONGEST_DELAY)
        except Exception as fault:  # noqa: BLE001 - this thread must outlive any fault, or the verifier would go stale.
            self._gathering = None
            return self._failed(f"fault_{type(fault).__name__}", "a fault of this verifier", LONGEST_DELAY)
        if not self.connected and self._failures == 0:
            _log.info("feed_connected", portal=self._feed.origin)
        self._outage.succeeded()
        self._failures, self.connected = 0, True
        self._current.schema_unknown = self._current.page_refused = self._told_stale = False
        # A control plane that does not wait although asked to must not be asked in a tight loop.
        return 0.0 if brought_something else EMPTY_ANSWER_DELAY

    def _code_of(self, refused: FeedRefused) -> str:
        self._current.page_refused = True
        match refused:
            case SchemaUnknown():
                # Half understood, a page might lack the one change that matters. What is known stays.
                self._current.schema_unknown = True
                return "schema_unknown"
            case EpochLeft():
                return "epoch_left"
        self._gathering = None
        return "document_refused"

    def _poll(self) -> bool:
        known = self._gathering or self._snapshot()
        # After a start or a failure an answer at once says whether the connection works.
        wait = WAIT_SECONDS if self.connected and self._gathering is None else 0
        not_understood = [trust.organization for trust in self._current.not_understood()]
        body = self._feed.changes(epoch=known.epoch, after=known.revision, wait=wait, not_understood=not_understood)
        try:
            document = json.loads(body)
        except (ValueError, RecursionError):
            raise FeedRefused("Not JSON.") from None
        return self._follow(decode_page(document))

    def _follow(self, page: Page) -> bool:
        if page.epoch in self._left:
            # A portal whose database was left behind, or an answer that somebody kept. Its history is over, and would
            # bring back what was since taken away.
            raise EpochLeft
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
            self._on_disk(lambda: self._keep(snapshot, now))
            return False
        # The disk first: after a restart nobody gets back what a decision has already been refused for.
        self._on_disk(lambda: self.disk.store(folded, heard_at=now, page=page))
        self._current.swap(folded, heard_at=now)
        if snapshot.epoch not in {"", folded.epoch}:
            self._left.add(snapshot.epoch)
        self._on_disk(lambda: self.disk.tidy(folded, heard_at=now))
        return True

    def _keep(self, snapshot: Snapshot, now: float) -> None:
        self.disk.store(snapshot, heard_at=now)
        self.disk.tidy(snapshot, heard_at=now)

    def _snapshot(self) -> Snapshot:
        return EMPTY if self._current.view is None else self._current.view.snapshot

    def _on_disk(self, write: Callable[[], None]) -> None:
        try:
            write()
        except OSError as failure:
            # A full disk must not keep a suspension from taking effect.
            if not self._copy_fails:
                consequence = "a restart would decide by an older copy" if self.disk.unmarked else _WAITS
                _log.error("snapshot_copy_not_written", problem=type(failure).__name__, consequence=consequence)
            self._copy_fails = True
        else:
            if self._copy_fails and not self.disk.behind:
                _log.info("snapshot_copy_written_again")
                self._copy_fails = False

    def _log_not_understood(self) -> None:
        """Once for each organization and problem, and once when it is over."""
        found = {trust.organization: trust.problem for trust in self._current.not_understood()}
        for organization, problem in found.items() - self._not_understood.items():
            _log.error("trust_not_understood", organization=organization, problem=problem, consequence=_REFUSING)
        for organization in self._not_understood.keys() - found.keys():
            _log.info("trust_understood_again", organization=organization)
        self._not_understood = found

    def _back_off(self) -> float:
        delay: float = min(LONGEST_DELAY, FIRST_DELAY * 2 ** min(self._failures, 10))
        # Jitter keeps a fleet from asking a restarted portal in step.
        return delay * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, protects nothing.

    def _failed(self, code: str, cause: str, delay: float) -> float:
        self._failures += 1
        self.connected = False
        understood = {"understood": PAGE_SCHEMA} if self._current.schema_unknown else {}
        self._outage.failed(problem=code, portal=self._feed.origin, cause=cause, **understood)
        if not self._told_stale and self._current.is_stale(self._clock()):
            self._told_stale = True
            _log.warning("snapshot_stale", problem=code)
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
