"""Creates people who can sign in, for `watchword administrator`, `watchword operator` and the first sign-in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from watchword.cli.output import ask_before, iso, print_json, print_rows

if TYPE_CHECKING:
    from collections.abc import Iterable

    from watchword.control.identity.models import Person, PersonKind
    from watchword.control.identity.queries import PersonRow
    from watchword.settings.control import ControlSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatedPerson:
    """`link` is None for a person with a password; `organization_id` is None for an operator."""

    email: str
    organization_id: str | None
    link: str | None


def create_administrator(
    control: ControlSettings, *, organization_id: str, email: str, role: str | None = None, password: str | None = None
) -> CreatedPerson:
    """Create an administrator, or find the existing one; without `role` with every permission.

    Raises:
        Refusal: the organization is not found, the address belongs to another person, or the password is too weak.
    """
    from watchword.control.base.actor import command_line
    from watchword.control.base.refusals import Refusal
    from watchword.control.identity.people_commands import CreateAdministrator

    try:
        person = CreateAdministrator(organization_id=organization_id, email=email, role=role).run(command_line())
    except Refusal as refusal:
        person = existing(refusal, email, organization_id)
    return let_in(control, person, password)


def create_operator(control: ControlSettings, *, email: str, password: str | None = None) -> CreatedPerson:
    """Create an operator, or find the existing one.

    Raises:
        Refusal: the address belongs to another person, or the password is too weak.
    """
    from watchword.control.base.actor import command_line
    from watchword.control.base.refusals import Refusal
    from watchword.control.identity.operator_commands import CreateOperator

    try:
        person = CreateOperator(email=email).run(command_line())
    except Refusal as refusal:
        person = existing(refusal, email, None)
    return let_in(control, person, password)


def existing(refusal: Exception, email: str, organization_id: str | None) -> Person:
    """The existing person with the address, if it is the one meant; otherwise raises the refusal."""
    from watchword.control.base.refusals import Refusal, RefusalReason
    from watchword.control.identity.models import Person
    from watchword.control.identity.rules import normalised_email

    person = Person.objects.filter(email=normalised_email(email), organization_id=organization_id).first()
    taken = isinstance(refusal, Refusal) and refusal.reason is RefusalReason.NAME_TAKEN
    if person is None or not taken:
        raise refusal
    return person


def let_in(control: ControlSettings, person: Person, password: str | None) -> CreatedPerson:
    """Set the password, or make the one-time link by which the person sets it."""
    from django.urls import reverse

    from watchword.control.base.actor import Interface, command_line
    from watchword.control.identity.sign_in_link_commands import CreateSignInLink, RedeemSignInLink

    secret = CreateSignInLink(email=person.email).run(command_line())
    link = None
    if password is None:
        link = control.public_origin + reverse("sign_in:set-password", args=[secret])
    else:
        # Passwords are set through the link only, so that one place checks and records them.
        redeem = RedeemSignInLink(secret=secret, password=password, interface=Interface.COMMAND_LINE)
        redeem.run(now=datetime.now(tz=UTC))
    return CreatedPerson(email=person.email, organization_id=person.organization_id, link=link)


def person_named(email: str, kind: PersonKind, organization_id: str | None = None) -> Person:
    """The administrator or operator with this address; `organization_id` where the administrator must be of it.

    Raises:
        Refusal: there is none, or the address belongs to the other kind or another organization.
    """
    from watchword.control.base.refusals import Refusal, RefusalReason
    from watchword.control.identity.models import Person
    from watchword.control.identity.rules import normalised_email

    person = Person.objects.filter(email=normalised_email(email), kind=kind).first()
    if person is None or organization_id not in {None, person.organization_id}:
        raise Refusal(RefusalReason.NOT_FOUND)
    return person


def set_active(email: str, kind: PersonKind, *, active: bool, as_json: bool) -> None:
    """Deactivate or reactivate an administrator or an operator, and print that.

    Raises:
        Refusal: there is none with this address, or it is the last active one.
    """
    from watchword.control.base.actor import command_line
    from watchword.control.identity.models import PersonKind
    from watchword.control.identity.operator_commands import DeactivateOperator, ReactivateOperator
    from watchword.control.identity.people_commands import DeactivateAdministrator, ReactivateAdministrator

    person = person_named(email, kind)
    if kind is PersonKind.OPERATOR or person.organization_id is None:
        change_operator = ReactivateOperator if active else DeactivateOperator
        change_operator(person_id=person.pk).run(command_line())
    else:
        change_administrator = ReactivateAdministrator if active else DeactivateAdministrator
        change_administrator(organization_id=person.organization_id, person_id=person.pk).run(command_line())
    if as_json:
        print_json({"email": email, "active": active})
    elif active:
        click.echo(f"Reactivated {email}, who can sign in again.")
    else:
        click.echo(f"Deactivated {email}, who is signed out everywhere.")


def reset_factors(person: Person, *, yes: bool, as_json: bool) -> None:
    """Ask, then remove all second factors of an administrator or an operator, and print what happens next.

    Raises:
        CommandFailed: not confirmed.
    """
    from watchword.control.base.actor import command_line
    from watchword.control.identity.factors.commands import ResetFactors
    from watchword.control.identity.factors.queries import must_have_second_factor

    email = person.email
    loss = f"All passkeys, the authenticator app and the recovery codes of {email} are removed, and all sessions end."
    ask_before([loss], yes=yes)
    ResetFactors(person_id=person.pk, organization_id=person.organization_id).run(command_line())
    required = must_have_second_factor(person)
    if as_json:
        print_json({"email": email, "factors": [], "second_factor_required": required})
        return
    click.echo(f"Reset the second factor of {email}, who is signed out everywhere.")
    click.echo(
        f"Next: {email} signs in with the password, and "
        + ("must set up a second factor before anything else opens." if required else "can set up another one.")
    )


def print_people(people: Iterable[PersonRow], *, as_json: bool, empty: str) -> None:
    """A table of people, or JSON; operators have no role."""
    rows = [
        {
            "email": person.email,
            "name": person.name,
            **({"role": person.role} if person.role else {}),
            "status": person.status.value,
            "factors": [factor.value for factor in person.factors]
            if as_json
            else person.factor_names or "not set up yet",
            "last_sign_in": None if person.last_sign_in is None else iso(person.last_sign_in),
        }
        for person in people
    ]
    columns = {
        "email": "E-mail",
        "name": "Name",
        "role": "Role",
        "status": "Status",
        "factors": "Second factor",
        "last_sign_in": "Last sign-in",
    }
    if rows and "role" not in rows[0]:
        del columns["role"]
    print_rows(rows, columns, as_json=as_json, empty=empty)


def show_created(made: CreatedPerson, *, as_json: bool) -> None:
    if as_json:
        print_json({"email": made.email, "organization": made.organization_id, "link": made.link})
    elif made.link is None:
        click.echo(f"Created {made.email}, who signs in with the password given.")
    else:
        click.echo(made.link)
        click.echo(f"With this link {made.email} chooses a password, once, within a day.", err=True)
