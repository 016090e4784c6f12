"""Makes the control plane usable in this process: settings read, Django set up, database at hand."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from watchword.cli.output import CommandFailed

if TYPE_CHECKING:
    from watchword.settings.control import ControlSettings

SETTINGS_MODULE = "watchword.control.settings"


def control_settings() -> ControlSettings:
    """The settings from flags, environment and file.

    Raises:
        SettingsProblem: one sentence for each wrong setting.
    """
    from watchword.settings.load import load_control_settings

    return load_control_settings()


def open_control_plane() -> ControlSettings:
    """Set Django up. Call before importing any model.

    Raises:
        SettingsProblem: one sentence for each wrong setting.
    """
    settings = control_settings()
    settings.read_or_create_secret_key()
    _set_up_django()
    return settings


def _set_up_django() -> None:
    import django
    from django.conf import settings as django_settings

    if not django_settings.configured:
        # Set and not only defaulted: a shell set up for another Django project must not redirect the command.
        os.environ["DJANGO_SETTINGS_MODULE"] = SETTINGS_MODULE
    django.setup()
    from watchword.control.base import hooks

    hooks.require_registered()


def known_migrations() -> set[str]:
    """The names of this version's migrations. Opens no database and writes nothing."""
    _set_up_django()
    from django.db.migrations.loader import MigrationLoader

    return {f"{app}.{name}" for app, name in MigrationLoader(None).disk_migrations}


def open_migrated_control_plane() -> ControlSettings:
    """As `open_control_plane`, for commands that read or write rows.

    Raises:
        CommandFailed: the database has not this version's form.
    """
    settings = open_control_plane()
    if unapplied_migrations():
        raise CommandFailed("The database does not have this version's form yet. Run `watchword migrate`.")
    return settings


def unapplied_migrations() -> list[str]:
    from django.db import connection
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

    pending = unapplied_migrations()
    if pending:
        call_command("migrate", interactive=False, verbosity=0)
    return pending
