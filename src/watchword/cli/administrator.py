"""`watchword administrator`: people of an organization who may sign in to the portal."""

from __future__ import annotations

import click

from watchword.cli.control_plane import open_migrated_control_plane
from watchword.cli.options import settings_options
from watchword.cli.output import compose, json_option, read_secret_from_stdin, yes_option
from watchword.cli.people import (
    create_administrator,
    person_named,
    print_people,
    reset_factors,
    set_active,
    show_created,
)

person_options = compose(
    click.argument("email"),
    click.option(
        "--password-stdin",
        is_flag=True,
        help="Read a password from the first line of standard input, instead of making a one-time sign-in link.",
    ),
    json_option,
    settings_options,
)


@click.group()
def administrator() -> None:
    """Create, list, deactivate and reactivate administrators of an organization.

    Works on the database of this installation, not through the management API.
    """


@administrator.command("create")
@click.option("--organization", "organization_id", required=True, metavar="ID", help="Whose administrator.")
@click.option("--role", metavar="NAME", help="A role of the organization; one with every permission when left out.")
@person_options
def create(*, organization_id: str, email: str, role: str | None, password_stdin: bool, as_json: bool) -> None:
    """Create an administrator of an organization, and print a one-time sign-in link.

    The link lets that person choose a password, once, within a day. A person who already exists gets a new link.
    """
    control = open_migrated_control_plane()
    password = read_secret_from_stdin("Password") if password_stdin else None
    made = create_administrator(control, organization_id=organization_id, email=email, role=role, password=password)
    show_created(made, as_json=as_json)


@administrator.command("list")
@click.option("--organization", "organization_id", required=True, metavar="ID", help="Whose administrators.")
@json_option
@settings_options
def list_administrators(*, organization_id: str, as_json: bool) -> None:
    """List the administrators of an organization with role, status, second factor and last sign-in."""
    open_migrated_control_plane()
    from watchword.control.identity.queries import list_people

    empty = "No administrator: `watchword administrator create EMAIL --organization ID`."
    print_people(list_people(organization_id), as_json=as_json, empty=empty)


@administrator.command("reset-factors")
@click.argument("organization_id", metavar="ORGANIZATION")
@click.argument("email")
@yes_option
@json_option
@settings_options
def reset_administrator_factors(*, organization_id: str, email: str, yes: bool, as_json: bool) -> None:
    """Remove all passkeys, the authenticator app and the recovery codes of an administrator who has lost them.

    Asks before; without a terminal, --yes is needed. All sessions end. The administrator signs in with the password and
    can set up a second factor again; where the organization requires one, nothing else opens before that.
    """
    open_migrated_control_plane()
    from watchword.control.identity.models import PersonKind

    reset_factors(person_named(email, PersonKind.ADMINISTRATOR, organization_id), yes=yes, as_json=as_json)


@administrator.command("deactivate")
@click.argument("email")
@json_option
@settings_options
def deactivate(*, email: str, as_json: bool) -> None:
    """Deactivate an administrator: all sessions end at once, and signing in is refused.

    The last one of an organization who holds every permission stays; create another one first.
    """
    open_migrated_control_plane()
    from watchword.control.identity.models import PersonKind

    set_active(email, PersonKind.ADMINISTRATOR, active=False, as_json=as_json)


@administrator.command("reactivate")
@click.argument("email")
@json_option
@settings_options
def reactivate(*, email: str, as_json: bool) -> None:
    """Let a deactivated administrator sign in again with the earlier role and password."""
    open_migrated_control_plane()
    from watchword.control.identity.models import PersonKind

    set_active(email, PersonKind.ADMINISTRATOR, active=True, as_json=as_json)
