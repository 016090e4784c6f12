"""Slows down guessing, of passwords per account and per IP address, of second factors per person.

Attempts at an account are slowed down regardless of where they come from, so an attacker could keep its owner waiting
for ever by guessing once a minute. After a sign-in the browser therefore keeps a cookie, and its attempts are counted
separately (OWASP's "device cookies"). The cookie opens nothing: a stolen one is worth a few guesses.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import TYPE_CHECKING, Final

from django.core import signing
from django.db import transaction
from django.utils.crypto import constant_time_compare, salted_hmac

from watchword.control.base.refusals import Refusal, RefusalReason
from watchword.control.base.refused_requests import REFUSED_REQUESTS, Kind
from watchword.control.identity.factor_rules import Factor
from watchword.control.identity.models import Person, SignInThrottle
from watchword.control.identity.rules import (
    ABANDONED_AFTER,
    FACTOR_DELAYS,
    FREE_PER_ACCOUNT,
    FREE_PER_ADDRESS,
    PASSWORD_DELAYS,
    Attempts,
    Delays,
    after_attempt,
    most_under_way,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

DEVICE_COOKIE_LIFETIME: Final = timedelta(days=180)
IPV6_PREFIX: Final = 64

_THROTTLE_SALT: Final = "watchword.access.throttle"
_DEVICE_SALT: Final = "watchword.access.known-browser"


@dataclass(frozen=True, slots=True)
class ThrottleKey:
    """What an attempt is counted under.

    Attributes:
        own: counted for one account or browser; a success resets it.
        shared: counted for an address, which many people may share; a success resets nothing.
        address: the client's IP address.
        delays: how failures delay the next attempt.
        free_of_own: failures under `own` that cause no delay.
    """

    own: str
    shared: str | None = None
    address: str | None = None
    delays: Delays = PASSWORD_DELAYS
    free_of_own: int = FREE_PER_ACCOUNT

    @property
    def free(self) -> dict[str, int]:
        """How many failures under each cause no delay."""
        shared = {} if self.shared is None else {self.shared: FREE_PER_ADDRESS}
        return {self.own: self.free_of_own, **shared}


def origin_of_guesses(address: str | None) -> str:
    """What the attempts of an address are counted under: an IPv4 address, or a whole IPv6 /64.

    One subscriber has at least 2^64 IPv6 addresses and could guess from each of them.
    """
    parsed = parsed_address(address or "")
    if isinstance(parsed, IPv6Address):
        return str(IPv6Network((parsed, IPV6_PREFIX), strict=False))
    return str(parsed)


def parsed_address(text: str) -> IPv4Address | IPv6Address | None:
    """An address as an operating system or a proxy wrote it; None for anything else."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def device_cookie_for(person: Person) -> str:
    """Return the value of the cookie for the browser that the person has just signed in with."""
    return signing.dumps([secrets.token_urlsafe(16), _bound_to(person)], salt=_DEVICE_SALT)


def known_browser_id(device_cookie: str, email: str) -> str | None:
    """Return the id under which this browser's attempts are counted; None for a browser unknown to the account."""
    try:
        browser_id, bound_to = signing.loads(device_cookie, salt=_DEVICE_SALT, max_age=DEVICE_COOKIE_LIFETIME)
    except signing.BadSignature:
        return None
    person = Person.objects.filter(email=email, is_active=True).first()
    if person is None or not constant_time_compare(bound_to, _bound_to(person)):
        return None
    return str(browser_id)


def stranger_key(email: str, address: str | None) -> ThrottleKey:
    """The key of a browser that the account does not know: one for the account, one for the address."""
    return ThrottleKey(_subject("account", email), _subject("address", origin_of_guesses(address)), address)


def known_browser_key(browser_id: str) -> ThrottleKey:
    """The key of a browser that the person has signed in with before. Attempts from other browsers cannot block it."""
    return ThrottleKey(_subject("browser", browser_id))


def person_key(person_id: int) -> ThrottleKey:
    """The key of a signed-in person who enters the current password again."""
    return ThrottleKey(_subject("person", str(person_id)))


def factor_key(factor: Factor, person_id: int, address: str | None) -> ThrottleKey:
    """The key of a person who proves a second factor. Each kind of factor has its own, so that none blocks another.

    Only codes of an app can be guessed, so only they are counted for the person wherever the guesses come from. If all
    kinds were, an attacker who knows the password could raise all counters and keep the owner out.
    """
    subject = str(person_id)
    if factor is not Factor.AUTHENTICATOR_APP:
        subject = f"{person_id} {origin_of_guesses(address)}"
    return ThrottleKey(_subject(factor.value, subject), address=address, delays=FACTOR_DELAYS)


def provider_key(address: str | None) -> ThrottleKey:
    """The key of an address at which sign-ins through identity providers fail."""
    own = _subject("provider", origin_of_guesses(address))
    return ThrottleKey(own, address=address, free_of_own=FREE_PER_ADDRESS)


