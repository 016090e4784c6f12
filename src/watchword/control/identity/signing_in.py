"""Signing in and out. What fails is recorded too, without what somebody typed."""

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
from watchword.control.identity.hashing import TURNS
from watchword.control.identity.known_browsers import known_as
from watchword.control.identity.models import Person
from watchword.control.identity.password_rules import LENGTH_MAX
from watchword.control.identity.rules import normalised_email
from watchword.control.identity.sessions import make_room
from watchword.control.identity.standing import check_password_kept
from watchword.control.identity.throttle import (
    admit_attempt,
    lane_of_known_browser,
    lane_of_stranger,
    note_failure,
    note_success,
    refuse_blocked,
)

if TYPE_CHECKING:
    from datetime import datetime

    from watchword.control.identity.throttle import Lane

UNKNOWN: Final = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """Check an e-mail address and a password.

    Attributes:
        browser_mark: what `known_browsers` left in the browser, if it did.
    """

    email: str
    password: str = field(repr=False)
    address: str | None = None
    browser_mark: str = field(default="", repr=False)

    def run(self, *, now: datetime | None = None) -> Person | None:
        """The person, or None for every kind of failure.

        Raises:
            Refusal: too_many_requests, passwords_busy.
        """
        email = normalised_email(self.email)
        # Unusable text takes the same way through the hasher as a wrong password. PostgreSQL refuses U+0000.
        sound = "\0" not in email and len(self.password) <= LENGTH_MAX
        number = known_as(self.browser_mark, email) if sound else None
        lane = lane_of_stranger(email, self.address) if number is None else lane_of_known_browser(number)
        refuse_blocked(lane, _at(now))
        # The turn comes first: an attempt that waits for it is not under way yet, and delays no other one.
        with TURNS.taken():
            admit_attempt(lane, _at(now))
            found = authenticate(None, email=email if sound else "", password=self.password if sound else "")
            person = found if isinstance(found, Person) else None
            if person is None or not self._let_in(person, lane, now):
                self._record_failure(email if sound else "", lane, _at(now))
                return None
            return person

    def _let_in(self, person: Person, lane: Lane, now: datetime | None) -> bool:
        """Whether the password is still the person's: both may have changed while it was checked."""
        actor = person.actor(interface=Interface.PORTAL, address=self.address)
        try:
            with unit_of_work(
                actor, person.organization_id, permission=Privilege.SELF, action="signed_in", now=now
            ) as work:
                check_password_kept(person)
                note_success(lane)
                make_room(person.pk, work.now)
                person.last_login = work.now
                person.save(update_fields=["last_login"])
                work.record(target=person.email)
        except AccessLost:
            return False
        return True

    def _record_failure(self, email: str, lane: Lane, now: datetime) -> None:
        # For a known e-mail address the organization should see it. Unknown text is not stored: people type their
        # password into the wrong field.
        known = Person.objects.filter(email=email).first()
        with transaction.atomic(durable=True):
            note_failure(lane, now)
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
    """Note that a person has left. The session itself is ended by the view."""

    person: Person
    address: str | None = None

    def run(self, *, now: datetime) -> None:
        actor = self.person.actor(interface=Interface.PORTAL, address=self.address)
        with unit_of_work(
            actor, self.person.organization_id, permission=Privilege.SELF, action="signed_out", now=now
        ) as work:
            work.record(target=self.person.email)


def _at(now: datetime | None) -> datetime:
    # The clock is read anew after each wait: a delay that begins before the wait could be over after it.
    return timezone.now() if now is None else now
