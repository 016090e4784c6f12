"""Counts that the control plane has not acknowledged yet, and the batches in which they go there.

A batch has a number, and no other is sent until its fate is known; so the control plane needs to remember no more than
the last number of each verifier process to apply every batch exactly once, whatever is lost or repeated on the way.
While the control plane is away the counts are merged, coarser the more there are, but never across two days (UTC) and
never away from the organization whose API calls they are.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from watchword.core.characters import is_printable, printable
from watchword.core.decision import TokenProfile
from watchword.verifier.usage.counting import ALLOWED, OTHER, Counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from watchword.verifier.usage.counting import Taken

SCHEMA: Final = 1
MAX_BATCH_BYTES: Final = 250_000
MAX_BATCH_LINES: Final = 1_000
MAX_ENTRIES: Final = 50_000
"""From there on what waits is merged."""

KEPT_SECONDS: Final = 31 * 86_400
"""Older counts are given up; the control plane keeps none of that age either."""

_MINUTE: Final = 60
_HOUR: Final = 3_600
_DAY: Final = 86_400


class _Entry(NamedTuple):
    """Which calls are counted together: those of one beginning minute, hour or day (Unix seconds) and one kind."""

    begins: int
    counted: Counted


class Backlog:
    """For the one thread that sends."""

    def __init__(self, *, node: str, boot: str) -> None:
        self._node = node
        self._boot = boot
        self._entries: dict[_Entry, list[int]] = {}
        self._sequence = 0
        self._under_way: bytes | None = None
        self._inherited = False

    def add(self, taken: Iterable[Taken], now: float) -> None:
        """Keep counts that were taken at `now`, in Unix seconds."""
        begins = int(now) - int(now) % _MINUTE
        for counted, revision, calls in taken:
            self._keep(_Entry(begins, _tidy(counted)), calls, revision)
        for merged in (_by_hour, _without_profile, _by_day):
            if len(self._entries) > MAX_ENTRIES:
                self._merge(merged)
        if len(self._entries) > MAX_ENTRIES:
            self._entries = {entry: sums for entry, sums in self._entries.items() if entry.begins > now - KEPT_SECONDS}

    def batch(self) -> bytes | None:
        """The batch to send now: the one whose fate is not known, or a new one; None when nothing waits."""
        if self._under_way is None and self._entries:
            self._under_way = self._cut()
        return self._under_way

    def settled(self) -> None:
        """The batch was applied, or refused for good."""
        self._under_way, self._inherited = None, False

    def take_back(self) -> None:
        """The batch was not applied, and never will be under its number: count its lines in a new one."""
        batch = self._under_way
        self.settled()
        if batch is not None:
            for line in json.loads(batch)["lines"]:
                self._keep(_entry(line), int(line["calls"]), int(line["revision"]))

    @property
    def is_inherited(self) -> bool:
        """Whether the batch under way is one that another process began."""
        return self._inherited

    @property
    def waits(self) -> bool:
        """Whether anything is not known to have arrived."""
        return self._under_way is not None or bool(self._entries)

    @property
    def cuts_next(self) -> bool:
        """Whether `batch` would make a new one."""
        return self._under_way is None

    def document(self) -> dict[str, object]:
        """All that waits, for the journal; `restore` reads it."""
        return {
            "under_way": None if self._under_way is None else self._under_way.decode(),
            "entries": [_document(entry, calls, revision) for entry, (calls, revision) in self._entries.items()],
        }

    def restore(self, document: Mapping[str, Any]) -> None:
        """Take over what another process left: its batch as it was, under its own number, and the rest under ours.

        Raises:
            ValueError, KeyError, TypeError: the document was not made by `document`; nothing was taken over.
        """
        under_way = document["under_way"]
        entries = [(_entry(line), int(line["calls"]), int(line["revision"])) for line in document["entries"]]
        self._under_way = None if under_way is None else str(under_way).encode()
        self._inherited = under_way is not None
        for entry, calls, revision in entries:
            self._keep(entry, calls, revision)

    def _keep(self, entry: _Entry, calls: int, revision: int) -> None:
        sums = self._entries.setdefault(entry, [0, 0])
        sums[0] += calls
        sums[1] = max(sums[1], revision)

    def _merge(self, merged: Callable[[_Entry], _Entry]) -> None:
        entries, self._entries = self._entries, {}
        for entry, (calls, revision) in entries.items():
            self._keep(merged(entry), calls, revision)

    def _cut(self) -> bytes:
        lines: list[str] = []
        size = 0
        for entry, (calls, revision) in self._entries.items():
            line = json.dumps(_document(entry, calls, revision), ensure_ascii=False, separators=(",", ":"))
            size += len(line.encode()) + 1
            if lines and (size > MAX_BATCH_BYTES or len(lines) == MAX_BATCH_LINES):
                break
            lines.append(line)
        for entry in list(self._entries)[: len(lines)]:
            del self._entries[entry]
        self._sequence += 1
        head = json.dumps({"schema": SCHEMA, "node": self._node, "boot": self._boot, "sequence": self._sequence})
        return f'{head[:-1]}, "lines": [{",".join(lines)}]}}'.encode()


def _by_hour(entry: _Entry) -> _Entry:
    return entry._replace(begins=entry.begins - entry.begins % _HOUR)


def _without_profile(entry: _Entry) -> _Entry:
    return entry if entry.counted.profile is None else entry._replace(counted=entry.counted._replace(profile=OTHER))


def _by_day(entry: _Entry) -> _Entry:
    counted = entry.counted
    allowed = counted.outcome == ALLOWED
    merged = counted._replace(server=None) if allowed else Counted("", None, counted.outcome, None)
    return _Entry(entry.begins - entry.begins % _DAY, merged)


def _document(entry: _Entry, calls: int, revision: int) -> dict[str, object]:
    counted = entry.counted
    return {
        "begins": entry.begins,
        "organization": counted.organization or None,
        "server": counted.server,
        "revision": revision,
        "outcome": counted.outcome or None,
        "profile": counted.profile._asdict() if isinstance(counted.profile, TokenProfile) else counted.profile,
        "calls": calls,
    }


def _entry(line: Mapping[str, Any]) -> _Entry:
    profile = line["profile"]
    if isinstance(profile, dict):
        profile = TokenProfile(**profile)
    counted = Counted(line["organization"] or "", line["server"], line["outcome"] or ALLOWED, profile)
    return _Entry(int(line["begins"]), counted)


def _tidy(counted: Counted) -> Counted:
    """Without characters that cannot be stored or shown: a profile is typed by whoever sends the token."""
    profile = counted.profile
    if not isinstance(profile, TokenProfile) or all(value is None or is_printable(value) for value in profile):
        return counted
    return counted._replace(profile=TokenProfile(*[None if value is None else printable(value) for value in profile]))
