"""Making people who may sign in, for `watchword administrator`, `watchword operator` and the first sign-in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from watchword.control.access.models import Person
    from watchword.control.config import ControlSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatedPerson:
    """`link` is None when a password was given; `organization_id` is None for an operator."""

    email: str
    organization_id: str | None
    link: str | None


def create_administrator(
    control: ControlSettings, *, organization_id: str, email: str, role: str | None = None, password: str | None = None
) -> CreatedPerson:
    """Create an administrator, or find the one that is there; without `role` with every permission.

    Raises:
        Refusal: the organization is not found, the address belongs to somebody else, or the password is too weak.
    """
    from watchword.control.access.actor import command_line
    from watchword.control.access.people_commands import CreateAdministrator
    from watchword.control.refusals import Refusal

    try:
        person = CreateAdministrator(organization_id=organization_id, email=email, role=role).run(command_line())
    except Refusal as refusal:
        person = existing(refusal, email, organization_id)
    return let_in(control, person, password)


def create_operator(control: ControlSettings, *, email: str, password: str | None = None) -> CreatedPerson:
    """Create an operator, or find the one that is there.

    Raises:
        Refusal: the address belongs to somebody else, or the password is too weak.
    """
    from watchword.control.access.actor import command_line
    from watchword.control.access.people_commands import CreateOperator
    from watchword.control.refusals import Refusal

    try:
        person = CreateOperator(email=email).run(command_line())
    except Refusal as refusal:
        person = existing(refusal, email, None)
    return let_in(control, person, password)


def existing(refusal: Exception, email: str, organization_id: str | None) -> Person:
    """The person who has the address already, if it is the one meant; else the refusal stands."""
    from watchword.control.access.models import Person
    from watchword.control.access.rules import normalised_email
    from watchword.control.refusals import Refusal, RefusalReason

    person = Person.objects.filter(email=normalised_email(email), organization_id=organization_id).first()
    taken = isinstance(refusal, Refusal) and refusal.reason is RefusalReason.NAME_TAKEN
    if person is None or not taken:
        raise refusal
    return person


def let_in(control: ControlSettings, person: Person, password: str | None) -> CreatedPerson:
    """Set the password, or make the one-time link by which the person sets it."""
    from django.urls import reverse

    from watchword.control.access.actor import Interface, command_line
    from watchword.control.access.commands import CreateSignInLink, RedeemSignInLink

    secret = CreateSignInLink(email=person.email).run(command_line())
    link = None
    if password is None:
        link = control.public_origin + reverse("access:set-password", args=[secret])
    else:
        # The link is the only way a password is set, so that it is checked and recorded in one place.
        redeem = RedeemSignInLink(secret=secret, password=password, interface=Interface.COMMAND_LINE)
        redeem.run(now=datetime.now(tz=UTC))
    return CreatedPerson(email=person.email, organization_id=person.organization_id, link=link)


def set_active(email: str, *, active: bool) -> None:
    """Deactivate or reactivate an administrator.

    Raises:
        Refusal: nobody has the address, or it is the last one who holds every permission.
    """
    from watchword.control.access.actor import command_line
    from watchword.control.access.models import Person
    from watchword.control.access.people_commands import DeactivateAdministrator, ReactivateAdministrator
    from watchword.control.access.rules import normalised_email
    from watchword.control.refusals import Refusal, RefusalReason

    person = Person.objects.filter(email=normalised_email(email)).first()
    if person is None or person.organization_id is None:
        raise Refusal(RefusalReason.NOT_FOUND)
    command = ReactivateAdministrator if active else DeactivateAdministrator
    command(organization_id=person.organization_id, person_id=person.pk).run(command_line())
