"""Counts that the control plane has not acknowledged yet, and the batches that carry them.

Each batch has a number, and the next one is sent only after the control plane acknowledged or refused it. So the
control plane needs only the last number of each verifier process to apply every batch exactly once, even if requests or
responses get lost. While the control plane is away the counts are merged, more coarsely the more there are, but never
across two days (UTC), and allowed calls always keep their organization.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from watchword.core.characters import is_printable, printable
from watchword.core.decision import TokenProfile
from watchword.verifier.usage.counting import ALLOWED, OTHER, CounterKey

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from watchword.verifier.usage.counting import UsageDelta

SCHEMA: Final = 1
MAX_BATCH_BYTES: Final = 250_000
MAX_BATCH_LINES: Final = 1_000
MAX_ENTRIES: Final = 50_000
"""Above this number, entries are merged."""

KEPT_SECONDS: Final = 31 * 86_400
"""Older counts are dropped; the control plane does not store any of that age either."""

_MINUTE: Final = 60
_HOUR: Final = 3_600
_DAY: Final = 86_400


class _Entry(NamedTuple):
    """Calls of one key in the minute, hour or day that begins at `begins` (Unix seconds)."""

    begins: int
    key: CounterKey


class Backlog:
    """The unsent counts of one verifier process. For the sending thread only."""

    def __init__(self, *, node: str, boot: str) -> None:
        self._node = node
        self._boot = boot
        self._entries: dict[_Entry, list[int]] = {}
        self._sequence = 0
        self._in_flight: bytes | None = None
        self._from_earlier_process = False

    def add(self, deltas: Iterable[UsageDelta], now: float) -> None:
        """Add counts that were collected at `now`, in Unix seconds."""
        begins = int(now) - int(now) % _MINUTE
        for key, revision, calls in deltas:
            self._add_calls(_Entry(begins, _printable(key)), calls, revision)
        for merged in (_by_hour, _without_profile, _by_day):
            if len(self._entries) > MAX_ENTRIES:
                self._merge(merged)
        if len(self._entries) > MAX_ENTRIES:
            self._entries = {entry: sums for entry, sums in self._entries.items() if entry.begins > now - KEPT_SECONDS}

    def batch(self) -> bytes | None:
        """The batch to send now: the one in flight, or a new one; None if there is nothing to send."""
        if self._in_flight is None and self._entries:
            self._in_flight = self._new_batch()
        return self._in_flight

    def batch_done(self) -> None:
        """The control plane has applied the batch in flight, or will never accept it."""
        self._in_flight, self._from_earlier_process = None, False

    def requeue_batch(self) -> None:
        """Add the lines of the batch in flight to a new one. It was not applied, and cannot be under its number."""
        batch = self._in_flight
        self.batch_done()
        if batch is not None:
            for line in json.loads(batch)["lines"]:
                self._add_calls(_entry(line), int(line["calls"]), int(line["revision"]))

    @property
    def is_from_earlier_process(self) -> bool:
        """Whether an earlier process started the batch in flight."""
        return self._from_earlier_process

    @property
    def has_unsent(self) -> bool:
        """Whether there are counts that the control plane has not acknowledged."""
        return self._in_flight is not None or bool(self._entries)

    @property
    def needs_new_batch(self) -> bool:
        """Whether `batch` would start a new batch."""
        return self._in_flight is None

    def document(self) -> dict[str, object]:
        """The whole backlog for the journal; `restore` reads it."""
        return {
            "under_way": None if self._in_flight is None else self._in_flight.decode(),
            "entries": [_document(entry, calls, revision) for entry, (calls, revision) in self._entries.items()],
        }

    def restore(self, document: Mapping[str, Any]) -> None:
        """Continue the backlog of an earlier process: its batch keeps its number, the rest gets new ones.

        Raises:
            ValueError, KeyError, TypeError: `document` did not make this document; nothing was restored.
        """
        under_way = document["under_way"]
        entries = [(_entry(line), int(line["calls"]), int(line["revision"])) for line in document["entries"]]
        self._in_flight = None if under_way is None else str(under_way).encode()
        self._from_earlier_process = under_way is not None
        for entry, calls, revision in entries:
            self._add_calls(entry, calls, revision)

    def _add_calls(self, entry: _Entry, calls: int, revision: int) -> None:
        sums = self._entries.setdefault(entry, [0, 0])
        sums[0] += calls
        sums[1] = max(sums[1], revision)

    def _merge(self, merged: Callable[[_Entry], _Entry]) -> None:
        entries, self._entries = self._entries, {}
        for entry, (calls, revision) in entries.items():
            self._add_calls(merged(entry), calls, revision)

    def _new_batch(self) -> bytes:
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
    return entry if entry.key.profile is None else entry._replace(key=entry.key._replace(profile=OTHER))


def _by_day(entry: _Entry) -> _Entry:
    key = entry.key
    allowed = key.outcome == ALLOWED
    merged = key._replace(server=None) if allowed else CounterKey("", None, key.outcome, None)
    return _Entry(entry.begins - entry.begins % _DAY, merged)


def _document(entry: _Entry, calls: int, revision: int) -> dict[str, object]:
    key = entry.key
    return {
        "begins": entry.begins,
        "organization": key.organization or None,
        "server": key.server,
        "revision": revision,
        "outcome": key.outcome or None,
        "profile": key.profile._asdict() if isinstance(key.profile, TokenProfile) else key.profile,
        "calls": calls,
    }


def _entry(line: Mapping[str, Any]) -> _Entry:
    profile = line["profile"]
    if isinstance(profile, dict):
        profile = TokenProfile(**profile)
    key = CounterKey(line["organization"] or "", line["server"], line["outcome"] or ALLOWED, profile)
    return _Entry(int(line["begins"]), key)


def _printable(key: CounterKey) -> CounterKey:
    """Replace characters that cannot be stored or shown, since the sender of a token controls its profile."""
    profile = key.profile
    if not isinstance(profile, TokenProfile) or all(value is None or is_printable(value) for value in profile):
        return key
    return key._replace(profile=TokenProfile(*[None if value is None else printable(value) for value in profile]))
