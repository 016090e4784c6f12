"""Bounds how many passwords this process hashes at the same time.

One Argon2id hash takes 100 MiB and every core. Forty at once took 1.6 GB, and pages and the feed stopped.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from django.contrib.auth.hashers import Argon2PasswordHasher
from django.db import connection

from watchword.control.base.refusals import Refusal, RefusalReason
from watchword.control.base.refused_requests import REFUSED_REQUESTS, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

AT_ONCE: Final = 2
"""Hashes at the same time: 200 MiB."""

WAITING: Final = 64
"""Threads that may wait for their turn. Each waits in the thread of its own request, so that no other request does."""

WAIT_SECONDS: Final = 10.0
RETRY_SECONDS: Final = 5


class Turns:
    """Lets a few threads hash, a bounded number of others wait for a bounded time, and refuses the rest.

    Args:
        at_once: threads that may hash at the same time.
        waiting: threads that may wait for them.
        seconds: how long a thread waits.
    """

    def __init__(self, *, at_once: int = AT_ONCE, waiting: int = WAITING, seconds: float = WAIT_SECONDS) -> None:
        self._admitted = threading.BoundedSemaphore(at_once + waiting)
        self._turns = threading.BoundedSemaphore(at_once)
        self._seconds = seconds
        self._own = threading.local()

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Wait for a turn and keep it until the block ends. A thread that has a turn needs no second one.

        Raises:
            Refusal: passwords_busy.
        """
        if getattr(self._own, "has_turn", False):
            yield
            return
        if not self._admitted.acquire(blocking=False):
            raise _busy()
        try:
            self._wait()
            self._own.has_turn = True
            try:
                yield
            finally:
                self._own.has_turn = False
                self._turns.release()
        finally:
            self._admitted.release()

    def _wait(self) -> None:
        if self._turns.acquire(blocking=False):
            return
        if not connection.in_atomic_block:
            # Those who wait must not use up the database's connections. Django opens another one when it needs it.
            connection.close()
        if not self._turns.acquire(timeout=self._seconds):
            raise _busy()


TURNS: Final = Turns()


class BoundedArgon2(Argon2PasswordHasher):
    """Argon2id that hashes in turn, whoever calls it.

    Commands take their turn earlier, outside of any transaction, so that none waits here while it holds a lock.
    """

    def encode(self, password: str, salt: str) -> str:
        with TURNS.taken():
            return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        with TURNS.taken():
            return super().verify(password, encoded)


def _busy() -> Refusal:
    REFUSED_REQUESTS.note(Kind.PASSWORDS_BUSY)
    return Refusal(RefusalReason.PASSWORDS_BUSY, seconds=RETRY_SECONDS)
