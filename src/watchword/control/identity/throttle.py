"""Slows down the guessing of passwords, per account and per address."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.utils.crypto import salted_hmac

from watchword.control.base.refusals import Refusal, RefusalReason
from watchword.control.base.refused_requests import REFUSED_REQUESTS, Kind
from watchword.control.identity.models import SignInThrottle
from watchword.control.identity.origins import origin_of_guesses
from watchword.control.identity.rules import (
    ABANDONED_AFTER,
    FREE_PER_ACCOUNT,
    FREE_PER_ADDRESS,
    Attempts,
    after_attempt,
    most_under_way,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

_SALT: Final = "watchword.access.throttle"


@dataclass(frozen=True, slots=True)
class Lane:
    """What an attempt is counted under.

    Attributes:
        own: starts over when the right password came.
        shared: an address, which many people may share; a success wipes none of its failures.
        address: where the attempt comes from.
    """

    own: str
    shared: str | None = None
    address: str | None = None

    @property
    def free(self) -> dict[str, int]:
        """How many failures under each cost nothing."""
        shared = {} if self.shared is None else {self.shared: FREE_PER_ADDRESS}
        return {self.own: FREE_PER_ACCOUNT, **shared}


def lane_of_stranger(email: str, address: str | None) -> Lane:
    """An account, from wherever, and an address, whomever it is about."""
    return Lane(_subject("account", email), _subject("address", origin_of_guesses(address)), address)


def lane_of_known_browser(number: str) -> Lane:
    """A browser that the person has signed in with before: neither strangers nor neighbours can block it."""
    return Lane(_subject("browser", number))


def lane_of_person(person_id: int) -> Lane:
    """Somebody who is signed in and is asked for the password again."""
    return Lane(_subject("person", str(person_id)))


def refuse_blocked(lane: Lane, now: datetime) -> None:
    """Refuse without a lock what `admit_attempt` would refuse, so that guesses do not queue for a hash.

    Raises:
        Refusal: too_many_requests.
    """
    _refuse_while_blocked(lane, SignInThrottle.objects.filter(subject__in=lane.free), now)


def admit_attempt(lane: Lane, now: datetime) -> None:
    """Reserve an attempt before the password is checked. Ends with `note_failure` or `note_success`.

    Counting it afterwards would let a hundred parallel guesses pass while none of them is counted yet. Counting it
    as a failure at once would delay people who sign in at the same time and have failed at nothing.

    Raises:
        Refusal: too_many_requests, with the seconds to wait; such an attempt is not counted.
    """
    free = lane.free
    with transaction.atomic(durable=True):
        new = {"last_failed_at": now, "blocked_until": now, "reserved_at": now}
        every = SignInThrottle.objects.select_for_update()
        rows = [every.get_or_create(subject=subject, defaults=new)[0] for subject in sorted(free)]
        for row in rows:
            if row.under_way and now - row.reserved_at > ABANDONED_AFTER:
                # Nobody learned whether these were right, such as when the process was killed.
                for _ in range(row.under_way):
                    _count_failure(row, free[row.subject], row.reserved_at)
                row.under_way = 0
        _refuse_while_blocked(lane, rows, now)
        if any(row.under_way >= most_under_way(_attempts(row), free=free[row.subject], now=now) for row in rows):
            raise _too_many(lane, 1)
        for row in rows:
            row.under_way += 1
            row.reserved_at = now
            row.save()


def note_failure(lane: Lane, now: datetime) -> None:
    """End an attempt that failed, inside the caller's transaction."""
    free = lane.free
    for row in _locked(free):
        row.under_way = max(row.under_way - 1, 0)
        _count_failure(row, free[row.subject], now)
        row.save()


def note_success(lane: Lane) -> None:
    """End an attempt that succeeded, inside the caller's transaction.

    The account starts afresh. The address keeps its failures: else a guesser could wipe its counter clean by signing
    in to an account of their own now and then.
    """
    for row in _locked(lane.free):
        row.under_way = max(row.under_way - 1, 0)
        if row.subject == lane.own:
            row.failures = 0
        row.save()


def _subject(kind: str, value: str) -> str:
    # Keyed, because a plain hash of an e-mail or IP address is undone by trying all of them.
    return salted_hmac(_SALT, f"{kind}:{value}", algorithm="sha256").hexdigest()


def _locked(subjects: Iterable[str]) -> list[SignInThrottle]:
    # One order for all, so that two sign-ins cannot wait for each other.
    return list(SignInThrottle.objects.select_for_update().filter(subject__in=subjects).order_by("subject"))


def _refuse_while_blocked(lane: Lane, rows: Iterable[SignInThrottle], now: datetime) -> None:
    # Failures that cost nothing must not block for the moment by which another thread or portal has an earlier time.
    free = lane.free
    blocked_until = max((row.blocked_until for row in rows if row.failures > free[row.subject]), default=now)
    if blocked_until > now:
        raise _too_many(lane, max(1, round((blocked_until - now).total_seconds())))


def _too_many(lane: Lane, seconds: int) -> Refusal:
    REFUSED_REQUESTS.note(Kind.GUESS_THROTTLED, address=lane.address)
    return Refusal(RefusalReason.TOO_MANY_REQUESTS, seconds=seconds)


def _attempts(row: SignInThrottle) -> Attempts:
    return Attempts(row.failures, row.last_failed_at, row.blocked_until)


def _count_failure(row: SignInThrottle, free: int, now: datetime) -> None:
    after = after_attempt(_attempts(row), free=free, now=now)
    row.failures, row.last_failed_at, row.blocked_until = after.failures, after.last_failed_at, after.blocked_until
