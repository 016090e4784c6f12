"""Tells the control plane which keys tokens name that no key set holds yet: perhaps a server has rotated its keys.

What a token names is typed by whoever sends it, so everything here is bounded, for each organization and in all: a
flood of made-up names for one organization neither grows the memory nor crowds out another's (CASES M-13, M-14).
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from typing import Final

MAX_KID: Final = 1024
MAX_PENDING: Final = 100
MAX_PENDING_PER_ORGANIZATION: Final = 8
MAX_REMEMBERED: Final = 4096
QUIET_SECONDS: Final = 30.0
"""The control plane fetches a key set at most this often for an unknown key; asking sooner is of no use."""

MAX_REPORT_BYTES: Final = 15_000
SCHEMA: Final = 1

Pair = tuple[str, str]


class UnknownKeys:
    """Pairs of (organization, kid), waiting to be reported."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pending: dict[str, list[str]] = {}
        self._count = 0
        self._reported: OrderedDict[Pair, float] = OrderedDict()

    def note(self, organization: str, kid: str, now: float) -> None:
        """Called on the request path: never waits for I/O. `now` is of the monotonic clock, in seconds."""
        pair = (organization, kid)
        with self._lock:
            if len(kid) > MAX_KID or now - self._reported.get(pair, -QUIET_SECONDS) < QUIET_SECONDS:
                return
            kids = self._pending.get(organization, ())
            if self._count >= MAX_PENDING or len(kids) >= MAX_PENDING_PER_ORGANIZATION:
                return
            self._pending.setdefault(organization, []).append(kid)
            self._count += 1
            self._reported[pair] = now
            self._reported.move_to_end(pair)
            if len(self._reported) > MAX_REMEMBERED:
                self._reported.popitem(last=False)

    def take(self) -> tuple[Pair, ...]:
        """Hand out all that waits, and forget it."""
        with self._lock:
            pairs = tuple((organization, kid) for organization, kids in self._pending.items() for kid in kids)
            self._pending, self._count = {}, 0
            return pairs

    def not_reported(self, pairs: tuple[Pair, ...]) -> None:
        """The report did not get through: the next token that names one of these keys is noted again."""
        with self._lock:
            for pair in pairs:
                self._reported.pop(pair, None)


def report_of(pairs: tuple[Pair, ...]) -> bytes:
    """The body of POST /feed/v1/unknown-keys, with as many pairs as fit; the rest will be seen again soon."""
    entries: list[str] = []
    size = 0
    for organization, kid in pairs:
        entry = json.dumps({"organization": organization, "kid": kid})
        size += len(entry) + 2
        if size > MAX_REPORT_BYTES:
            break
        entries.append(entry)
    return f'{{"schema": {SCHEMA}, "pairs": [{", ".join(entries)}]}}'.encode()
