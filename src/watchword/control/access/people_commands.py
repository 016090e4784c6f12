"""Administrators and operators. The only writers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction

from watchword.control.access import rules
from watchword.control.access.actor import Authority, Permission
from watchword.control.access.models import Person, PersonKind, Role
from watchword.control.access.role_commands import FULL_ROLE, create_role
from watchword.control.access.safeguards import refuse_more_than_own
from watchword.control.change import change
from watchword.control.refusals import Refusal, RefusalReason

if TYPE_CHECKING:
    from datetime import datetime

    from watchword.control.access.actor import Actor
    from watchword.control.change import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateAdministrator:
    """Make an administrator of an organization, who signs in by a one-time link first.

    Attributes:
        role: the name of a role of the organization; FULL_ROLE is made if it is missing.
    """

    organization_id: str
    email: str
    name: str = ""
    role: str = FULL_ROLE

    def run(self, actor: Actor, *, now: datetime | None = None) -> Person:
        with change(
            actor, self.organization_id, permission=Permission.ADMINISTRATORS, action="administrator_created", now=now
        ) as work:
            role = Role.objects.filter(organization=work.organization, name__iexact=self.role).first()
            if role is None:
                if self.role != FULL_ROLE:
                    fault = f"There is no role “{self.role}”."
                    raise Refusal(RefusalReason.FIELDS_INVALID, field_errors={"role": fault})
                role = create_role(work, FULL_ROLE, frozenset(Permission))
            refuse_more_than_own(actor, role.held())
            return create_person(
                work,
                Person(
                    kind=PersonKind.ADMINISTRATOR,
                    organization=work.organization,
                    role=role,
                    email=rules.normalised_email(self.email),
                    name=self.name,
                ),
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateOperator:
    """Make an operator of the provider."""

    email: str
    name: str = ""

    def run(self, actor: Actor, *, now: datetime | None = None) -> Person:
        with change(actor, None, permission=Authority.OPERATOR, action="operator_created", now=now) as work:
            email = rules.normalised_email(self.email)
            return create_person(work, Person(kind=PersonKind.OPERATOR, email=email, name=self.name))


def create_person(work: Work, person: Person, *, action: str | None = None) -> Person:
    faults = rules.check_person(email=person.email, name=person.name)
    if faults:
        raise Refusal(RefusalReason.FIELDS_INVALID, field_errors=faults)
    person.created_at = work.now
    person.set_unusable_password()
    try:
        with transaction.atomic():
            person.save(force_insert=True)
    except IntegrityError:
        raise Refusal(RefusalReason.NAME_TAKEN, name=person.email) from None
    role = None if person.role is None else person.role.name
    changes = {"role": [None, role]} if role is not None else None
    work.record(target=person.email, changes=changes, action=action)
    return person
