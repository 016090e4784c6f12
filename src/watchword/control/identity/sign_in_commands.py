"""Signing in and out. Failures are recorded, too, without what was typed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from django.contrib.auth import authenticate
from django.db import transaction
from django.utils import timezone

from watchword.control.base.actor import Interface, Privilege
from watchword.control.base.audit_log import REFUSED, Entry, append
from watchword.control.base.refusals import AccessLost
from watchword.control.base.unit_of_work import unit_of_work
from watchword.control.identity.models import Person
from watchword.control.identity.password_rules import LENGTH_MAX
from watchword.control.identity.passwords import HASHING_SLOTS
from watchword.control.identity.rights import check_password_unchanged
from watchword.control.identity.rules import normalised_email
from watchword.control.identity.session_store import end_excess_sessions
from watchword.control.identity.throttle import (
    admit_attempt,
    known_browser_id,
    known_browser_key,
    note_failure,
    note_success,
    refuse_blocked,
    stranger_key,
)

if TYPE_CHECKING:
    from datetime import datetime

    from watchword.control.identity.throttle import ThrottleKey

UNKNOWN: Final = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """Check an e-mail address and a password.

    Attributes:
        device_cookie: of `throttle.device_cookie_for`, empty for a new browser.
    """

    email: str
    password: str = field(repr=False)
    address: str | None = None
    device_cookie: str = field(default="", repr=False)

    def run(self, *, now: datetime | None = None) -> Person | None:
        """Return the person, or None for every kind of failure.

        Raises:
            Refusal: too_many_requests, passwords_busy.
        """
        email = normalised_email(self.email)
        # Unusable text is hashed like a wrong password, so that both take as long. PostgreSQL refuses U+0000.
        sound = "\0" not in email and len(self.password) <= LENGTH_MAX
        browser_id = known_browser_id(self.device_cookie, email) if sound else None
        throttle_key = stranger_key(email, self.address) if browser_id is None else known_browser_key(browser_id)
        refuse_blocked(throttle_key, _at(now))
        # The hashing slot comes first: an attempt that waits for one must not count as in progress and delay others.
        with HASHING_SLOTS.held():
            admit_attempt(throttle_key, _at(now))
            found = authenticate(None, email=email if sound else "", password=self.password if sound else "")
            person = found if isinstance(found, Person) else None
            if person is None or not self._complete(person, throttle_key, now):
                self._record_failure(email if sound else "", throttle_key, _at(now))
                return None
            return person

    def _complete(self, person: Person, throttle_key: ThrottleKey, now: datetime | None) -> bool:
        """Complete the sign-in; False when person or password changed during the check."""
        actor = person.actor(interface=Interface.PORTAL, address=self.address)
        try:
            with unit_of_work(
                actor, person.organization_id, permission=Privilege.SELF, action="signed_in", now=now
            ) as work:
                check_password_unchanged(person)
                note_success(throttle_key)
                end_excess_sessions(person.pk, work.now)
                person.last_login = work.now
                person.save(update_fields=["last_login"])
                work.record(target=person.email)
        except AccessLost:
            return False
        return True

    def _record_failure(self, email: str, throttle_key: ThrottleKey, now: datetime) -> None:
        # The organization should see it for a known e-mail address. Unknown text is not stored: it may be a password
        # in the wrong field.
        known = Person.objects.filter(email=email).first()
        with transaction.atomic(durable=True):
            note_failure(throttle_key, now)
            append(
                Entry(
                    at=now,
                    organization=None if known is None else known.organization_id,
                    actor=UNKNOWN if known is None else known.email,
                    interface=Interface.PORTAL.value,
                    address=self.address,
                    action="signed_in",
                    target=UNKNOWN if known is None else known.email,
                    result=REFUSED,
                )
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class SignOut:
    """Record that a person signed out. The view ends the session."""

    person: Person
    address: str | None = None

    def run(self, *, now: datetime) -> None:
        actor = self.person.actor(interface=Interface.PORTAL, address=self.address)
        with unit_of_work(
            actor, self.person.organization_id, permission=Privilege.SELF, action="signed_out", now=now
        ) as work:
            work.record(target=self.person.email)


def _at(now: datetime | None) -> datetime:
    # Read again after each wait, so that the wait counts towards a delay.
    return timezone.now() if now is None else now
