"""`watchword migrate`."""

from __future__ import annotations

import click

from watchword.cli.control_plane import apply_migrations, open_control_plane, unapplied_migrations
from watchword.cli.options import settings_options
from watchword.cli.output import FAILED, json_option, print_json


@click.command()
@click.option("--check", is_flag=True, help="Change nothing; exit 1 when something is to be applied.")
@json_option
@settings_options
@click.pass_context
def migrate(context: click.Context, *, check: bool, as_json: bool) -> None:
    """Bring the database to the form that this version needs.

    Run it once before starting a new version of portal and worker. `watchword serve` without a role does it itself.
    """
    open_control_plane()
    names = unapplied_migrations() if check else apply_migrations()
    if as_json:
        print_json({"pending" if check else "applied": names})
    else:
        for name in names:
            click.echo(f"{'pending' if check else 'applied'} {name}")
        if not names:
            click.echo("Nothing to apply; the database has this version's form.")
    if check and names:
        context.exit(FAILED)
