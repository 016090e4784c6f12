"""Follows the feed: applies its pages to the current snapshot and to the copy on disk, and reports unknown keys."""

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
"""After a refused credential: only an operator can fix that, and fast retries would look like guessing."""

EMPTY_PAGE_DELAY: Final = 0.2
REPORT_INTERVAL: Final = 0.25
"""Requests may be waiting for the keys, so the first report is sent at once. A repeated name is sent several times: a
fetch that was under way when the first report arrived may have started before the rotation."""

REPORT_IDLE: Final = 1.0

_CAUSES: Final = {
    "schema_unknown": "the portal has a newer version than this verifier",
    "epoch_left": "the portal's database is older than the feed that this verifier has followed",
    "document_refused": "the response is not a page of the feed that continues this verifier's snapshot",
}
_WAITS: Final = "a restart would wait for the feed"
_REFUSING: Final = "its tokens are refused until this verifier is upgraded"

_log = structlog.get_logger("watchword.verifier.feed")


class EpochLeft(FeedRefused):
    """The page belongs to an epoch that this verifier has left. Only a new epoch or a restart helps."""


class FeedClient:
    """The only writer of `current` and of the copy on disk.

    Attributes:
        connected: whether the last request got a page that could be applied.
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
        """Prepare to follow the feed.

        Args:
            feed: the control plane's feed.
            current: the snapshot that decides.
            disk: the copy that a restart begins with.
            base: a snapshot from a copy that is behind. The feed must continue it before it may decide.
            clock: Unix seconds.
        """
        self._feed = feed
        self._current = current
        self.disk = disk
        self._clock = clock
        self._partial = base
        self._left_epochs: set[str] = set()
        self._outage = Outage(_log, "feed_failed", over="feed_connected", level="warning")
        self._failures = 0
        self._copy_failing = False
        self._stale_logged = False
        self._not_understood: dict[str, str] = {}
        self.connected = False

    def run(self, stop: threading.Event) -> None:
        """Request page after page until `stop`. A failure leaves the current snapshot unchanged."""
        while not stop.is_set():
            stop.wait(self.step())

    def step(self) -> float:
        """Request one page and apply it; returns the seconds to wait before the next request."""
        delay = self._step()
        self._log_not_understood()
        return delay

    def _step(self) -> float:
        try:
            has_changed = self._poll()
        except CredentialRefused as refused:
            return self._failed(refused.code, refused.cause, SLOW_DELAY)
        except FeedUnavailable as unavailable:
            return self._failed(unavailable.code, unavailable.cause, self._back_off())
        except FeedRefused as refused:
            code = self._code_of(refused)
            return self._failed(code, _CAUSES[code], LONGEST_DELAY)
        except Exception as fault:  # noqa: BLE001 - this thread must survive every fault, or the snapshot gets stale.
            self._partial = None
            return self._failed(f"fault_{type(fault).__name__}", "a fault of this verifier", LONGEST_DELAY)
        if not self.connected and self._failures == 0:
            _log.info("feed_connected", portal=self._feed.origin)
        self._outage.succeeded()
        self._failures, self.connected = 0, True
        self._current.schema_unknown = self._current.page_refused = self._stale_logged = False
        # Avoids a tight loop if the control plane does not hold the request as it should.
        return 0.0 if has_changed else EMPTY_PAGE_DELAY

    def _code_of(self, refused: FeedRefused) -> str:
        self._current.page_refused = True
        match refused:
            case SchemaUnknown():
                # The part that this version does not understand may be the change that matters, so nothing is applied.
                self._current.schema_unknown = True
                return "schema_unknown"
            case EpochLeft():
                return "epoch_left"
        self._partial = None
        return "document_refused"

    def _poll(self) -> bool:
        known = self._partial or self._snapshot()
        # After a start or a failure an immediate response shows whether the connection works.
        wait = WAIT_SECONDS if self.connected and self._partial is None else 0
        not_understood = [trust.organization for trust in self._current.not_understood()]
        body = self._feed.changes(epoch=known.epoch, after=known.revision, wait=wait, not_understood=not_understood)
        try:
            document = json.loads(body)
        except (ValueError, RecursionError):
            raise FeedRefused("Not JSON.") from None
        return self._follow(decode_page(document))

    def _follow(self, page: Page) -> bool:
        if page.epoch in self._left_epochs:
            # A portal with an outdated database, or a replayed response, would bring back trust that was withdrawn.
            raise EpochLeft
        snapshot = self._snapshot()
        partial = self._partial
        # A page of the current epoch continues the current snapshot, even while pages of a new epoch are collected.
        base = partial if partial is not None and page.epoch == partial.epoch else snapshot
        folded = fold(base, page)
        if page.epoch != snapshot.epoch and not page.complete:
            # The first pages of a new epoch contain few organizations. Deciding by them would deny all others.
            self._partial = folded
            return True
        self._partial = None
        now = self._clock()
        if folded.epoch == snapshot.epoch and folded.revision == snapshot.revision:
            self._current.confirm(now)
            self._write_copy(lambda: self._confirm_copy(snapshot, now))
            return False
        # The disk first: a restart must not accept tokens that this process has already refused.
        self._write_copy(lambda: self.disk.store(folded, heard_at=now, page=page))
        self._current.swap(folded, heard_at=now)
        if snapshot.epoch not in {"", folded.epoch}:
            self._left_epochs.add(snapshot.epoch)
        self._write_copy(lambda: self.disk.compact(folded, heard_at=now))
        return True

    def _confirm_copy(self, snapshot: Snapshot, now: float) -> None:
        self.disk.store(snapshot, heard_at=now)
        self.disk.compact(snapshot, heard_at=now)

    def _snapshot(self) -> Snapshot:
        return EMPTY if self._current.view is None else self._current.view.snapshot

    def _write_copy(self, write: Callable[[], None]) -> None:
        try:
            write()
        except OSError as failure:
            # A full disk must not delay a suspension.
            if not self._copy_failing:
                consequence = "a restart would decide by an older copy" if self.disk.watermark_failed else _WAITS
                _log.error("snapshot_copy_not_written", problem=type(failure).__name__, consequence=consequence)
            self._copy_failing = True
        else:
            if self._copy_failing and not self.disk.behind:
                _log.info("snapshot_copy_written_again")
                self._copy_failing = False

    def _log_not_understood(self) -> None:
        """Log each organization and problem once, and once when it is over."""
        found = {trust.organization: trust.problem for trust in self._current.not_understood()}
        for organization, problem in found.items() - self._not_understood.items():
            _log.error("trust_not_understood", organization=organization, problem=problem, consequence=_REFUSING)
        for organization in self._not_understood.keys() - found.keys():
            _log.info("trust_understood_again", organization=organization)
        self._not_understood = found

    def _back_off(self) -> float:
        delay: float = min(LONGEST_DELAY, FIRST_DELAY * 2 ** min(self._failures, 10))
        # Jitter keeps many verifiers from calling a restarted portal at the same moment.
        return delay * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load only.

    def _failed(self, code: str, cause: str, delay: float) -> float:
        self._failures += 1
        self.connected = False
        understood = {"understood": PAGE_SCHEMA} if self._current.schema_unknown else {}
        self._outage.failed(problem=code, portal=self._feed.origin, cause=cause, **understood)
        if not self._stale_logged and self._current.is_stale(self._clock()):
            self._stale_logged = True
            _log.warning("snapshot_stale", problem=code)
        return max(delay, FIRST_DELAY)


def report_unknown_keys(feed: Feed, unknown_keys: UnknownKeys, stop: threading.Event) -> None:
    """Send reports until `stop`: the first at once, further ones every `REPORT_INTERVAL` seconds."""
    while not stop.is_set():
        unknown_keys.wait(REPORT_IDLE)
        keys = unknown_keys.take(time.monotonic())
        if not keys:
            continue
        try:
            feed.report_unknown_keys(report_of(keys))
        except FeedUnavailable:
            # The thread that follows the feed logs the failure.
            unknown_keys.report_failed(keys, time.monotonic())
        except Exception as fault:  # noqa: BLE001 - this thread must survive every fault.
            _log.error("report_failed", fault=type(fault).__name__)
        stop.wait(REPORT_INTERVAL)
