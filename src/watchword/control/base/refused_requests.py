"""Counts requests that look like an attack, logs them at a bounded rate, and records a series as one audit event.

One wrong credential or one forbidden page means nothing; ten in five minutes deserve attention (ASVS 5.0, V16.3).
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Final

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LOG_SECONDS: Final = 10.0
"""Between two log lines about one kind."""

FEW: Final = 10
WINDOW_SECONDS: Final = 300.0
EVENT_SECONDS: Final = 3600.0
"""Between two audit events about one kind, so that a flood cannot fill the audit log."""

_log = structlog.get_logger("watchword.portal")


class Kind(Enum):
    """What was refused, with its label in metrics and logs and its text in the audit log.

    Attributes:
        is_attack: whether a series is recorded as an audit event.
    """

    CREDENTIAL_UNKNOWN = ("credential_unknown", "Unknown or revoked verifier credentials")
    API_CREDENTIAL_REFUSED = ("api_credential_refused", "API keys and access tokens that were refused")
    API_FORBIDDEN = ("api_forbidden", "API requests without permission")
    PAGE_FORBIDDEN = ("page_forbidden", "Pages without permission")
    GUESS_THROTTLED = ("guess_throttled", "Guesses at passwords and second factors")
    BODY_REFUSED = ("body_refused", "Bodies that are too large or too slow")
    REQUEST_UNREADABLE = ("request_unreadable", "Unreadable requests")
    PASSWORDS_BUSY = ("passwords_busy", "Sign-ins at once", False)

    def __init__(self, code: str, words: str, is_attack: bool = True) -> None:  # noqa: FBT001, FBT002 - a column of the table.
        self.code = code
        self.words = words
        self.is_attack = is_attack


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Several refused requests of one kind within WINDOW_SECONDS.

    Attributes:
        actor, address: of all these requests; None if they differ or are unknown.
    """

    kind: Kind
    number: int
    actor: str | None
    address: str | None


@dataclass(slots=True)
class _Counted:
    total: int = 0
    unlogged: int = 0
    logged_at: float | None = None
    began: float = 0.0
    in_window: int = 0
    actors: set[str | None] = field(default_factory=set)
    addresses: set[str | None] = field(default_factory=set)
    event_at: float | None = None


class Recorder:
    """Counts refused requests. Safe to call from any thread; does not block.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._counted = {kind: _Counted() for kind in Kind}
        self._record: Callable[[Series], object] | None = None

    def record_with(self, record: Callable[[Series], object] | None) -> None:
        """Set the function that records a series. With None, requests are only counted and logged."""
        self._record = record

    def note(self, kind: Kind, *, actor: str | None = None, address: str | None = None) -> None:
        """Count one refused request.

        Args:
            kind: what was refused.
            actor: the signed-in person, if any; never a name that the client only claims.
            address: where the request came from.
        """
        now = self._clock()
        with self._lock:
            counted = self._counted[kind]
            counted.total += 1
            number = _to_log(counted, now)
            series = _series(kind, counted, now, actor, address) if kind.is_attack else None
        if number:
            # Without actor and address: logs reach more people than the audit log.
            _log.warning("requests_refused", kind=kind.code, number=number)
        if series is not None and self._record is not None:
            self._record(series)

    def totals(self) -> Iterator[tuple[Kind, int]]:
        """Yield the number of each kind since the start."""
        with self._lock:
            totals = [(kind, counted.total) for kind, counted in self._counted.items()]
        yield from totals


def _to_log(counted: _Counted, now: float) -> int:
    counted.unlogged += 1
    if counted.logged_at is not None and now - counted.logged_at < LOG_SECONDS:
        return 0
    number, counted.unlogged, counted.logged_at = counted.unlogged, 0, now
    return number


def _series(kind: Kind, counted: _Counted, now: float, actor: str | None, address: str | None) -> Series | None:
    if counted.in_window == 0 or now - counted.began >= WINDOW_SECONDS:
        counted.began, counted.in_window = now, 0
        counted.actors.clear()
        counted.addresses.clear()
    counted.in_window += 1
    # Two are enough to see that they differ.
    for seen, one in ((counted.actors, actor), (counted.addresses, address)):
        if len(seen) < 2:  # noqa: PLR2004
            seen.add(one)
    is_recent = counted.event_at is not None and now - counted.event_at < EVENT_SECONDS
    if counted.in_window < FEW or is_recent:
        return None
    counted.event_at = now
    return Series(kind=kind, number=counted.in_window, actor=_only(counted.actors), address=_only(counted.addresses))


def _only(values: set[str | None]) -> str | None:
    return next(iter(values)) if len(values) == 1 else None


REFUSED_REQUESTS: Final = Recorder()
