"""Prepares this process for the control plane: reads the settings, sets Django up, checks the database."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from watchword.cli.migrations import require_migrated

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
    set_up_django()
    return settings


def set_up_django() -> None:
    """Load Django's applications. Opens no database and writes nothing."""
    import django
    from django.conf import settings as django_settings

    if not django_settings.configured:
        # Overwritten: a shell that is set up for another Django project must not redirect the command.
        os.environ["DJANGO_SETTINGS_MODULE"] = SETTINGS_MODULE
    django.setup()
    from watchword.control.base import hooks

    hooks.require_registered()


def open_migrated_control_plane() -> ControlSettings:
    """As `open_control_plane`, for commands that read or write rows.

    Raises:
        CommandFailed: the database lacks migrations of this version.
    """
    settings = open_control_plane()
    from django.db import connection

    require_migrated(connection)
    return settings
