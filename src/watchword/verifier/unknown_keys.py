"""Tokens that name a key no key set holds yet: perhaps a server has rotated its keys. Whom to tell, and who may wait.

What a token names is typed by whoever sends it, so everything here is bounded, for each organization and in all: a
flood of made-up names for one organization neither grows the memory nor crowds out another's (M-13, M-14). A name
that comes a second time is asked for apart from those that come once. So a flood of names that are never the same uses
up none of what a rotation needs, whose new name comes with every token (docs/decisions/0006).

A token for an organization that does not exist, or whose key cannot verify it for another reason, waits by the same
rules, though nothing is reported: otherwise the time of an answer would tell which organizations exist. Such tokens
have a book of their own, so that made-up organizations take no place of real ones (FJ-01).
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
"""Names in each of two generations, a hundred bytes each: a flood that one core can take fills one in two seconds."""

REMEMBERED_SECONDS: Final = 600.0
QUIET_SECONDS: Final = 30.0
"""The control plane fetches a key set at most this often for unknown names of all kinds; asking sooner is of no use."""

WINDOW_SECONDS: Final = 1.5
"""How long after a question its answer may still be on the way, so that requests may wait for it."""

OUT_OF_REACH_SECONDS: Final = 5.0
"""After a report that did not get through, nobody is made to wait for its effect."""

MAX_REPORT_BYTES: Final = 15_000
SCHEMA: Final = 1

_NEVER: Final = float("-inf")


class UnknownKey(NamedTuple):
    """An entry of a report. `repeated` says that more than one token named the key."""

    organization: str
    kid: str
    repeated: bool


class Sight(Enum):
    """A name for which a fetch may be under way: seen for the first time, or again."""

    FIRST = "first"
    AGAIN = "again"


class _Asked:
    """What was asked about one organization, and when, by the monotonic clock."""

    __slots__ = ("at", "for_repeated_at", "repeated_kid")

    def __init__(self) -> None:
        self.at = _NEVER
        self.for_repeated_at = _NEVER
        self.repeated_kid = ""

    def is_open(self, now: float) -> bool:
        return now - max(self.at, self.for_repeated_at) < WINDOW_SECONDS


class _Book:
    """The names that were seen, and what was asked about each organization."""

    def __init__(self) -> None:
        self.seen = _Memory()
        self.asked: OrderedDict[str, _Asked] = OrderedDict()

    def asked_about(self, organization: str) -> _Asked:
        asked = self.asked.get(organization)
        if asked is None:
            asked = self.asked[organization] = _Asked()
            if len(self.asked) > MAX_ORGANIZATIONS:
                self.asked.popitem(last=False)
        return asked


class UnknownKeys:
    """What is to be reported, and what may come of it. All times are of the monotonic clock, in seconds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._something_waits = threading.Event()
        self._book = _Book()
        self._unreported = _Book()
        self._pending: dict[str, str] = {}
        self._out_of_reach_until = _NEVER

    def note(self, organization: str, kid: str, now: float, *, report: bool = True) -> Sight | None:
        """Called on the request path: never waits for I/O.

        Args:
            organization: which the request is for.
            kid: the key that the token names.
            now: by the monotonic clock.
            report: whether the control plane can do anything about it.

        Returns:
            None when the request is to be denied at once, because no fetch that could bring the key is under way.
        """
        if len(kid) > MAX_KID:
            return None
        with self._lock:
            book = self._book if report else self._unreported
            first_seen = book.seen.first_seen(organization, kid, now)
            asked = book.asked_about(organization)
            if now - asked.at >= QUIET_SECONDS:
                if not report:
                    asked.at = now
                elif len(self._pending) < MAX_PENDING:
                    asked.at = now
                    self._pending[organization] = kid
                    self._something_waits.set()
            elif (
                # What was seen before the last question of this kind has had its chance, with all names of that time.
                first_seen is not None
                and first_seen > asked.for_repeated_at
                and now - asked.for_repeated_at >= WINDOW_SECONDS
            ):
                asked.for_repeated_at, asked.repeated_kid = now, kid
                if report:
                    self._something_waits.set()
            if now < self._out_of_reach_until or not asked.is_open(now):
                return None
            return Sight.FIRST if first_seen is None else Sight.AGAIN

    def wait(self, seconds: float) -> None:
        """Return as soon as there is something to report, or after `seconds`."""
        self._something_waits.wait(seconds)

    def take(self, now: float) -> tuple[UnknownKey, ...]:
        """Hand out all that is to be reported now. A repeated name is handed out as long as its answer may come."""
        with self._lock:
            once = [UnknownKey(organization, kid, repeated=False) for organization, kid in self._pending.items()]
            self._pending = {}
            again = [
                UnknownKey(organization, asked.repeated_kid, repeated=True)
                for organization, asked in self._book.asked.items()
                if now - asked.for_repeated_at < WINDOW_SECONDS
            ]
            if not again:
                self._something_waits.clear()
            return (*again, *once)[:MAX_PENDING]

    def not_reported(self, keys: tuple[UnknownKey, ...], now: float) -> None:
        """The report did not get through: the next token that names a key is asked for again."""
        with self._lock:
            self._out_of_reach_until = now + OUT_OF_REACH_SECONDS
            for key in keys:
                asked = self._book.asked_about(key.organization)
                asked.at = asked.for_repeated_at = _NEVER


class _Memory:
    """When each name was first seen, exactly, for the names of the last minutes.

    Two generations, so that forgetting the oldest costs nothing. It keeps hashes, whose seed no client knows.
    """

    def __init__(self) -> None:
        self._new: dict[int, float] = {}
        self._old: dict[int, float] = {}
        self._turned_at = _NEVER

    def first_seen(self, organization: str, kid: str, now: float) -> float | None:
        """When the name was seen first; None if that is now."""
        name = hash((organization, kid))
        first_seen = self._new.get(name)
        if first_seen is not None:
            return first_seen
        first_seen = self._old.get(name)
        if len(self._new) >= MAX_REMEMBERED or now - self._turned_at >= REMEMBERED_SECONDS:
            self._old, self._new, self._turned_at = self._new, {}, now
        self._new[name] = now if first_seen is None else first_seen
        return first_seen


def report_of(keys: tuple[UnknownKey, ...]) -> bytes:
    """The body of POST /feed/v1/unknown-keys, with as many keys as fit; the rest will be seen again soon."""
    entries: list[str] = []
    size = 0
    for key in keys:
        entry = json.dumps(key._asdict())
        size += len(entry) + 2
        if size > MAX_REPORT_BYTES:
            break
        entries.append(entry)
    return f'{{"schema": {SCHEMA}, "pairs": [{", ".join(entries)}]}}'.encode()
