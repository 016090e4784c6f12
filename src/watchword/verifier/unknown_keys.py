"""Key names (kid) that no known key set contains: what to report to the control plane, and which requests may wait.

An authorization server may have rotated its keys, but the sender of a token may also have made the name up. So
everything here is bounded, per organization and in total: a flood of made-up names for one organization neither grows
the memory nor displaces another organization's names (M-13, M-14). Names seen again are reported separately from names
seen once. So a flood of names that never repeat takes nothing from a rotation, whose new name comes with every token
(docs/decisions/0006).

A token for an organization that does not exist, or whose keys cannot verify it for another reason, waits by the same
rules but is not reported. Otherwise the response time would reveal which organizations exist. Such tokens have state of
their own, so that made-up organizations do not use up the limits of real ones (FJ-01).
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from enum import Enum
from typing import Final, NamedTuple

MAX_KID: Final = 1024
MAX_PENDING: Final = 100
MAX_ORGANIZATIONS: Final = 4096
MAX_REMEMBERED: Final = 32_768
"""Names in each of two generations, a hundred bytes each. The largest flood that one core can serve fills one in two
seconds."""

REMEMBERED_SECONDS: Final = 600.0
QUIET_SECONDS: Final = 30.0
"""The control plane fetches a key set at most this often for names seen once; reporting sooner is of no use."""

WINDOW_SECONDS: Final = 1.5
"""How long after a report the new keys may still arrive. Requests may wait for them during this time."""

REPORT_FAILED_SECONDS: Final = 5.0
"""After a failed report no request waits for this long, because no fetch is under way."""

MAX_REPORT_BYTES: Final = 15_000
SCHEMA: Final = 1

_NEVER: Final = float("-inf")


class UnknownKey(NamedTuple):
    """An entry of a report. `repeated` says that more than one token named the key."""

    organization: str
    kid: str
    repeated: bool


class Occurrence(Enum):
    """Whether a name, for which a fetch may be under way, was seen for the first time."""

    FIRST = "first"
    REPEATED = "repeated"


class _Reports:
    """The last reports about one organization, by the monotonic clock."""

    __slots__ = ("at", "for_repeated_at", "repeated_kid")

    def __init__(self) -> None:
        self.at = _NEVER
        self.for_repeated_at = _NEVER
        self.repeated_kid = ""

    def may_bring_keys(self, now: float) -> bool:
        return now - max(self.at, self.for_repeated_at) < WINDOW_SECONDS


class _State:
    """The names seen, and the last reports of each organization."""

    def __init__(self) -> None:
        self.seen = _FirstSeen()
        self.reports: OrderedDict[str, _Reports] = OrderedDict()

    def reports_of(self, organization: str) -> _Reports:
        reports = self.reports.get(organization)
        if reports is None:
            reports = self.reports[organization] = _Reports()
            if len(self.reports) > MAX_ORGANIZATIONS:
                self.reports.popitem(last=False)
        return reports


class UnknownKeys:
    """Collects reports and decides which requests may wait. All times are monotonic seconds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._has_reports = threading.Event()
        self._reported = _State()
        self._unreported = _State()
        self._pending: dict[str, str] = {}
        self._report_failed_until = _NEVER

    def record(self, organization: str, kid: str, now: float, *, report: bool = True) -> Occurrence | None:
        """Record the key name of a token. Part of the request path: never waits for I/O.

        Args:
            organization: the organization of the request.
            kid: the key that the token names.
            now: monotonic seconds.
            report: whether a fetch by the control plane could bring the key.

        Returns:
            None if the request must be denied at once, because no fetch that could bring the key is under way.
        """
        if len(kid) > MAX_KID:
            return None
        with self._lock:
            state = self._reported if report else self._unreported
            first_seen = state.seen.first_seen(organization, kid, now)
            reports = state.reports_of(organization)
            if now - reports.at >= QUIET_SECONDS:
                if not report:
                    reports.at = now
                elif len(self._pending) < MAX_PENDING:
                    reports.at = now
                    self._pending[organization] = kid
                    self._has_reports.set()
            elif (
                # Names seen before the last report of a repeated name were covered by the fetch that it caused.
                first_seen is not None
                and first_seen > reports.for_repeated_at
                and now - reports.for_repeated_at >= WINDOW_SECONDS
            ):
                reports.for_repeated_at, reports.repeated_kid = now, kid
                if report:
                    self._has_reports.set()
            if now < self._report_failed_until or not reports.may_bring_keys(now):
                return None
            return Occurrence.FIRST if first_seen is None else Occurrence.REPEATED

    def wait(self, seconds: float) -> None:
        """Return as soon as there is something to report, or after `seconds`."""
        self._has_reports.wait(seconds)

    def take(self, now: float) -> tuple[UnknownKey, ...]:
        """The keys to report now. A repeated name is reported again while its key may still arrive."""
        with self._lock:
            once = [UnknownKey(organization, kid, repeated=False) for organization, kid in self._pending.items()]
            self._pending = {}
            repeated = [
                UnknownKey(organization, reports.repeated_kid, repeated=True)
                for organization, reports in self._reported.reports.items()
                if now - reports.for_repeated_at < WINDOW_SECONDS
            ]
            if not repeated:
                self._has_reports.clear()
            return (*repeated, *once)[:MAX_PENDING]

    def report_failed(self, keys: tuple[UnknownKey, ...], now: float) -> None:
        """Report these keys again with the next token that names one, because the control plane did not get them."""
        with self._lock:
            self._report_failed_until = now + REPORT_FAILED_SECONDS
            for key in keys:
                reports = self._reported.reports_of(key.organization)
                reports.at = reports.for_repeated_at = _NEVER


class _FirstSeen:
    """When each name was first seen, for the names of the last minutes.

    Two generations, so that dropping the oldest costs nothing. It stores hashes, whose seed no client knows.
    """

    def __init__(self) -> None:
        self._new: dict[int, float] = {}
        self._old: dict[int, float] = {}
        self._rotated_at = _NEVER

    def first_seen(self, organization: str, kid: str, now: float) -> float | None:
        """When the name was first seen; None if that is now."""
        name = hash((organization, kid))
        first_seen = self._new.get(name)
        if first_seen is not None:
            return first_seen
        first_seen = self._old.get(name)
        if len(self._new) >= MAX_REMEMBERED or now - self._rotated_at >= REMEMBERED_SECONDS:
            self._old, self._new, self._rotated_at = self._new, {}, now
        self._new[name] = now if first_seen is None else first_seen
        return first_seen


def report_of(keys: tuple[UnknownKey, ...]) -> bytes:
    """The body of POST /feed/v1/unknown-keys, with as many keys as fit; later tokens will name the others again."""
    entries: list[str] = []
    size = 0
    for key in keys:
        entry = json.dumps(key._asdict())
        size += len(entry) + 2
        if size > MAX_REPORT_BYTES:
            break
        entries.append(entry)
    return f'{{"schema": {SCHEMA}, "pairs": [{", ".join(entries)}]}}'.encode()
