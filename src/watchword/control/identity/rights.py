"""An actor's present rights: person, role and session, read again inside the transaction of a change.

A request carries the rights that it began with. Its change may wait for a lock, and meanwhile the person can have been
deactivated, given another role or signed out (FK-01).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from watchword.control.base.actor import Interface, Privilege
from watchword.control.base.refusals import AccessLost, Refusal, RefusalReason
from watchword.control.identity.api_actors import current_api_rights
from watchword.control.identity.factor_rules import PROOF_LIFETIME
from watchword.control.identity.models import Person, PersonKind, Session
from watchword.control.identity.proof_rules import is_recent, needs_proof
from watchword.control.identity.session_rules import SessionEnd, session_end

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from watchword.control.base.actor import Actor, Required

_WITHOUT_PERSON: Final = frozenset({Interface.COMMAND_LINE, Interface.WORKER})


def current_rights(actor: Actor, required: Required, action: str, now: datetime) -> Actor:
    """Return the actor with the rights that the database grants now. The organization must be locked already.

    Locks the rows of the person and the session until the transaction ends, so a deactivation or a sign-out comes
    either before the change or after it. The order is always organization, person, session, so that no two
    transactions deadlock.

    Args:
        actor: as the request knows it.
        required: what the change needs. Only Privilege.SELF needs no session, because signing in begins one.
        action: the audit action of the change, which may need recent proof in the session.
        now: the time at which the session must be alive.

    Raises:
        Refusal: session_ended, proof_required; for the management API api_key_unusable or insufficient_scope.
    """
    if actor.interface is Interface.API:
        return current_api_rights(actor, now)
    if actor.person_id is None:
        if actor.interface not in _WITHOUT_PERSON:
            raise _session_ended(SessionEnd.GONE)
        return actor
    # `of`: the role is joined, and an outer join cannot be locked.
    people = Person.objects.select_for_update(no_key=True, of=("self",)).select_related("role")
    person = people.filter(pk=actor.person_id, is_active=True).first()
    if person is None:
        raise _session_ended(SessionEnd.GONE)
    if actor.session is not None:
        _check_session(actor.session, person, action, now)
    elif actor.interface is Interface.PORTAL and required is not Privilege.SELF:
        raise _session_ended(SessionEnd.GONE)
    return replace(person.actor(interface=actor.interface, address=actor.address), session=actor.session)


def lock_operators() -> None:
    """Lock all operators, so that the provider's own changes run one after the other, as an organization's do.

    If two operators deactivate each other at the same time, the second is refused.
    """
    operators = Person.objects.filter(kind=PersonKind.OPERATOR).order_by("pk")
    list(operators.select_for_update(no_key=True).values_list("pk", flat=True))


def check_password_unchanged(person: Person) -> None:
    """Refuse a password that was replaced after it was checked.

    Raises:
        AccessLost: session_ended.
    """
    if not Person.objects.filter(pk=person.pk, password=person.password).exists():
        raise AccessLost(_session_ended(SessionEnd.GONE))


def _check_session(public_id: UUID, person: Person, action: str, now: datetime) -> None:
    sessions = Session.objects.select_for_update(no_key=True)
    session = sessions.filter(public_id=public_id, person=person).first()
    if session is None:
        raise _session_ended(SessionEnd.GONE)
    why = session_end(session.started_at, session.seen_at, now)
    if why is not None:
        raise _session_ended(why)
    if needs_proof(action) and not is_recent(session.proven_at, now, PROOF_LIFETIME):
        raise Refusal(RefusalReason.PROOF_REQUIRED)


def _session_ended(why: SessionEnd) -> Refusal:
    return Refusal(RefusalReason.SESSION_ENDED, session_end=why)
