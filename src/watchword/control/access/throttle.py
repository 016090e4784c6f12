"""Slows down the guessing of passwords, per account and per address."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.db.models import F
from django.utils.crypto import salted_hmac

from watchword.control.access.address import origin_of_guesses
from watchword.control.access.models import SignInThrottle
from watchword.control.access.rules import FREE_PER_ACCOUNT, FREE_PER_ADDRESS, Attempts, after_attempt
from watchword.control.refusals import Refusal, RefusalReason

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

_SALT: Final = "watchword.access.throttle"


@dataclass(frozen=True, slots=True)
class Lane:
    """What an attempt is counted under.

    Attributes:
        own: starts over when the right password came.
        shared: an address, which many people may share; gets only a successful attempt back.
    """

    own: str
    shared: str | None = None

    @property
    def free(self) -> dict[str, int]:
        """How many attempts under each cost nothing."""
        shared = {} if self.shared is None else {self.shared: FREE_PER_ADDRESS}
        return {self.own: FREE_PER_ACCOUNT, **shared}


def lane_of_stranger(email: str, address: str | None) -> Lane:
    """An account, from wherever, and an address, whomever it is about."""
    return Lane(_subject("account", email), _subject("address", origin_of_guesses(address)))


def lane_of_known_browser(number: str) -> Lane:
    """A browser that the person has signed in with before: neither strangers nor neighbours can block it."""
    return Lane(_subject("browser", number))


def lane_of_person(person_id: int) -> Lane:
    """Somebody who is signed in and is asked for the password again."""
    return Lane(_subject("person", str(person_id)))


def admit_attempt(lane: Lane, now: datetime) -> None:
    """Count an attempt before it is looked at.

    Counting it afterwards would let a hundred parallel guesses pass while none of them is counted yet.

    Raises:
        Refusal: too_many_requests, with the seconds to wait; such an attempt is not counted.
    """
    free = lane.free
    with transaction.atomic(durable=True):
        rows = _locked(free, now)
        blocked_until = max(row.blocked_until for row in rows)
        if blocked_until > now:
            seconds = max(1, round((blocked_until - now).total_seconds()))
            raise Refusal(RefusalReason.TOO_MANY_REQUESTS, seconds=seconds)
        for row in rows:
            # The row of a first attempt has just been made with no failures.
            before = Attempts(row.failures, row.last_failed_at, row.blocked_until)
            after = after_attempt(before, free=free[row.subject], now=now)
            row.failures, row.last_failed_at, row.blocked_until = (
                after.failures,
                after.last_failed_at,
                after.blocked_until,
            )
            row.save()


def forgive(lane: Lane, now: datetime) -> None:
    """Take back the count of an attempt that succeeded.

    The account starts afresh. The address only gets this one attempt back: else a guesser could wipe its counter
    clean by signing in to an account of their own now and then.
    """
    SignInThrottle.objects.filter(subject=lane.own).delete()
    if lane.shared is not None:
        SignInThrottle.objects.filter(subject=lane.shared, failures__gt=0).update(
            failures=F("failures") - 1, blocked_until=now
        )


def _subject(kind: str, value: str) -> str:
    # Keyed, because a plain hash of an e-mail or IP address is undone by trying all of them.
    return salted_hmac(_SALT, f"{kind}:{value}", algorithm="sha256").hexdigest()


def _locked(free: Mapping[str, int], now: datetime) -> list[SignInThrottle]:
    for subject in sorted(free):
        SignInThrottle.objects.get_or_create(subject=subject, defaults={"last_failed_at": now, "blocked_until": now})
    # One order for all, so that two sign-ins cannot wait for each other.
    return list(SignInThrottle.objects.select_for_update().filter(subject__in=free).order_by("subject"))
