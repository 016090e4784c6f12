"""The entry of Django's DATABASES for each database. With the feed's wake-up, the only code that tells them apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, quote, unquote, urlsplit

POOL: Final = {
    "min_size": 0,
    # With the portal's and the worker's other connections, three portals fit into PostgreSQL's usual 100.
    "max_size": 24,
    # Seconds that a page or a verifier's request waits for a connection, also while the database is away.
    "timeout": 3.0,
    # Short, as the pool waits longer before each further attempt, beyond the return of the database.
    "reconnect_timeout": 2.0,
    "max_idle": 300.0,
    "max_lifetime": 3600.0,
}


def pooled(database: dict[str, Any]) -> None:
    """Keep connections between requests, in an entry of DATABASES that no connection was made of yet."""
    if database["ENGINE"].endswith("postgresql"):
        database["OPTIONS"]["pool"] = POOL
        # Asked before each use, so that a restarted database costs no request.
        database["CONN_HEALTH_CHECKS"] = True


def sqlite(path: Path) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(path),
        "OPTIONS": {
            # A transaction that reads first and writes later would fail at once when another one wrote in between;
            # taking the write lock at the start makes it wait instead, and is what FOR UPDATE is on PostgreSQL.
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            # FULL, not NORMAL: a suspension that was acknowledged must still be there after a power cut.
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL",
        },
    }


def read_only(database: dict[str, Any]) -> dict[str, Any]:
    """An entry of DATABASES that creates and changes neither the database nor files of it."""
    if not database["ENGINE"].endswith("sqlite3"):
        return database
    path = Path(database["NAME"])
    # Even a reader creates the -shm file of a database in WAL mode. If there is none, no process has the database
    # open, and it can be read as a file that does not change.
    mode = "mode=ro" if path.with_name(f"{path.name}-shm").exists() else "mode=ro&immutable=1"
    return {
        "ENGINE": database["ENGINE"],
        "NAME": f"file:{quote(str(path.absolute()))}?{mode}",
        "OPTIONS": {"timeout": 5},
    }


def postgresql(url: str) -> dict[str, Any]:
    """Read a libpq URL. Its query, such as `sslmode=verify-full` or `host=/run/postgresql`, goes to the driver."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.removeprefix("/")),
        "USER": unquote(parts.username or query.pop("user", "")),
        "PASSWORD": unquote(parts.password or query.pop("password", "")),
        "HOST": unquote(parts.hostname or query.pop("host", "")),
        "PORT": str(parts.port or query.pop("port", "")),
        "OPTIONS": {"connect_timeout": 5, **query},
    }
