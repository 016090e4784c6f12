"""Log lines about a failure that lasts: the first one, a summary at growing intervals, and the end."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

FIRST_SUMMARY: Final = 10.0
LONGEST_PAUSE: Final = 3600.0
MOST_KINDS: Final = 8
"""A failure that differs in its fields gets a line of its own, up to this many in one outage."""


class Log(Protocol):
    """The methods of a structlog logger that are used."""

    def info(self, event: str, **fields: object) -> Any: ...
    def warning(self, event: str, **fields: object) -> Any: ...
    def error(self, event: str, **fields: object) -> Any: ...


class Outage:
    """Thread-safe. One object for each operation that is repeated.

    Args:
        log: takes the lines.
        event: name of the lines while it fails.
        over: name of the line when it works again.
        level: of the lines while it fails.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        log: Log,
        event: str,
        *,
        over: str,
        level: Literal["error", "warning"] = "error",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._log = log
        self._event = event
        self._over = over
        self._level = level
        self._clock = clock
        self._lock = threading.Lock()
        self._began: float | None = None
        self._reset()

    def _reset(self) -> None:
        self._failures = 0
        self._kinds: set[tuple[tuple[str, object], ...]] = set()
        self._pause = FIRST_SUMMARY
        self._quiet_until = 0.0

    def failed(self, **fields: object) -> None:
        """Report a failure. Fields that were already logged in this outage are only counted."""
        kind = tuple(sorted(fields.items()))
        with self._lock:
            now = self._clock()
            if self._began is None:
                self._began, self._quiet_until = now, now + self._pause
            self._failures += 1
            if kind not in self._kinds and len(self._kinds) < MOST_KINDS:
                self._kinds.add(kind)
                self._write(**fields)
            elif now >= self._quiet_until:
                self._pause = min(2 * self._pause, LONGEST_PAUSE)
                self._quiet_until = now + self._pause
                self._write(**fields, failures=self._failures, for_seconds=round(now - self._began))

    def _write(self, **fields: object) -> None:
        (self._log.error if self._level == "error" else self._log.warning)(self._event, **fields)

    def succeeded(self) -> None:
        """Report a success; logged if it failed before. Cheap otherwise."""
        if self._began is None:
            return
        with self._lock:
            began, failures = self._began, self._failures
            if began is None:
                return
            self._began = None
            self._reset()
            self._log.info(self._over, after_seconds=round(self._clock() - began), failures=failures)
