"""Slows down the guessing of passwords, per account and per address."""

from __future__ import annotations

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


def admit_attempt(email: str, address: str | None, now: datetime) -> None:
    """Count an attempt before it is looked at.

    Counting it afterwards would let a hundred parallel guesses pass while none of them is counted yet.

    Raises:
        Refusal: too_many_requests, with the seconds to wait; such an attempt is not counted.
    """
    with transaction.atomic(durable=True):
        free = {
            _subject("account", email): FREE_PER_ACCOUNT,
            _subject("address", origin_of_guesses(address)): FREE_PER_ADDRESS,
        }
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


def forgive(email: str, address: str | None, now: datetime) -> None:
    """Take back the count of an attempt that succeeded. Call within the transaction of the sign-in.

    The account starts afresh. The address only gets this one attempt back: else a guesser could wipe its counter
    clean by signing in to an account of their own now and then.
    """
    SignInThrottle.objects.filter(subject=_subject("account", email)).delete()
    SignInThrottle.objects.filter(subject=_subject("address", origin_of_guesses(address)), failures__gt=0).update(
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
