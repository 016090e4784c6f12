"""People: making them, letting them in for the first time, tidying up after them. The only writers."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.db import IntegrityError, transaction

from watchword.control.access import rules
from watchword.control.access.actor import Authority, Interface, Permission
from watchword.control.access.models import Person, PersonKind, Role, Session, SignInLink, SignInThrottle
from watchword.control.access.passwords import refuse_weak
from watchword.control.access.sessions import end_sessions
from watchword.control.change import change
from watchword.control.refusals import Refusal, RefusalReason

if TYPE_CHECKING:
    from datetime import datetime

    from watchword.control.access.actor import Actor
    from watchword.control.change import Work

FULL_ROLE: Final = "Administrator"
"""The role of an organization's first administrator; it carries every permission and is made when first needed."""

_SECRET_BYTES: Final = 32
_UNUSED_LINK_KEPT: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateRole:
    """Name a set of permissions of an organization."""

    organization_id: str
    name: str
    permissions: frozenset[Permission]

    def run(self, actor: Actor, *, now: datetime | None = None) -> Role:
        with change(
            actor, self.organization_id, permission=Permission.ADMINISTRATORS, action="role_created", now=now
        ) as work:
            return _create_role(work, self.name, self.permissions)


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
                role = _create_role(work, FULL_ROLE, frozenset(Permission))
            _refuse_more_than_own(actor, role.held())
            return _create_person(
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
            return _create_person(work, Person(kind=PersonKind.OPERATOR, email=email, name=self.name))


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateSignInLink:
    """Make a link that lets the person set a password, once, within 24 hours. Returns its secret.

    Earlier links of the person end. A password that is set already stays valid until the link is used.
    """

    email: str

    def run(self, actor: Actor, *, now: datetime | None = None) -> str:
        person = (
            Person.objects.select_related("role")
            .filter(email=rules.normalised_email(self.email), is_active=True)
            .first()
        )
        if person is None or not actor.reaches(person.organization_id):
            raise Refusal(RefusalReason.NOT_FOUND)
        permission = Authority.OPERATOR if person.kind == PersonKind.OPERATOR else Permission.ADMINISTRATORS
        with change(
            actor, person.organization_id, permission=permission, action="sign_in_link_created", now=now
        ) as work:
            if person.role is not None:
                # Whoever holds the link becomes that person; nobody may become more than they are.
                _refuse_more_than_own(actor, person.role.held())
            SignInLink.objects.filter(person=person, used_at__isnull=True).delete()
            secret = secrets.token_urlsafe(_SECRET_BYTES)
            SignInLink.objects.create(
                person=person,
                secret_hash=_hash(secret),
                created_at=work.now,
                expires_at=work.now + rules.LINK_LIFETIME,
            )
            work.record(target=person.email)
            return secret


@dataclass(frozen=True, slots=True, kw_only=True)
class RedeemSignInLink:
    """Set the password of the link's person. A link works once; of two parallel attempts one succeeds.

    Ends every session of the person: whoever had the old password may have one.
    """

    secret: str = field(repr=False)
    password: str = field(repr=False)
    interface: Interface = Interface.PORTAL
    address: str | None = None

    def run(self, *, now: datetime) -> Person:
        link = usable_link(self.secret, now)
        person = link.person
        refuse_weak(self.password, person)
        actor = person.actor(interface=self.interface, address=self.address)
        with change(actor, person.organization_id, permission=Authority.SELF, action="password_set", now=now) as work:
            used = SignInLink.objects.filter(pk=link.pk, used_at__isnull=True, expires_at__gt=now).update(used_at=now)
            if used != 1:
                raise Refusal(RefusalReason.LINK_UNUSABLE)
            person.set_password(self.password)
            person.save(update_fields=["password"])
            end_sessions(person.pk)
            work.record(target=person.email)
            return person


def usable_link(secret: str, now: datetime) -> SignInLink:
    """The link, unused as yet. Looking at it does not use it up: mail scanners open every link before people do.

    Raises:
        Refusal: link_unusable.
    """
    link = (
        SignInLink.objects.select_related("person__organization", "person__role")
        .filter(secret_hash=_hash(secret), used_at__isnull=True, expires_at__gt=now, person__is_active=True)
        .first()
    )
    if link is None:
        raise Refusal(RefusalReason.LINK_UNUSABLE)
    return link


def purge(now: datetime) -> None:
    """Delete what has run out by itself: sessions, counters of attempts, links. Nothing of it is a change."""
    with transaction.atomic(durable=True):
        Session.objects.forgotten(now).delete()
        SignInThrottle.objects.filter(last_failed_at__lt=now - timedelta(days=1)).delete()
        SignInLink.objects.filter(expires_at__lt=now - _UNUSED_LINK_KEPT).delete()


def _create_role(work: Work, name: str, permissions: frozenset[Permission]) -> Role:
    values = sorted(permission.value for permission in permissions)
    faults = rules.check_role(name=name, permissions=values, known=Permission.values)
    if faults:
        raise Refusal(RefusalReason.FIELDS_INVALID, field_errors=faults)
    _refuse_more_than_own(work.actor, permissions)
    role = Role(organization=work.organization, name=name, permissions=values)
    try:
        with transaction.atomic():
            role.save(force_insert=True)
    except IntegrityError:
        raise Refusal(RefusalReason.NAME_TAKEN, name=name) from None
    work.record(action="role_created", target=name, changes={"permissions": [None, ", ".join(values)]})
    return role


def _create_person(work: Work, person: Person) -> Person:
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
    work.record(target=person.email, changes={"role": [None, role]} if role is not None else None)
    return person


def _refuse_more_than_own(actor: Actor, permissions: frozenset[Permission]) -> None:
    """Nobody gives away what they do not hold, or they would hold it a moment later.

    Operators are exempt: somebody must give the first administrator every permission.
    """
    missing = sorted(permission.value for permission in permissions - actor.permissions)
    if missing and not actor.operator:
        raise Refusal(RefusalReason.PERMISSION_MISSING, permission=missing[0])


def _hash(secret: str) -> str:
    # A plain hash will do: the secret has 256 random bits, so there is nothing to guess.
    return hashlib.sha256(secret.encode()).hexdigest()
