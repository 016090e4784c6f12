"""How many requests to identity providers a portal has under way: slow providers must not hold all its threads."""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

AT_ONCE: Final = 8
PER_ISSUER: Final = 4
"""Fewer than all, so that one provider that does not answer delays its own people alone."""

WAIT_SECONDS: Final = 3.0


class SlotsTaken(Exception):
    """No slot became free in time."""


class RequestSlots:
    """Slots for requests, counted for each issuer and for all together."""

    def __init__(
        self, *, at_once: int = AT_ONCE, per_issuer: int = PER_ISSUER, wait_seconds: float = WAIT_SECONDS
    ) -> None:
        self._at_once, self._per_issuer, self._wait_seconds = at_once, per_issuer, wait_seconds
        self._changed = threading.Condition()
        self._held: Counter[str] = Counter()

    @contextmanager
    def held(self, issuer: str) -> Iterator[None]:
        """Hold a slot; wait for one if need be.

        Raises:
            SlotsTaken: none became free in time.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._is_free(issuer), timeout=self._wait_seconds):
                raise SlotsTaken
            self._held[issuer] += 1
        try:
            yield
        finally:
            with self._changed:
                self._held[issuer] -= 1
                # Names of issuers that are no longer in use would stay for ever.
                self._held += Counter()
                self._changed.notify_all()

    def _is_free(self, issuer: str) -> bool:
        return self._held[issuer] < self._per_issuer and self._held.total() < self._at_once


REQUEST_SLOTS: Final = RequestSlots()
