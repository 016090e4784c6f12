"""Wakes every portal through PostgreSQL's NOTIFY when the feed changes. On SQLite long_poll.py polls."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

import structlog
from django.db import DatabaseError, connection

from watchword.runtime.outages import Outage

if TYPE_CHECKING:
    from collections.abc import Callable

CHANNEL: Final = "watchword_feed"
RECONNECT_SECONDS: Final = 1.0
CHECK_SECONDS: Final = 30.0
"""How often the connection is used, so that a dead one is noticed and replaced."""

_STOP_SECONDS: Final = 0.25

_log = structlog.get_logger("watchword.feed")


def announce() -> None:
    """Notify every portal of a change of the feed when the caller's transaction commits."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"NOTIFY {CHANNEL}")


class Listener:
    """Listens on one connection per process, in its own thread.

    It only makes the feed faster: polling covers a lost connection, and a connection pooler that drops notifications.

    Args:
        moved: called in the listener's thread when the feed has changed.
        lost: called in it when the connection is lost.
    """

    def __init__(self, *, moved: Callable[[], None], lost: Callable[[], None]) -> None:
        self._moved = moved
        self._lost = lost
        self._stop = threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._outage = Outage(_log, "feed_news_lost", over="feed_news_again", level="warning")
        self._fault = Outage(_log, "feed_news_failed", over="feed_news_again")

    def start(self) -> None:
        """Begin to listen if the database is PostgreSQL. Further calls do nothing."""
        with self._starting:
            if self._thread is None and connection.vendor == "postgresql" and not self._stop.is_set():
                self._thread = threading.Thread(target=self._run, name="feed-news", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """End the thread and its connection."""
        with self._starting:
            self._stop.set()
            if self._thread is not None:
                self._thread.join(timeout=10)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._listen()
            except DatabaseError as failure:
                self._outage.failed(fault=type(failure).__name__)
            except Exception as fault:  # noqa: BLE001 - this thread must survive, or every change would be late.
                self._fault.failed(fault=type(fault).__name__)
            finally:
                _end_connection()
            self._lost()
            self._stop.wait(RECONNECT_SECONDS)

    def _listen(self) -> None:
        with connection.cursor() as cursor, connection.wrap_database_errors:
            cursor.execute(f"LISTEN {CHANNEL}")
            self._outage.succeeded()
            self._fault.succeeded()
            checked_at = time.monotonic()
            while not self._stop.is_set():
                for _ in cursor.connection.notifies(timeout=_STOP_SECONDS, stop_after=1):
                    self._moved()
                if time.monotonic() - checked_at > CHECK_SECONDS:
                    cursor.execute("SELECT 1")
                    checked_at = time.monotonic()


def _end_connection() -> None:
    # Close it instead of returning it to the pool, where it would go on listening.
    if connection.connection is not None:
        connection.connection.close()
    connection.close()
