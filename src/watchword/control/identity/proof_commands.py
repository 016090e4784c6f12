"""Proving again who acts in a session. The only writers of `Session.proven_at` besides the sign-in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from django.utils import timezone

from watchword.control.base.actor import Privilege
from watchword.control.base.refusals import AccessLost, Refusal, RefusalReason
from watchword.control.base.unit_of_work import admitted
from watchword.control.identity.factor_rules import Factor, read, stored
from watchword.control.identity.models import Person, Session
from watchword.control.identity.password_rules import LENGTH_MAX
from watchword.control.identity.passwords import HASHING_SLOTS
from watchword.control.identity.rights import check_password_unchanged
from watchword.control.identity.session_commands import record_wrong
from watchword.control.identity.session_rules import SessionEnd
from watchword.control.identity.throttle import (
    admit_attempt,
    note_success,
    person_key,
    refuse_blocked,
)

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from watchword.control.base.actor import Actor

_ACTION: Final = "identity_confirmed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmIdentity:
    """Prove again who acts in the actor's session, with the password."""

    password: str = field(repr=False)

    def run(self, actor: Actor, *, now: datetime | None = None) -> None:
        """Note the proof in the session. The caller then renews the session's key.

        Raises:
            Refusal: too_many_requests, passwords_busy, fields_invalid.
            AccessLost: session_ended.
        """
        session = actor.session
        if session is None:
            raise RuntimeError("only a session can be proven again")
        person = Person.objects.get(email=actor.name)
        throttle_key = person_key(person.pk)
        refuse_blocked(throttle_key, _at(now))
        with HASHING_SLOTS.held():
            admit_attempt(throttle_key, _at(now))
            if len(self.password) > LENGTH_MAX or not person.check_password(self.password):
                record_wrong(actor, _ACTION, throttle_key, _at(now))
                raise Refusal(RefusalReason.FIELDS_INVALID, field_errors={"password": "This is not your password."})
        with admitted(actor, actor.organization, permission=Privilege.SELF, action=_ACTION, now=now) as admission:
            check_password_unchanged(person)
            note_success(throttle_key)
            note_proof(session, Factor.PASSWORD, admission.now)


def note_proof(session: UUID, factor: Factor, now: datetime) -> None:
    """Note within the caller's transaction that the person of this session has just proven a factor.

    Raises:
        AccessLost: session_ended.
    """
    row = Session.objects.select_for_update(no_key=True).filter(public_id=session, person__isnull=False).first()
    if row is None:
        raise AccessLost(Refusal(RefusalReason.SESSION_ENDED, session_end=SessionEnd.GONE))
    row.factors, row.proven_at = stored(read(row.factors) | {factor}), now
    row.save(update_fields=["factors", "proven_at"])


def _at(now: datetime | None) -> datetime:
    # Read again after each wait, so that the wait counts towards a delay.
    return timezone.now() if now is None else now
