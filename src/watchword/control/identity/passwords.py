"""Hashing passwords: only strong ones, and few at a time.

One Argon2id hash takes 100 MiB and every core. Forty at once took 1.6 GB, and pages and the feed stopped responding.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import structlog
from django.conf import settings
from django.contrib.auth.hashers import Argon2PasswordHasher, make_password
from django.db import connection

from watchword.control.base.refusals import Refusal, RefusalReason
from watchword.control.base.refused_requests import REFUSED_REQUESTS, Kind
from watchword.control.identity.breached_passwords import ListUnusable, is_breached
from watchword.control.identity.password_rules import context_words, password_fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watchword.control.identity.models import Person

_log = structlog.get_logger("watchword.portal")

AT_ONCE: Final = 2
"""Hashes at the same time: 200 MiB."""

WAITING: Final = 64
"""Threads that may wait for a slot. Each waits in the thread of its own request and delays no other request."""

WAIT_SECONDS: Final = 10.0
RETRY_SECONDS: Final = 5


class HashingSlots:
    """Lets a few threads hash, lets a bounded number of others wait for a bounded time, and refuses the rest.

    Args:
        at_once: threads that may hash at the same time.
        waiting: threads that may wait for a slot.
        seconds: how long a thread waits.
    """

    def __init__(self, *, at_once: int = AT_ONCE, waiting: int = WAITING, seconds: float = WAIT_SECONDS) -> None:
        self._admitted = threading.BoundedSemaphore(at_once + waiting)
        self._slots = threading.BoundedSemaphore(at_once)
        self._seconds = seconds
        self._own = threading.local()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Wait for a slot and hold it until the block ends. A thread that holds a slot needs no second one.

        Raises:
            Refusal: passwords_busy.
        """
        if getattr(self._own, "holds_slot", False):
            yield
            return
        if not self._admitted.acquire(blocking=False):
            raise _busy()
        try:
            self._wait()
            self._own.holds_slot = True
            try:
                yield
            finally:
                self._own.holds_slot = False
                self._slots.release()
        finally:
            self._admitted.release()

    def _wait(self) -> None:
        if self._slots.acquire(blocking=False):
            return
        if not connection.in_atomic_block:
            # Waiting threads must not use up the database's connections. Django opens another one when it needs it.
            connection.close()
        if not self._slots.acquire(timeout=self._seconds):
            raise _busy()


_LEAKED: Final = "This password has been leaked, and attackers try it. Choose another one."
_UNCHECKED: Final = "Passwords cannot be checked at the moment. Try again later, or contact support."

HASHING_SLOTS: Final = HashingSlots()


class BoundedArgon2(Argon2PasswordHasher):
    """Argon2id that needs a hashing slot for each hash.

    Commands take the slot earlier, outside of any transaction, so that none waits here while it holds a lock.
    """

    def encode(self, password: str, salt: str) -> str:
        with HASHING_SLOTS.held():
            return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        with HASHING_SLOTS.held():
            return super().verify(password, encoded)


def hashed_password(password: str, person: Person) -> str:
    """Return the hash to store. Call it before the transaction, which would hold its locks during the wait.

    Raises:
        Refusal: fields_invalid, passwords_busy.
    """
    with HASHING_SLOTS.held():
        # Scoring a long password takes seconds, so it needs the slot as well.
        _refuse_weak(password, person)
        return make_password(password)


def _refuse_weak(password: str, person: Person) -> None:
    """Refuse a password that is easy to guess, too long or leaked."""
    context = [person.email, person.name]
    if person.organization is not None:
        context += [person.organization.pk, person.organization.name]
    fault = password_fault(password, context_words(context)) or _leaked(password)
    if fault is not None:
        raise Refusal(RefusalReason.FIELDS_INVALID, field_errors={"password": fault})


def _leaked(password: str) -> str | None:
    """Return why the list of leaked passwords forbids the password; None if it does not have it, or none is set."""
    path = settings.WATCHWORD.breached_passwords_file
    if path is None:
        return None
    try:
        return _LEAKED if is_breached(password, path) else None
    except ListUnusable as unusable:
        _log.error("breached_passwords_unusable", problem=str(unusable))
        return _UNCHECKED


def _busy() -> Refusal:
    REFUSED_REQUESTS.note(Kind.PASSWORDS_BUSY)
    return Refusal(RefusalReason.PASSWORDS_BUSY, seconds=RETRY_SECONDS)
