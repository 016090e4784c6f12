"""A person's own sessions and password. The only writers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.db import transaction

from watchword.control.base.actor import Privilege
from watchword.control.base.audit_log import REFUSED, Entry, append
from watchword.control.base.refusals import Refusal, RefusalReason
from watchword.control.base.unit_of_work import time_of, unit_of_work
from watchword.control.identity.models import Person, Session
from watchword.control.identity.password_rules import LENGTH_MAX
from watchword.control.identity.passwords import HASHING_SLOTS, hashed_password
from watchword.control.identity.rights import check_password_unchanged
from watchword.control.identity.session_store import end_sessions, live_sessions
from watchword.control.identity.throttle import (
    admit_attempt,
    note_failure,
    note_success,
    person_key,
    refuse_blocked,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from watchword.control.base.actor import Actor
    from watchword.control.base.audit_log import Scalar
    from watchword.control.base.unit_of_work import UnitOfWork
    from watchword.control.identity.throttle import ThrottleKey


@dataclass(frozen=True, slots=True, kw_only=True)
class EndSession:
    """End one of the actor's own sessions."""

    session_id: UUID

    def run(self, actor: Actor, *, now: datetime | None = None) -> Session:
        """Return the ended session.

        Raises:
            Refusal: not_found, also for another person's session.
        """
        # Ending the session of the request is a sign-out; ending another one needs proof.
        action = "signed_out" if self.session_id == actor.session else "session_ended"
        with unit_of_work(actor, actor.organization, permission=Privilege.SELF, action=action, now=now) as work:
            session = live_sessions(work.actor.person_id, work.now).filter(public_id=self.session_id).first()
            if session is None:
                raise Refusal(RefusalReason.NOT_FOUND)
            _end(work, session)
            return session


@dataclass(frozen=True, slots=True, kw_only=True)
class EndOtherSessions:
    """End all of the actor's sessions except the one of this request."""

    kept: UUID

    def run(self, actor: Actor, *, now: datetime | None = None) -> int:
        """Return how many ended.

        Raises:
            Refusal: no_other_sessions.
        """
        with unit_of_work(
            actor, actor.organization, permission=Privilege.SELF, action="session_ended", now=now
        ) as work:
            others = list(live_sessions(work.actor.person_id, work.now).exclude(public_id=self.kept))
            if not others:
                raise Refusal(RefusalReason.NO_OTHER_SESSIONS)
            for session in others:
                _end(work, session)
            return len(others)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePassword:
    """Replace the actor's own password. Ends the sessions of all other browsers.

    Attributes:
        current: the present password, so that an unattended browser is not enough to take over the account.
        kept: the session of this request.
    """

    current: str = field(repr=False)
    password: str = field(repr=False)
    kept: UUID

    def run(self, actor: Actor, *, now: datetime | None = None) -> Person:
        """Return the person with the new password.

        Raises:
            Refusal: too_many_requests, passwords_busy, fields_invalid.
        """
        person = Person.objects.get(email=actor.name)
        throttle_key = person_key(person.pk)
        refuse_blocked(throttle_key, time_of(now))
        with HASHING_SLOTS.held():
            self._check_current(actor, person, throttle_key, now)
            if self.password == self.current:
                fault = {"password": "This is your current password. Choose another one."}
                raise Refusal(RefusalReason.FIELDS_INVALID, field_errors=fault)
            hashed = hashed_password(self.password, person)
        with unit_of_work(actor, actor.organization, permission=Privilege.SELF, action="password_set", now=now) as work:
            check_password_unchanged(person)
            person.password = hashed
            person.save(update_fields=["password"])
            end_sessions(person.pk, except_for=self.kept)
            work.record(target=person.email)
            return person

    def _check_current(self, actor: Actor, person: Person, throttle_key: ThrottleKey, now: datetime | None) -> None:
        admit_attempt(throttle_key, time_of(now))
        if len(self.current) > LENGTH_MAX or not person.check_password(self.current):
            record_wrong(actor, "password_set", throttle_key, time_of(now))
            fault = {"current_password": "This is not your current password."}
            raise Refusal(RefusalReason.FIELDS_INVALID, field_errors=fault)
        with transaction.atomic(durable=True):
            note_success(throttle_key)


def _end(work: UnitOfWork, session: Session) -> None:
    session.delete()
    where = session.browser if session.address is None else f"{session.browser}, {session.address}"
    work.record(target=work.actor.name, changes={"session": [where, None]})


def record_wrong(
    actor: Actor,
    action: str,
    throttle_key: ThrottleKey,
    now: datetime,
    changes: Mapping[str, Sequence[Scalar]] | None = None,
) -> None:
    """End and record an attempt in which a person did not prove who they are.

    It may be a guess, such as at an unattended browser; the organization should see it in its audit log.

    Args:
        actor: the person, in the portal.
        action: what the proof was for, such as `signed_in`.
        throttle_key: under which the attempt is in progress.
        now: the clock's time.
        changes: of the audit event; never what was typed.
    """
    with transaction.atomic(durable=True):
        note_failure(throttle_key, now)
        append(
            Entry(
                at=now,
                organization=actor.organization,
                actor=actor.name,
                interface=actor.interface.value,
                address=actor.address,
                action=action,
                target=actor.name,
                result=REFUSED,
                changes=changes or {},
            )
        )
