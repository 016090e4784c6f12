"""`watchword migrate`, and whether a database has the migrations of this version."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from watchword.cli.options import settings_options
from watchword.cli.output import FAILED, CommandFailed, json_option, print_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.backends.base.base import BaseDatabaseWrapper

    from watchword.settings.control import ControlSettings


@click.command()
@click.option("--check", is_flag=True, help="Change nothing; exit 1 when migrations are to be applied.")
@json_option
@settings_options
@click.pass_context
def migrate(context: click.Context, *, check: bool, as_json: bool) -> None:
    """Apply this version's migrations to the database.

    Run it once before starting a new version of portal and worker. `watchword serve` without a role does it itself.
    """
    from watchword.cli.control_plane import open_control_plane

    open_control_plane()
    from django.db import connection

    names = unapplied_migrations(connection) if check else apply_migrations()
    if as_json:
        print_json({"pending" if check else "applied": names})
    else:
        for name in names:
            click.echo(f"{'pending' if check else 'applied'} {name}")
        if not names:
            click.echo("Nothing to apply; the database has all migrations of this version.")
    if check and names:
        context.exit(FAILED)


def unapplied_migrations(connection: BaseDatabaseWrapper) -> list[str]:
    """The names, such as `servers.0001_initial`, in order. Writes nothing.

    Raises:
        CommandFailed: the database cannot be upgraded.
    """
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    if any(app == "access" for app, _ in executor.loader.applied_migrations):
        raise CommandFailed(
            "The database was made by a version before 0.2.0, which was never released, and cannot be upgraded. "
            "Start with an empty database."
        )
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]


def apply_migrations() -> list[str]:
    """Apply what is missing, and return what was applied, in order."""
    from django.core.management import call_command
    from django.db import connection

    pending = unapplied_migrations(connection)
    if pending:
        call_command("migrate", interactive=False, verbosity=0)
    return pending


def require_migrated(connection: BaseDatabaseWrapper) -> None:
    """What the start of portal, worker and commands demands of the database. Writes nothing.

    Raises:
        CommandFailed: it cannot be reached or read, or lacks migrations of this version.
    """
    from django.db import Error

    try:
        lacks = unapplied_migrations(connection)
    except Error as failure:
        first_line = (str(failure).strip().splitlines() or [type(failure).__name__])[0]
        setting = "data_dir" if connection.vendor == "sqlite" else "database_url"
        raise CommandFailed(f"{setting}: the database cannot be used ({first_line}).") from failure
    if lacks:
        raise CommandFailed("The database lacks migrations of this version. Run `watchword migrate`.")


def check_database(settings: ControlSettings) -> None:
    """The same, by a connection that does not even create an empty database.

    Raises:
        CommandFailed: it does not exist, cannot be reached or read, or lacks migrations of this version.
    """
    if settings.database_url is None and not settings.sqlite_file.exists():
        raise CommandFailed(f"There is no database {settings.sqlite_file} yet. Run `watchword migrate`.")
    with read_only_connection(settings.database()) as connection:
        require_migrated(connection)


@contextmanager
def read_only_connection(database: dict[str, Any]) -> Iterator[BaseDatabaseWrapper]:
    """In the block this thread's connection is one to `database`, an entry of DATABASES, which changes nothing."""
    from django.db import connections
    from django.db.utils import ConnectionHandler

    from watchword.settings.database import read_only

    former = connections["default"]
    reader = ConnectionHandler({"default": read_only(database)})["default"]
    # Django reads the applied migrations through the connection of this name, not through its argument.
    connections["default"] = reader
    try:
        yield reader
    finally:
        reader.close()
        connections["default"] = former
