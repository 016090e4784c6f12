"""Which migrations a database has, read without Django: its connection would create a database that is not there."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from pathlib import Path

    from watchword.settings.control import ControlSettings

QUERY = "SELECT app, name FROM django_migrations"
CONNECT_SECONDS = 5


class DatabaseUnusable(Exception):
    """Its text says what is wrong and how to correct it."""


def applied_migrations(settings: ControlSettings) -> set[str]:
    """The names of the migrations, such as `access.0001_initial`.

    Raises:
        DatabaseUnusable: it does not exist or cannot be read.
    """
    if settings.database_url is None:
        return _of_sqlite(settings.data_dir / "watchword.sqlite3")
    return _of_postgresql(settings.database_url.get_secret_value())


def _of_sqlite(path: Path) -> set[str]:
    if not path.exists():
        raise DatabaseUnusable(f"There is no database {path} yet: run `watchword migrate`.")
    # Even a reader creates the -shm file of a database in WAL mode. If there is none, nobody has the database open, and
    # it can be read as a file that does not change.
    mode = "mode=ro" if path.with_name(f"{path.name}-shm").exists() else "mode=ro&immutable=1"
    try:
        connection = sqlite3.connect(f"file:{quote(str(path.absolute()))}?{mode}", uri=True, timeout=CONNECT_SECONDS)
        try:
            found = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'django_migrations'").fetchone()
            rows = [] if found is None else connection.execute(QUERY).fetchall()
        finally:
            connection.close()
    except sqlite3.Error as failure:
        raise DatabaseUnusable(f"data_dir: the database {path} cannot be read ({failure}).") from None
    return {f"{app}.{name}" for app, name in rows}


def _of_postgresql(url: str) -> set[str]:
    import psycopg

    try:
        with psycopg.connect(url, connect_timeout=CONNECT_SECONDS) as connection:
            rows = connection.execute(QUERY).fetchall()
    except psycopg.errors.UndefinedTable:
        return set()
    except psycopg.Error as failure:
        first_line = (str(failure).strip().splitlines() or [type(failure).__name__])[0]
        raise DatabaseUnusable(f"database_url: the database cannot be used ({first_line}).") from None
    return {f"{app}.{name}" for app, name in rows}
