"""The portal that pictures are taken of, as a process: `python -m browser.stage`, driven by studio.py.

It reads names of states, one a line, lays each out in an empty database and answers with a line of JSON: the path of
the page and the cookies of who is signed in. It ends with its input.
"""

# ruff: noqa: PLC0415 - what needs Django's settings can be imported only when `main` has set Django up.

from __future__ import annotations

import json
import random
import secrets
import shutil
import string
import sys
import threading
import time
import traceback
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import django
import structlog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import TypeVar
    from wsgiref.types import StartResponse, WSGIEnvironment

    from django.http.response import HttpResponseBase

    T = TypeVar("T")


ANSWER_SECONDS: Final = 10.0
ADDRESSES: Final = {
    "api_url": "https://{organization}.api.provider.example",
    "cloud_name": "provider.example",
    "api_upstream": "orders.internal:8000",
    "gateway_verifiers": ("10.0.0.7:8081", "10.0.0.8:8081"),
}
"""What a provider sets for the pages that show how to reach the API."""


def say(**answer: object) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def fix_clock() -> None:
    """Let it always be the same moment, for Django's clock and for Python's."""
    from django.utils import timezone

    from browser.studio import PICTURE_TIME

    vars(timezone)["now"] = lambda: PICTURE_TIME
    vars(time)["time"] = PICTURE_TIME.timestamp


def fix_chance(seed: str) -> None:
    """Let everything drawn by lot come out alike: links, references, credentials. Keys stay truly random."""
    lot = random.Random(seed)  # noqa: S311 - for pictures.
    letters = string.ascii_letters + string.digits + "-_"

    def token_urlsafe(size: int = 32) -> str:
        return "".join(lot.choices(letters, k=(size * 4 + 2) // 3))

    def token_hex(size: int = 32) -> str:
        return lot.randbytes(size).hex()

    def token_bytes(size: int = 32) -> bytes:
        return lot.randbytes(size)

    def choice(options: Sequence[T]) -> T:
        return lot.choice(options)

    vars(secrets).update(token_urlsafe=token_urlsafe, token_hex=token_hex, token_bytes=token_bytes, choice=choice)


@dataclass(frozen=True)
class Laid:
    """A state that was prepared once: its database, and what was answered."""

    database: Path
    answer: dict[str, object]


class Counter:
    """How many requests are being answered. The database is never exchanged under one of them."""

    def __init__(self) -> None:
        self._change = threading.Condition()
        self._running = 0

    @contextmanager
    def one_more(self) -> Iterator[None]:
        with self._change:
            self._running += 1
        try:
            yield
        finally:
            with self._change:
                self._running -= 1
                self._change.notify_all()

    def wait_until_none(self) -> None:
        with self._change:
            self._change.wait_for(lambda: self._running == 0, timeout=ANSWER_SECONDS)


class Stage:
    """The portal's database as each state needs it."""

    def __init__(self, database: Path, requests: Counter) -> None:
        self._database = database
        self._requests = requests
        self._empty = database.with_suffix(".empty")
        shutil.copyfile(database, self._empty)
        self._laid: dict[str, Laid] = {}

    def lay(self, name: str) -> dict[str, object]:
        """Put the database into the state. A second time it is put back to the end of the first."""
        self._requests.wait_until_none()
        fix_chance(name)
        self._set(name)
        if (known := self._laid.get(name)) is not None:
            self._put(known.database)
            return known.answer
        self._put(self._empty)
        answer = self._prepare(name)
        self._close()
        kept = self._database.with_name(f"{name}.state")
        shutil.copyfile(self._database, kept)
        self._laid[name] = Laid(kept, answer)
        return answer

    @staticmethod
    def _set(name: str) -> None:
        from django.conf import settings

        from browser.studio import states
        from watchword.settings.load import load_control_settings

        settings.WATCHWORD = load_control_settings(**(ADDRESSES | states()[name].settings))

    @staticmethod
    def _prepare(name: str) -> dict[str, object]:
        from django.conf import settings

        from browser.studio import states
        from kit import sample_portal

        state = states()[name]
        person = state.prepare()
        cookies = {} if person is None else {settings.SESSION_COOKIE_NAME: sample_portal.session_of(person)}
        return {"path": state.path(), "cookies": cookies}

    def _put(self, source: Path) -> None:
        self._close()
        for left_over in ("-wal", "-shm"):
            self._database.with_name(self._database.name + left_over).unlink(missing_ok=True)
        shutil.copyfile(source, self._database)

    @staticmethod
    def _close() -> None:
        from django.db import connections

        with connections["default"].cursor() as cursor:
            # One file without a write-ahead log, so that it can be copied.
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connections.close_all()


def serving(requests: Counter, then: Callable[[str], None]) -> None:
    """Serve the portal on a free port, and call `then` with its origin."""
    from django.conf import settings
    from django.contrib.staticfiles.handlers import StaticFilesHandler
    from django.test.testcases import LiveServerThread

    class Counted(StaticFilesHandler):
        def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> HttpResponseBase:
            with requests.one_more():
                return super().__call__(environ, start_response)

    settings.ALLOWED_HOSTS = ["127.0.0.1"]
    settings.ROOT_URLCONF = "browser.stage_urls"
    server = LiveServerThread("127.0.0.1", Counted)
    server.daemon = True
    server.start()
    server.is_ready.wait()
    if server.error:
        raise server.error
    try:
        then(f"http://127.0.0.1:{server.port}")
    finally:
        server.terminate()


def main() -> None:
    django.setup()
    from django.conf import settings
    from django.core.management import call_command

    from kit import sample_portal
    from watchword.control.servers import validate

    settings.PASSWORD_HASHERS = ["kit.fast_argon2.FastArgon2"]
    # Standard output is for answers.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    call_command("migrate", verbosity=0)
    fix_clock()
    # The table of sample answers stands where the network would be.
    vars(validate)["probe"] = sample_portal.probe
    vars(validate)["discover"] = sample_portal.discover
    Stage._close()
    requests = Counter()
    stage = Stage(Path(settings.DATABASES["default"]["NAME"]), requests)

    def take_orders(origin: str) -> None:
        say(origin=origin)
        for line in sys.stdin:
            try:
                say(**stage.lay(line.strip()))
            except Exception:  # noqa: BLE001 - one state that cannot be laid out must not end all others.
                say(fault=traceback.format_exc())

    serving(requests, take_orders)


if __name__ == "__main__":
    main()
