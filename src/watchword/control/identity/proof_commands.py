"""Proving again who acts in a session, and in which ways a person can.

The only writers of `Session.proven_at` besides the sign-in.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from watchword.control.base.actor import Actor, Privilege
from watchword.control.base.refusals import AccessLost, Refusal, RefusalReason
from watchword.control.base.unit_of_work import UnitOfWork, time_of, unit_of_work
from watchword.control.identity import session_commands
from watchword.control.identity.factor_rules import Factor, read, stored
from watchword.control.identity.factors.queries import enrolled_factors
from watchword.control.identity.models import Person, Session
from watchword.control.identity.password_rules import LENGTH_MAX
from watchword.control.identity.passwords import HASHING_SLOTS
from watchword.control.identity.rights import check_password_unchanged
from watchword.control.identity.second_factor_commands import TypedFactor, record_wrong_factor
from watchword.control.identity.session_rules import SessionEnd
from watchword.control.identity.single_sign_on.providers import provider_of_person
from watchword.control.identity.single_sign_on.queries import only_single_sign_on
from watchword.control.identity.throttle import admit_attempt, factor_key, note_success, person_key, refuse_blocked

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from datetime import datetime
    from uuid import UUID

_ACTION: Final = "identity_confirmed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmIdentity:
    """Prove again who acts in the actor's session.

    Attributes:
        typed: of a person with a second factor.
        password: of a person without one.
    """

    typed: TypedFactor = field(default_factory=TypedFactor)
    password: str = field(default="", repr=False)

    def run(self, actor: Actor, *, now: datetime | None = None) -> None:
        """Note the proof in the session. The caller then renews the session's key.

        Raises:
            Refusal: too_many_requests, passwords_busy, fields_invalid; second_factor_wrong, also for a way that the
                person does not have; ceremony_expired, passkey_refused.
            AccessLost: session_ended.
        """
        if actor.session is None:
            raise RuntimeError("only a session can be proven again")
        person = Person.objects.get(email=actor.name)
        factor = self.typed.factor or Factor.PASSWORD
        if factor not in ways_to_prove(person):
            raise Refusal(RefusalReason.SECOND_FACTOR_WRONG, sentence="Use one of the ways that the portal offers.")
        if factor is Factor.PASSWORD:
            self._confirm_by_password(actor, actor.session, person, now)
        else:
            self._confirm_by_factor(actor, actor.session, person, factor, now)

    def _confirm_by_password(self, actor: Actor, session: UUID, person: Person, now: datetime | None) -> None:
        throttle_key = person_key(person.pk)
        refuse_blocked(throttle_key, time_of(now))
        with HASHING_SLOTS.held():
            admit_attempt(throttle_key, time_of(now))
            if len(self.password) > LENGTH_MAX or not person.check_password(self.password):
                session_commands.record_wrong(actor, _ACTION, throttle_key, time_of(now))
                raise Refusal(RefusalReason.FIELDS_INVALID, field_errors={"password": "This is not your password."})
        with _confirming(actor, now) as work:
            check_password_unchanged(person)
            note_success(throttle_key)
            _complete(work, session, Factor.PASSWORD)

    def _confirm_by_factor(
        self, actor: Actor, session: UUID, person: Person, factor: Factor, now: datetime | None
    ) -> None:
        throttle_key = factor_key(factor, person.pk, actor.address)
        admit_attempt(throttle_key, time_of(now))
        try:
            with _confirming(actor, now) as work:
                self.typed.use(person, work.now)
                note_success(throttle_key)
                _complete(work, session, factor)
        except Refusal:
            record_wrong_factor(actor, factor, person, action=_ACTION, now=time_of(now))
            raise


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


def ways_to_prove(person: Person) -> frozenset[Factor]:
    """The person's second factors; of a person who has none the password, and the identity provider.

    An unattended browser often has the password at hand, so it does not replace a second factor.
    """
    enrolled = enrolled_factors(person.pk)
    if not enrolled.any:
        return _without_second_factor(person)
    ways = {Factor.RECOVERY_CODE}
    if enrolled.passkeys:
        ways.add(Factor.PASSKEY)
    if enrolled.has_app:
        ways.add(Factor.AUTHENTICATOR_APP)
    return frozenset(ways)


def _without_second_factor(person: Person) -> frozenset[Factor]:
    ways = set()
    if provider_of_person(person) is not None:
        ways.add(Factor.SINGLE_SIGN_ON)
    if person.has_joined and not only_single_sign_on(person):
        ways.add(Factor.PASSWORD)
    return frozenset(ways)


def _confirming(actor: Actor, now: datetime | None) -> AbstractContextManager[UnitOfWork]:
    return unit_of_work(actor, actor.organization, permission=Privilege.SELF, action=_ACTION, now=now)


def _complete(work: UnitOfWork, session: UUID, factor: Factor) -> None:
    note_proof(session, factor, work.now)
    # Also what succeeds is recorded: it is an authentication, and it may use a recovery code up.
    work.record(target=work.actor.name, changes={"factors": [None, factor.value]})
