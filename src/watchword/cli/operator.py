"""`watchword operator`: the provider's own people."""

from __future__ import annotations

import click

from watchword.cli.administrator import person_options
from watchword.cli.control_plane import open_migrated_control_plane
from watchword.cli.options import settings_options
from watchword.cli.output import json_option, print_json, read_secret_from_stdin, yes_option
from watchword.cli.people import create_operator, person_named, print_people, reset_factors, set_active, show_created


@click.group()
def operator() -> None:
    """Create, list, sign out, deactivate and reactivate operators, the provider's own people.

    Works on the database of this installation, not through the management API.
    """


@operator.command("create")
@person_options
def create(*, email: str, password_stdin: bool, as_json: bool) -> None:
    """Create an operator, and print a one-time sign-in link. An operator who exists already gets a new link.

    Operators see every organization; adding and changing authorization servers stays with their administrators.
    """
    control = open_migrated_control_plane()
    password = read_secret_from_stdin("Password") if password_stdin else None
    show_created(create_operator(control, email=email, password=password), as_json=as_json)


@operator.command("list")
@json_option
@settings_options
def list_operators(*, as_json: bool) -> None:
    """List the operators with status, second factor and last sign-in."""
    open_migrated_control_plane()
    from watchword.control.identity import queries

    print_people(queries.list_operators(), as_json=as_json, empty="No operator: `watchword operator create EMAIL`.")


@operator.command("sign-out")
@click.argument("email")
@json_option
@settings_options
def sign_out(*, email: str, as_json: bool) -> None:
    """End all sessions of an operator. The account stays active."""
    open_migrated_control_plane()
    from watchword.control.base.actor import command_line
    from watchword.control.identity.models import PersonKind
    from watchword.control.identity.operator_commands import SignOutOperator

    SignOutOperator(person_id=person_named(email, PersonKind.OPERATOR).pk).run(command_line())
    if as_json:
        print_json({"email": email, "signed_out": True})
    else:
        click.echo(f"Signed {email} out everywhere.")


@operator.command("reset-factors")
@click.argument("email")
@yes_option
@json_option
@settings_options
def reset_operator_factors(*, email: str, yes: bool, as_json: bool) -> None:
    """Remove all passkeys, the authenticator app and the recovery codes of an operator who has lost them.

    Asks before; without a terminal, --yes is needed. All sessions end. With the next password sign-in the operator must
    set up a second factor before anything else opens. Works for the last operator, too.
    """
    open_migrated_control_plane()
    from watchword.control.identity.models import PersonKind

    reset_factors(person_named(email, PersonKind.OPERATOR), yes=yes, as_json=as_json)


@operator.command("deactivate")
@click.argument("email")
@json_option
@settings_options
def deactivate(*, email: str, as_json: bool) -> None:
    """Deactivate an operator: all sessions end at once, and signing in is refused.

    The last active operator stays; create another one first.
    """
    open_migrated_control_plane()
    from watchword.control.identity.models import PersonKind

    set_active(email, PersonKind.OPERATOR, active=False, as_json=as_json)


@operator.command("reactivate")
@click.argument("email")
@json_option
@settings_options
def reactivate(*, email: str, as_json: bool) -> None:
    """Let a deactivated operator sign in again with the earlier password."""
    open_migrated_control_plane()
    from watchword.control.identity.models import PersonKind

    set_active(email, PersonKind.OPERATOR, active=True, as_json=as_json)
