"""Signing in with a password, what ends every sign-in, and signing out.

Failures are recorded, too, without what was typed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from django.contrib.auth import authenticate
from django.db import transaction

from watchword.control.base.actor import Interface, Privilege
from watchword.control.base.audit_log import REFUSED, Entry, append
from watchword.control.base.refusals import AccessLost, Refusal, RefusalReason
from watchword.control.base.unit_of_work import time_of, unit_of_work
from watchword.control.identity.factor_rules import Factor, is_strong, stored
from watchword.control.identity.factors.queries import has_second_factor, must_have_second_factor
from watchword.control.identity.models import Person
from watchword.control.identity.password_rules import LENGTH_MAX
from watchword.control.identity.passwords import HASHING_SLOTS
from watchword.control.identity.pending_sign_ins import PendingSignIn
from watchword.control.identity.rights import check_password_unchanged
from watchword.control.identity.rules import normalised_email
from watchword.control.identity.session_store import end_excess_sessions, store_session
from watchword.control.identity.single_sign_on.queries import only_single_sign_on
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
    from collections.abc import Collection
    from datetime import datetime

    from watchword.control.base.unit_of_work import UnitOfWork
    from watchword.control.identity.throttle import ThrottleKey

UNKNOWN: Final = "unknown"
_PASSWORD: Final = frozenset({Factor.PASSWORD})


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A complete sign-in. The web begins a session with exactly these factors.

    Attributes:
        at: when it was completed.
        last_before: when the person last signed in before; None for the first time.
        session_key: of the stored session, which the browser gets.
    """

    person: Person
    factors: frozenset[Factor]
    at: datetime
    last_before: datetime | None
    session_key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class PasswordAccepted:
    """The password is right and not enough: the person must prove a second factor, or enrol the first one."""

    person: Person
    pending: PendingSignIn


def complete_sign_in(work: UnitOfWork, person: Person, factors: Collection[Factor]) -> SignedIn:
    """End a sign-in of any kind, within the transaction that checked the factors.

    It stores the session, too: a change that ends the person's sessions comes either before it and is obeyed here, or
    after it and finds the session.

    Raises:
        Refusal: single_sign_on_required, second_factor_required.
    """
    _refuse_forbidden(person, factors)
    end_excess_sessions(person.pk, work.now)
    # Read again: another sign-in may have been completed while this one waited for its second factor.
    last_before = Person.objects.values_list("last_login", flat=True).get(pk=person.pk)
    person.last_login = work.now
    person.save(update_fields=["last_login"])
    proven = ", ".join(stored(factors))
    work.record(target=person.email, action="signed_in", changes={"factors": [None, proven]})
    session_key = store_session(person.pk, factors, work.now)
    return SignedIn(person, frozenset(factors), work.now, last_before, session_key)


def after_password(work: UnitOfWork, person: Person) -> SignedIn | PasswordAccepted:
    """Complete the sign-in of a person whose password is right, or demand a second factor.

    Raises:
        Refusal: single_sign_on_required.
    """
    try:
        return complete_sign_in(work, person, _PASSWORD)
    except Refusal as refusal:
        if refusal.reason is not RefusalReason.SECOND_FACTOR_REQUIRED:
            raise
    work.record(target=person.email, action="password_accepted")
    return PasswordAccepted(person, PendingSignIn.of(person, _PASSWORD, work.now))


def _refuse_forbidden(person: Person, factors: Collection[Factor]) -> None:
    if Factor.SINGLE_SIGN_ON not in factors and only_single_sign_on(person):
        raise Refusal(RefusalReason.SINGLE_SIGN_ON_REQUIRED)
    if is_strong(factors):
        return
    if must_have_second_factor(person) or has_second_factor(person.pk):
        raise Refusal(RefusalReason.SECOND_FACTOR_REQUIRED)


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

    def run(self, *, now: datetime | None = None) -> SignedIn | PasswordAccepted | None:
        """Return what the right password led to, or None for every kind of failure.

        Raises:
            Refusal: too_many_requests, passwords_busy; after a right password single_sign_on_required.
        """
        email = normalised_email(self.email)
        # Unusable text is hashed like a wrong password, so that both take as long. PostgreSQL refuses U+0000.
        sound = "\0" not in email and len(self.password) <= LENGTH_MAX
        browser_id = known_browser_id(self.device_cookie, email) if sound else None
        throttle_key = stranger_key(email, self.address) if browser_id is None else known_browser_key(browser_id)
        refuse_blocked(throttle_key, time_of(now))
        # The hashing slot comes first: an attempt that waits for one must not count as in progress and delay others.
        with HASHING_SLOTS.held():
            admit_attempt(throttle_key, time_of(now))
            found = authenticate(None, email=email if sound else "", password=self.password if sound else "")
            person = found if isinstance(found, Person) else None
            outcome = None if person is None else self._after_right_password(person, throttle_key, now)
            if outcome is None:
                self._record_failure(email if sound else "", throttle_key, time_of(now))
            return outcome

    def _after_right_password(
        self, person: Person, throttle_key: ThrottleKey, now: datetime | None
    ) -> SignedIn | PasswordAccepted | None:
        """Continue after the check; None when person or password changed during it."""
        actor = person.actor(interface=Interface.PORTAL, address=self.address)
        try:
            with unit_of_work(
                actor, person.organization_id, permission=Privilege.SELF, action="signed_in", now=now
            ) as work:
                check_password_unchanged(person)
                # The throttle of codes counts on its own, so a right password resets no guesses at them.
                note_success(throttle_key)
                return after_password(work, person)
        except AccessLost:
            return None
        except Refusal as refusal:
            at = time_of(now)
            end_unaccepted(throttle_key, refused_sign_in(person, self.address, at, refusal.code, Factor.PASSWORD))
            raise

    def _record_failure(self, email: str, throttle_key: ThrottleKey, now: datetime) -> None:
        # The organization should see it for a known e-mail address. Unknown text is not stored: it may be a password
        # in the wrong field.
        known = Person.objects.filter(email=email).first()
        with transaction.atomic(durable=True):
            note_failure(throttle_key, now)
            append(refused_sign_in(known, self.address, now))


def refused_sign_in(
    person: Person | None, address: str | None, now: datetime, reason: str | None = None, proven: Factor | None = None
) -> Entry:
    """Return the event of a sign-in that failed.

    Args:
        person: None for an unknown one.
        address: the client's.
        now: when it failed.
        reason: the code of a refusal; None for a wrong password.
        proven: the factor that was used; the organization should see a stolen password.
    """
    named = UNKNOWN if person is None else person.email
    changes = {"reason": reason, "factors": None if proven is None else proven.value}
    return Entry(
        at=now,
        organization=None if person is None else person.organization_id,
        actor=named,
        interface=Interface.PORTAL.value,
        address=address,
        action="signed_in",
        target=named,
        result=REFUSED,
        changes={name: [None, value] for name, value in changes.items() if value is not None},
    )


def end_unaccepted(throttle_key: ThrottleKey, event: Entry) -> None:
    """End an attempt with a right factor that the organization does not accept, and record it."""
    with transaction.atomic(durable=True):
        note_success(throttle_key)
        append(event)


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