def connection_check_key(organization_id: str) -> ThrottleKey:
    """The key of an organization whose administrators test the connection to an identity provider."""
    return ThrottleKey(_subject("connection check", organization_id))


def refuse_blocked(throttle_key: ThrottleKey, now: datetime) -> None:
    """Refuse without a lock what `admit_attempt` would refuse, so that guesses do not queue for a hashing slot.

    Raises:
        Refusal: too_many_requests.
    """
    _refuse_while_blocked(throttle_key, SignInThrottle.objects.filter(subject__in=throttle_key.free), now)


def admit_attempt(throttle_key: ThrottleKey, now: datetime) -> None:
    """Reserve an attempt before the password is checked. Ends with `note_failure` or `note_success`.

    Counting only afterwards would let a hundred parallel guesses pass before the first is counted. Counting each as a
    failure at once would delay people who sign in at the same time with the right password.

    Raises:
        Refusal: too_many_requests, with the seconds to wait; the attempt is not counted.
    """
    free = throttle_key.free
    with transaction.atomic(durable=True):
        new = {"last_failed_at": now, "blocked_until": now, "reserved_at": now}
        every = SignInThrottle.objects.select_for_update()
        rows = [every.get_or_create(subject=subject, defaults=new)[0] for subject in sorted(free)]
        for row in rows:
            if row.under_way and now - row.reserved_at > ABANDONED_AFTER:
                # Their outcome is unknown, for example because the process was killed: they count as failures.
                for _ in range(row.under_way):
                    _count_failure(row, throttle_key, row.reserved_at)
                row.under_way = 0
        _refuse_while_blocked(throttle_key, rows, now)
        if any(row.under_way >= _most_under_way(row, throttle_key, now) for row in rows):
            raise _too_many(throttle_key, 1)
        for row in rows:
            row.under_way += 1
            row.reserved_at = now
            row.save()


def note_failure(throttle_key: ThrottleKey, now: datetime) -> None:
    """End an attempt that failed, inside the caller's transaction."""
    for row in _locked(throttle_key.free):
        row.under_way = max(row.under_way - 1, 0)
        _count_failure(row, throttle_key, now)
        row.save()


def note_success(throttle_key: ThrottleKey) -> None:
    """End an attempt that succeeded, inside the caller's transaction.

    Resets the account's failures and keeps the address's: otherwise an attacker could reset the address by signing in
    to an account of their own now and then.
    """
    for row in _locked(throttle_key.free):
        row.under_way = max(row.under_way - 1, 0)
        if row.subject == throttle_key.own:
            row.failures = 0
        row.save()


def _bound_to(person: Person) -> str:
    # Also to the password: an attacker who once knew it could have collected cookies to guess the next one with.
    return salted_hmac(_DEVICE_SALT, f"{person.pk}:{person.password}", algorithm="sha256").hexdigest()


def _subject(kind: str, value: str) -> str:
    # Keyed: a plain hash of an e-mail or IP address can be reversed by trying all of them.
    return salted_hmac(_THROTTLE_SALT, f"{kind}:{value}", algorithm="sha256").hexdigest()


def _locked(subjects: Iterable[str]) -> list[SignInThrottle]:
    # Always in the same order, so that two sign-ins cannot deadlock.
    return list(SignInThrottle.objects.select_for_update().filter(subject__in=subjects).order_by("subject"))


def _refuse_while_blocked(throttle_key: ThrottleKey, rows: Iterable[SignInThrottle], now: datetime) -> None:
    # Failures without a delay must not block, even if another thread or portal has a slightly later clock.
    free = throttle_key.free
    blocked_until = max((row.blocked_until for row in rows if row.failures > free[row.subject]), default=now)
    if blocked_until > now:
        raise _too_many(throttle_key, max(1, round((blocked_until - now).total_seconds())))


def _too_many(throttle_key: ThrottleKey, seconds: int) -> Refusal:
    REFUSED_REQUESTS.note(Kind.GUESS_THROTTLED, address=throttle_key.address)
    return Refusal(RefusalReason.TOO_MANY_REQUESTS, seconds=seconds)


def _attempts(row: SignInThrottle) -> Attempts:
    return Attempts(row.failures, row.last_failed_at, row.blocked_until)


def _most_under_way(row: SignInThrottle, throttle_key: ThrottleKey, now: datetime) -> int:
    free = throttle_key.free[row.subject]
    return most_under_way(_attempts(row), free=free, now=now, delays=throttle_key.delays)


def _count_failure(row: SignInThrottle, throttle_key: ThrottleKey, now: datetime) -> None:
    free = throttle_key.free[row.subject]
    after = after_attempt(_attempts(row), free=free, now=now, delays=throttle_key.delays)
    row.failures, row.last_failed_at, row.blocked_until = after.failures, after.last_failed_at, after.blocked_until
