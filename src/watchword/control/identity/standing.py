"""What an actor may do at this very moment: person, role and session, read anew inside the transaction of a change.

A request carries the rights that it began with. Between then and its change, which may have waited for a lock, the
person can have been deactivated, moved to another role or signed out (FK-01).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from watchword.control.base.actor import Interface, Privilege
from watchword.control.base.refusals import AccessLost, Refusal, RefusalReason
from watchword.control.identity.models import Person, PersonKind, Session
from watchword.control.identity.session_rules import Ended, ended_by

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from watchword.control.base.actor import Actor, Required

_WITHOUT_PERSON: Final = frozenset({Interface.COMMAND_LINE, Interface.WORKER})


def current(actor: Actor, required: Required, now: datetime) -> Actor:
    """The actor with the rights that the database grants now. The organization must be locked already.

    Locks the person's row and the session's until the transaction ends. Deactivating an operator, for whom there is
    no organization to lock, and signing out therefore wait for a change in progress, or the change finds them done.
    The order is always organization, person, session, so that no two transactions wait for each other.

    Args:
        actor: as the request knows it.
        required: what the change needs. Privilege.SELF alone needs no session: it is how a session begins.
        now: when the session must be alive.

    Raises:
        Refusal: session_ended.
    """
    if actor.person_id is None:
        if actor.interface not in _WITHOUT_PERSON:
            raise _over(Ended.GONE)
        return actor
    # `of`: the role is joined, and an outer join cannot be locked.
    people = Person.objects.select_for_update(no_key=True, of=("self",)).select_related("role")
    person = people.filter(pk=actor.person_id, is_active=True).first()
    if person is None:
        raise _over(Ended.GONE)
    if actor.session is not None:
        _check_session(actor.session, person, now)
    elif actor.interface is Interface.PORTAL and required is not Privilege.SELF:
        raise _over(Ended.GONE)
    return replace(person.actor(interface=actor.interface, address=actor.address), session=actor.session)


def lock_operators() -> None:
    """Let the provider's own changes wait for each other, as those of one organization do.

    Of two operators who deactivate each other at once, the second finds what the first did.
    """
    operators = Person.objects.filter(kind=PersonKind.OPERATOR).order_by("pk")
    list(operators.select_for_update(no_key=True).values_list("pk", flat=True))


def check_password_kept(person: Person) -> None:
    """Refuse to go on with a password that was replaced after it was checked.

    Raises:
        AccessLost: session_ended.
    """
    if not Person.objects.filter(pk=person.pk, password=person.password).exists():
        raise AccessLost(_over(Ended.GONE))


def _check_session(public_id: UUID, person: Person, now: datetime) -> None:
    sessions = Session.objects.select_for_update(no_key=True)
    session = sessions.filter(public_id=public_id, person=person).first()
    ended = Ended.GONE if session is None else ended_by(session.started_at, session.seen_at, now)
    if ended is not None:
        raise _over(ended)


def _over(ended: Ended) -> Refusal:
    return Refusal(RefusalReason.SESSION_ENDED, ended=ended)
