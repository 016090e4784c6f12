"""One-time links that let a person set a password, and the purge of expired rows. The only writers."""

from __future__ import annotations

import hashlib
import secrets
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.db import transaction

from watchword.control.base.actor import Interface, Permission, Privilege
from watchword.control.base.refusals import AccessLost, Refusal, RefusalReason
from watchword.control.base.unit_of_work import unit_of_work
from watchword.control.identity import ceremonies, rules
from watchword.control.identity.models import Person, PersonKind, Session, SignInLink, SignInThrottle
from watchword.control.identity.passwords import hashed_password
from watchword.control.identity.safeguards import refuse_more_than_own
from watchword.control.identity.session_store import end_sessions
from watchword.control.identity.sign_in_commands import after_password
from watchword.control.identity.single_sign_on.queries import only_single_sign_on

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from watchword.control.base.actor import Actor
    from watchword.control.base.unit_of_work import UnitOfWork
    from watchword.control.identity.sign_in_commands import PasswordAccepted, SignedIn

_SECRET_BYTES: Final = 32
_NO_LINK: Final = (
    "People of this organization sign in by single sign-on only, so a sign-in link would not work. The administrators "
    "of its identity provider give access."
)
_UNUSED_LINK_KEPT: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateSignInLink:
    """Make a link that lets the person set a password, once, within 24 hours. Returns its secret.

    It replaces earlier links of the person. The present password stays valid until the link is used.
    """

    email: str

    def run(self, actor: Actor, *, now: datetime | None = None) -> str:
        people = Person.objects.select_related("role").filter(email=rules.normalised_email(self.email), is_active=True)
        found = people.first()
        if found is None or not actor.reaches(found.organization_id):
            raise Refusal(RefusalReason.NOT_FOUND)
        permission = Privilege.OPERATOR if found.kind == PersonKind.OPERATOR else Permission.ADMINISTRATORS
        with unit_of_work(
            actor, found.organization_id, permission=permission, action="sign_in_link_created", now=now
        ) as work:
            # Again under the lock: a deactivation in between deletes links, and no new one may follow it.
            person = people.filter(pk=found.pk, organization_id=found.organization_id).first()
            if person is None:
                raise Refusal(RefusalReason.NOT_FOUND)
            if person.role is not None:
                # The link gives its holder that person's permissions, so the actor must hold them, too.
                refuse_more_than_own(work.actor, person.role.held())
            return make_link(work, person)


@dataclass(frozen=True, slots=True, kw_only=True)
class RedeemSignInLink:
    """Set the password of the link's person. A link works once; of two parallel attempts one succeeds.

    Ends every session of the person, because one may belong to an attacker who knew the old password. In the portal
    it also signs the person in, unless the sign-in needs a second factor.
    """

    secret: str = field(repr=False)
    password: str = field(repr=False)
    interface: Interface = Interface.PORTAL
    address: str | None = None

    def run(self, *, now: datetime) -> SignedIn | PasswordAccepted | None:
        """Return what the new password led to; None on the command line, where no one signs in.

        Raises:
            Refusal: link_unusable, fields_invalid, passwords_busy, single_sign_on_required.
        """
        link = usable_link(self.secret, now)
        person = link.person
        hashed = hashed_password(self.password, person)
        actor = person.actor(interface=self.interface, address=self.address)
        with (
            _refuse_as_unusable(),
            unit_of_work(
                actor, person.organization_id, permission=Privilege.SELF, action="password_set", now=now
            ) as work,
        ):
            used = SignInLink.objects.filter(pk=link.pk, used_at__isnull=True, expires_at__gt=now).update(used_at=now)
            if used != 1:
                raise Refusal(RefusalReason.LINK_UNUSABLE)
            person.password = hashed
            person.save(update_fields=["password"])
            end_sessions(person.pk)
            work.record(target=person.email)
            return after_password(work, person) if self.interface is Interface.PORTAL else None


@contextmanager
def _refuse_as_unusable() -> Iterator[None]:
    """Refuse a person who was deactivated in between as the link is refused from then on."""
    try:
        yield
    except AccessLost:
        raise Refusal(RefusalReason.LINK_UNUSABLE) from None


def make_link(work: UnitOfWork, person: Person) -> str:
    """Make the person's link within a change and delete earlier ones. Returns the secret, which is not stored.

    Raises:
        Refusal: single_sign_on_needed, if the person can sign in through the identity provider alone.
    """
    # A link of an operator is an invitation, too: operators are created before their first single sign-on.
    if person.kind == PersonKind.ADMINISTRATOR and only_single_sign_on(person):
        raise Refusal(RefusalReason.SINGLE_SIGN_ON_NEEDED, sentence=_NO_LINK)
    SignInLink.objects.filter(person=person, used_at__isnull=True).delete()
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    SignInLink.objects.create(
        person=person, secret_hash=_hash(secret), created_at=work.now, expires_at=work.now + rules.LINK_LIFETIME
    )
    work.record(target=person.email, action="sign_in_link_created")
    return secret


def usable_link(secret: str, now: datetime) -> SignInLink:
    """Return the unused link. Opening the page does not use it up: mail scanners open every link before people do.

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
    """Delete expired sessions, attempt counters, links and ceremonies. They had no effect: nothing is audited."""
    with transaction.atomic(durable=True):
        Session.objects.forgotten(now).delete()
        yesterday = now - timedelta(days=1)
        SignInThrottle.objects.filter(last_failed_at__lt=yesterday, reserved_at__lt=yesterday).delete()
        SignInLink.objects.filter(expires_at__lt=now - _UNUSED_LINK_KEPT).delete()
        ceremonies.purge(now)


def _hash(secret: str) -> str:
    # A plain hash is enough: the secret has 256 random bits and cannot be guessed.
    return hashlib.sha256(secret.encode()).hexdigest()
