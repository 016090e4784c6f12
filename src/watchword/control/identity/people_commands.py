"""Administrators: create, invite, edit, deactivate, reactivate, sign out. The only writers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction

from watchword.control.base.actor import Permission
from watchword.control.base.refusals import Refusal, RefusalReason
from watchword.control.base.unit_of_work import unit_of_work
from watchword.control.identity import rules
from watchword.control.identity.models import Person, PersonKind, Role, SignInLink
from watchword.control.identity.role_commands import FULL_ROLE, create_role, full_role
from watchword.control.identity.safeguards import keep_full_administrator, refuse_more_than_own
from watchword.control.identity.session_store import end_sessions
from watchword.control.identity.sign_in_link_commands import make_link

if TYPE_CHECKING:
    from datetime import datetime

    from watchword.control.base.actor import Actor
    from watchword.control.base.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateAdministrator:
    """Create an administrator of an organization, who sets a password through a one-time link.

    Attributes:
        role: the name of a role of the organization; None for one that holds every permission. The command creates
            such a role where there is none, and FULL_ROLE where it is named and missing.
    """

    organization_id: str
    email: str
    name: str = ""
    role: str | None = None

    def run(self, actor: Actor, *, now: datetime | None = None) -> Person:
        with unit_of_work(
            actor, self.organization_id, permission=Permission.ADMINISTRATORS, action="administrator_created", now=now
        ) as work:
            return self.within(work)

    def within(self, work: UnitOfWork) -> Person:
        """Do the same as a part of another change of the organization."""
        role = full_role(work) if self.role is None else _role_named(work, self.role)
        refuse_more_than_own(work.actor, role.held())
        return create_person(
            work,
            Person(
                kind=PersonKind.ADMINISTRATOR,
                organization_id=work.organization_id,
                role=role,
                email=rules.normalised_email(self.email),
                name=self.name,
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """A new person. `secret` of the one-time link is not stored and cannot be shown again."""

    person: Person
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class InviteAdministrator:
    """Create an administrator and their sign-in link in one transaction."""

    organization_id: str
    email: str
    name: str
    role: str

    def run(self, actor: Actor, *, now: datetime | None = None) -> Invitation:
        with unit_of_work(
            actor, self.organization_id, permission=Permission.ADMINISTRATORS, action="administrator_created", now=now
        ) as work:
            made = CreateAdministrator(
                organization_id=self.organization_id, email=self.email, name=self.name, role=self.role
            ).within(work)
            return Invitation(person=made, secret=make_link(work, made))


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRole:
    """Assign another role to an administrator. The rights change with the person's next request.

    Attributes:
        role: its name.
    """

    organization_id: str
    person_id: int
    role: str

    def run(self, actor: Actor, *, now: datetime | None = None) -> Person:
        with unit_of_work(
            actor, self.organization_id, permission=Permission.ADMINISTRATORS, action="role_changed", now=now
        ) as work:
            person, before = _administrator(work.actor, self.organization_id, self.person_id)
            role = _role_named(work, self.role)
            refuse_more_than_own(work.actor, role.held())
            with keep_full_administrator(self.organization_id):
                person.role = role
                person.save(update_fields=["role"])
            work.record(target=person.email, changes={"role": [before.name, role.name]})
            return person


@dataclass(frozen=True, slots=True, kw_only=True)
class RenameAdministrator:
    """Change the display name. The e-mail address identifies the person and cannot be changed."""

    organization_id: str
    person_id: int
    name: str

    def run(self, actor: Actor, *, now: datetime | None = None) -> Person:
        with unit_of_work(
            actor, self.organization_id, permission=Permission.ADMINISTRATORS, action="administrator_renamed", now=now
        ) as work:
            person, _ = _administrator(work.actor, self.organization_id, self.person_id)
            _refuse_faults(person.email, self.name)
            before, person.name = person.name, self.name
            person.save(update_fields=["name"])
            work.record(target=person.email, changes={"name": [before, person.name]})
            return person


@dataclass(frozen=True, slots=True, kw_only=True)
class DeactivateAdministrator:
    """End a person's access: sessions and unused links end, and signing in fails as with a wrong password."""

    organization_id: str
    person_id: int

    def run(self, actor: Actor, *, now: datetime | None = None) -> Person:
        with unit_of_work(
            actor,
            self.organization_id,
            permission=Permission.ADMINISTRATORS,
            action="administrator_deactivated",
            now=now,
        ) as work:
            person, _ = _administrator(work.actor, self.organization_id, self.person_id)
            if person.pk == work.actor.person_id:
                raise Refusal(RefusalReason.OWN_ACCOUNT)
            with keep_full_administrator(self.organization_id):
                deactivate_person(work, person)
            return person


