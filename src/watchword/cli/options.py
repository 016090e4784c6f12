"""Options and types of options. A flag wins over the environment, the environment over the file."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from watchword.cli.output import compose
from watchword.settings.variables import FILE_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Callable

DEBUG_VARIABLE = "watchword.debug"


def into_environment(variable: str) -> Callable[[click.Context, click.Parameter, str | None], None]:
    """A flag becomes an environment variable, so that settings are read in one way and child processes inherit it."""

    def callback(_context: click.Context, _parameter: click.Parameter, value: str | None) -> None:
        if value is not None:
            os.environ[variable] = value

    return callback


def _database_url(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    try:
        password = urlsplit(value or "").password
    except ValueError:
        raise click.BadParameter("is not a URL, such as postgresql://host/name.") from None
    # Every user of the machine can read every process's arguments.
    if password is not None:
        raise click.BadParameter(
            "holds a password, which everybody on this machine could read; "
            "set WATCHWORD_DATABASE_URL in the environment or database_url in the file instead."
        )
    into_environment("WATCHWORD_DATABASE_URL")(context, parameter, value)


def _debug(context: click.Context, _parameter: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's own form.
    if value:
        context.find_root().meta[DEBUG_VARIABLE] = True


debug_option = click.option(
    "--debug", is_flag=True, expose_value=False, callback=_debug, help="Show the traceback of a failure."
)

settings_options = compose(
    click.option(
        "--config",
        type=click.Path(exists=True, dir_okay=False),
        expose_value=False,
        callback=into_environment(FILE_VARIABLE),
        help="Settings file.  [env: WATCHWORD_CONFIG; default: watchword.toml if there is one]",
    ),
    click.option(
        "--data-dir",
        type=click.Path(file_okay=False),
        expose_value=False,
        callback=into_environment("WATCHWORD_DATA_DIR"),
        help="Where state is kept.  [env: WATCHWORD_DATA_DIR; default: ./data]",
    ),
    click.option(
        "--database-url",
        expose_value=False,
        callback=_database_url,
        help="postgresql://user@host/name without a password.  [env: WATCHWORD_DATABASE_URL; default: SQLite]",
    ),
    debug_option,
)


class Moment(click.ParamType[datetime]):
    """A date, which means its first second in UTC, or a date and time with a time zone."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            moment = datetime.fromisoformat(value)
            if moment.tzinfo is None:
                return moment.replace(tzinfo=UTC)
            # In other time zones, parts of Python's first and last day are outside its calendar.
            return moment.astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is not a date such as 2027-01-31 or 2027-01-31T12:00:00Z.", param, ctx)
