"""`watchword administrator` and `watchword operator`: people who may sign in to the portal."""

from __future__ import annotations

import click

from watchword.cli.control_plane import open_migrated_control_plane
from watchword.cli.options import settings_options
from watchword.cli.output import compose, json_option, print_json, read_secret_from_stdin
from watchword.cli.people import CreatedPerson, create_administrator, create_operator

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
    """Create administrators of an organization."""


@click.group()
def operator() -> None:
    """Create operators, the provider's own people."""


@administrator.command("create")
@click.option("--organization", "organization_id", required=True, metavar="ID", help="Whose administrator.")
@click.option("--role", metavar="NAME", help="A role of the organization; one with every permission when left out.")
@person_options
def create(*, organization_id: str, email: str, role: str | None, password_stdin: bool, as_json: bool) -> None:
    """Create an administrator of an organization, and print a one-time sign-in link.

    The link lets that person choose a password, once, within a day. Somebody who exists already gets a new link.
    """
    control = open_migrated_control_plane()
    password = read_secret_from_stdin("Password") if password_stdin else None
    made = create_administrator(control, organization_id=organization_id, email=email, role=role, password=password)
    show(made, as_json=as_json)


@operator.command("create")
@person_options
def create_an_operator(*, email: str, password_stdin: bool, as_json: bool) -> None:
    """Create an operator, and print a one-time sign-in link.

    Operators see every organization; adding and changing authorization servers stays with their administrators.
    """
    control = open_migrated_control_plane()
    password = read_secret_from_stdin("Password") if password_stdin else None
    show(create_operator(control, email=email, password=password), as_json=as_json)


def show(made: CreatedPerson, *, as_json: bool) -> None:
    if as_json:
        print_json({"email": made.email, "organization": made.organization_id, "link": made.link})
    elif made.link is None:
        click.echo(f"Created {made.email}, who signs in with the password given.")
    else:
        click.echo(made.link)
        click.echo(f"With this link {made.email} chooses a password, once, within a day.", err=True)
