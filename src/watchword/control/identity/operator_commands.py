"""Operators: create, invite, deactivate, reactivate, sign out. The only writers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from watchword.control.base.actor import Privilege
from watchword.control.base.refusals import Refusal, RefusalReason
from watchword.control.base.unit_of_work import unit_of_work
from watchword.control.identity import rules
from watchword.control.identity.models import Person, PersonKind
from watchword.control.identity.people_commands import Invitation, create_person, deactivate_person, reactivate_person
from watchword.control.identity.safeguards import keep_operator
from watchword.control.identity.session_store import end_sessions
from watchword.control.identity.sign_in_link_commands import make_link

if TYPE_CHECKING:
    from datetime import datetime

    from watchword.control.base.actor import Actor
    from watchword.control.base.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateOperator:
    """Create an operator of the provider."""

    email: str
    name: str = ""

    def run(self, actor: Actor, *, now: datetime | None = None) -> Person:
        with unit_of_work(actor, None, permission=Privilege.OPERATOR, action="operator_created", now=now) as work:
            return self.within(work)

    def within(self, work: UnitOfWork) -> Person:
        """Do the same as a part of another change."""
        email = rules.normalised_email(self.email)
        return create_person(work, Person(kind=PersonKind.OPERATOR, email=email, name=self.name))


@dataclass(frozen=True, slots=True, kw_only=True)
class InviteOperator:
    """Create an operator and their sign-in link in one transaction."""

    email: str
    name: str

    def run(self, actor: Actor, *, now: datetime | None = None) -> Invitation:
        with unit_of_work(actor, None, permission=Privilege.OPERATOR, action="operator_created", now=now) as work:
            made = CreateOperator(email=self.email, name=self.name).within(work)
            return Invitation(person=made, secret=make_link(work, made))


@dataclass(frozen=True, slots=True, kw_only=True)
class DeactivateOperator:
    """End an operator's access: sessions and unused links end, and signing in fails as with a wrong password."""

    person_id: int

    def run(self, actor: Actor, *, now: datetime | None = None) -> Person:
        with unit_of_work(actor, None, permission=Privilege.OPERATOR, action="operator_deactivated", now=now) as work:
            with keep_operator():
                person = _operator(self.person_id)
                if person.pk == work.actor.person_id:
                    raise Refusal(RefusalReason.OWN_ACCOUNT)
                deactivate_person(work, person)
            return person


@dataclass(frozen=True, slots=True, kw_only=True)
class ReactivateOperator:
    """Let an operator sign in again with the earlier password."""

    person_id: int

    def run(self, actor: Actor, *, now: datetime | None = None) -> Person:
        with unit_of_work(actor, None, permission=Privilege.OPERATOR, action="operator_reactivated", now=now) as work:
            person = _operator(self.person_id)
            reactivate_person(work, person)
            return person


@dataclass(frozen=True, slots=True, kw_only=True)
class SignOutOperator:
    """End all sessions of an operator; the account stays active."""

    person_id: int

    def run(self, actor: Actor, *, now: datetime | None = None) -> Person:
        with unit_of_work(actor, None, permission=Privilege.OPERATOR, action="sessions_ended", now=now) as work:
            person = _operator(self.person_id)
            end_sessions(person.pk)
            work.record(target=person.email)
            return person


def _operator(person_id: int) -> Person:
    person = Person.objects.filter(kind=PersonKind.OPERATOR, pk=person_id).first()
    if person is None:
        raise Refusal(RefusalReason.NOT_FOUND)
    return person
