"""A process that runs one installation's actions of kit.operator_desk, one after the other.

A new process for each would import Django again, a third of a second of a core. The desks' parent is a server that has
imported Django once, without any settings; a desk is forked from it when it is first used.
"""

from __future__ import annotations

import atexit
import io
import multiprocessing
import os
import shutil
import sys
import tempfile
import traceback
from contextlib import redirect_stderr, redirect_stdout
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from kit.operator_desk import MIGRATED, run

if TYPE_CHECKING:
    from collections.abc import Mapping
    from multiprocessing.connection import Connection

ANSWER_SECONDS: Final = 60.0

_SERVER: Final = multiprocessing.get_context("forkserver")
# Of these, none reads settings when it is imported.
_SERVER.set_forkserver_preload(
    [
        *("argon2", "django.contrib.auth", "django.contrib.sessions", "django.core.management", "django.db.models"),
        *("django.db.backends.sqlite3.base", "psycopg", "structlog", "watchword.core.jwk", "watchword.settings.load"),
    ]
)


@cache
def _kept() -> Path:
    """A folder for what desks of this test run share."""
    folder = Path(tempfile.mkdtemp(prefix="watchword-desks-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


class DeskFailedError(AssertionError):
    """An action failed; the message has its traceback."""


class Desk:
    """The process for one environment. It has no connection to the database between two actions."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        given = {**environment, MIGRATED: str(_kept() / "migrated.sqlite3")}
        self._connection, far_end = _SERVER.Pipe()
        self._process = _SERVER.Process(target=_serve, args=(given, far_end), daemon=True)
        self._process.start()
        far_end.close()

    def run(self, *arguments: str) -> str:
        """What the action wrote."""
        self._connection.send(arguments)
        if not self._connection.poll(ANSWER_SECONDS):
            raise DeskFailedError(f"{' '.join(arguments)} did not end within {ANSWER_SECONDS:g} s")
        written, fault = self._connection.recv()
        if fault:
            raise DeskFailedError(f"{' '.join(arguments)} failed:\n{written}{fault}")
        return str(written)

    def close(self) -> None:
        self._process.kill()
        self._process.join()
        self._connection.close()


def _serve(environment: dict[str, str], connection: Connection) -> None:
    os.environ.clear()
    os.environ.update(environment)
    while True:
        try:
            arguments = connection.recv()
        except EOFError:
            return
        connection.send(_answer(arguments))


def _answer(arguments: tuple[str, ...]) -> tuple[str, str]:
    """What was written, and the traceback if it failed."""
    written = io.StringIO()
    try:
        with redirect_stdout(written), redirect_stderr(sys.__stderr__):
            run(*arguments)
    except Exception:  # noqa: BLE001 - the test shows it.
        return written.getvalue(), traceback.format_exc()
    finally:
        _disconnect()
    return written.getvalue(), ""


def _disconnect() -> None:
    """The next action must not meet a connection to a database that was stopped meanwhile."""
    from django.db import connections  # noqa: PLC0415 - for the desk alone: the test's process may have no Django.

    connections.close_all()