@dataclass(frozen=True, slots=True, kw_only=True)
class ReactivateAdministrator:
    """Let a person sign in again, with the earlier role and password."""

    organization_id: str
    person_id: int

    def run(self, actor: Actor, *, now: datetime | None = None) -> Person:
        with unit_of_work(
            actor,
            self.organization_id,
            permission=Permission.ADMINISTRATORS,
            action="administrator_reactivated",
            now=now,
        ) as work:
            person, _ = _administrator(work.actor, self.organization_id, self.person_id)
            reactivate_person(work, person)
            return person


@dataclass(frozen=True, slots=True, kw_only=True)
class SignOutAdministrator:
    """End all sessions of an administrator; the account stays active."""

    organization_id: str
    person_id: int

    def run(self, actor: Actor, *, now: datetime | None = None) -> Person:
        with unit_of_work(
            actor, self.organization_id, permission=Permission.ADMINISTRATORS, action="sessions_ended", now=now
        ) as work:
            person, _ = _administrator(work.actor, self.organization_id, self.person_id)
            end_sessions(person.pk)
            work.record(target=person.email)
            return person


def _administrator(actor: Actor, organization_id: str, person_id: int) -> tuple[Person, Role]:
    """Return the person and their role; refuse an actor with fewer permissions."""
    # By organization and id: people of another organization are not found.
    person = (
        Person.objects.select_related("role")
        .filter(organization_id=organization_id, pk=person_id, role__isnull=False)
        .first()
    )
    if person is None or person.role is None:
        raise Refusal(RefusalReason.NOT_FOUND)
    refuse_more_than_own(actor, person.role.held())
    return person, person.role


def _role_named(work: UnitOfWork, name: str) -> Role:
    role = Role.objects.filter(organization_id=work.organization_id, name__iexact=name).first()
    if role is None and name == FULL_ROLE:
        role = create_role(work, FULL_ROLE, frozenset(Permission.values))
    if role is None:
        fault = f"There is no role “{name}”." if name else "Choose a role."
        raise Refusal(RefusalReason.FIELDS_INVALID, field_errors={"role": fault})
    return role


def create_person(work: UnitOfWork, person: Person, *, action: str | None = None) -> Person:
    """Create the person within a change; `action` where it differs from the action of the change."""
    _refuse_faults(person.email, person.name)
    person.created_at = work.now
    person.set_unusable_password()
    try:
        with transaction.atomic():
            person.save(force_insert=True)
    except IntegrityError:
        fault = {"email": f"{person.email} is already in use."}
        raise Refusal(RefusalReason.NAME_TAKEN, name=person.email, field_errors=fault) from None
    changes = {"name": [None, person.name]}
    if person.role is not None:
        changes["role"] = [None, person.role.name]
    work.record(target=person.email, changes=changes, action=action)
    return person


def _refuse_faults(email: str, name: str) -> None:
    faults = rules.check_person(email=email, name=name)
    if faults:
        raise Refusal(RefusalReason.FIELDS_INVALID, field_errors=faults)


def deactivate_person(work: UnitOfWork, person: Person) -> None:
    """Deactivate the person within a change: sessions and unused links end."""
    _set_active(work, person, active=False)
    SignInLink.objects.filter(person=person, used_at__isnull=True).delete()
    end_sessions(person.pk)


def reactivate_person(work: UnitOfWork, person: Person) -> None:
    """Reactivate the person within a change, with the earlier password.

    Raises:
        Refusal: own_account.
    """
    if person.pk == work.actor.person_id:
        raise Refusal(RefusalReason.OWN_ACCOUNT)
    _set_active(work, person, active=True)
    # A sign-in in progress during the deactivation may have created one.
    end_sessions(person.pk)


def _set_active(work: UnitOfWork, person: Person, *, active: bool) -> None:
    before, person.is_active = person.is_active, active
    person.save(update_fields=["is_active"])
    work.record(target=person.email, changes={"active": [before, active]})
