"""Being woken: by PostgreSQL where it can be listened to, by the poll everywhere else."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from django.db import DatabaseError, connection, transaction
from structlog.testing import capture_logs

from kit.processes import wait_until
from watchword.control.base.actor import command_line
from watchword.control.fleet import pg_notify as news
from watchword.control.fleet.commands import RotateEpoch
from watchword.control.fleet.pg_notify import CHANNEL, Listener, announce
from watchword.control.organizations.commands import CreateOrganization

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.django_db(transaction=True)


class Heard:
    """Counts what a listener tells."""

    def __init__(self) -> None:
        self.moved = 0
        self.lost = 0
        self.listener = Listener(moved=self._moved, lost=self._lost)

    def _moved(self) -> None:
        self.moved += 1

    def _lost(self) -> None:
        self.lost += 1

    def begin(self) -> None:
        """Return once it hears."""
        self.listener.start()

        def hears() -> bool:
            announce()
            return self.moved > 0

        wait_until(hears, what="the listener hears", timeout=30)

    def forget(self) -> None:
        """What was announced more than once is heard more than once."""
        before = -1
        while before != self.moved:
            before = self.moved
            time.sleep(0.5)
        self.moved = 0


@pytest.fixture
def heard() -> Iterator[Heard]:
    heard = Heard()
    yield heard
    heard.listener.close()


def tells() -> bool:
    """Whether this database can be listened to."""
    return connection.vendor == "postgresql"


def test_no_listener_without_postgresql(heard: Heard, django_assert_num_queries: Any) -> None:
    heard.listener.start()
    threads = {thread.name for thread in threading.enumerate()}
    assert ("feed-news" in threads) == tells()
    with django_assert_num_queries(1 if tells() else 0):
        announce()


def test_notification_is_sent_on_commit_only() -> None:
    if not tells():
        return

    class UndoneError(Exception):
        pass

    def announce_and_undo() -> None:
        with transaction.atomic():
            announce()
            raise UndoneError

    listening = connection.copy()
    try:
        with listening.cursor() as cursor:
            cursor.execute(f"LISTEN {CHANNEL}")
            with pytest.raises(UndoneError):
                announce_and_undo()
            with transaction.atomic():
                announce()
                announce()
            with connection.cursor() as other:
                # They come in the order of the commits, so after this one nothing is on its way any more.
                other.execute(f"NOTIFY {CHANNEL}, 'end'")
            told: list[str] = []
            while "end" not in told:
                told += [each.payload for each in cursor.connection.notifies(timeout=30, stop_after=1)]
    finally:
        listening.close()
    assert told == ["", "end"]


def test_every_change_of_the_feed_notifies(heard: Heard) -> None:
    if not tells():
        return
    heard.begin()
    heard.forget()
    CreateOrganization(organization_id="acme", name="Acme").run(command_line())
    wait_until(lambda: heard.moved > 0, what="a new organization is told", timeout=30)
    heard.forget()
    RotateEpoch().run(command_line())
    wait_until(lambda: heard.moved > 0, what="a new epoch is told", timeout=30)


def test_lost_connection_is_reported_and_replaced(heard: Heard, monkeypatch: pytest.MonkeyPatch) -> None:
    if not tells():
        return
    monkeypatch.setattr(news, "RECONNECT_SECONDS", 0.01)
    heard.begin()
    with capture_logs() as lines:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE query LIKE 'LISTEN%' AND datname = current_database()"
            )
        wait_until(lambda: heard.lost > 0, what="it is told", timeout=30)
        heard.forget()
        heard.begin()
    assert [line["event"] for line in lines] == ["feed_news_lost", "feed_news_again"]


def test_dead_connection_is_noticed(heard: Heard, monkeypatch: pytest.MonkeyPatch) -> None:
    if not tells():
        return
    monkeypatch.setattr(news, "CHECK_SECONDS", 0.0)
    heard.begin()
    with connection.cursor() as cursor:

        def uses_it() -> bool:
            cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT 1' AND pid <> pg_backend_pid()")
            return bool(cursor.fetchone()[0])

        wait_until(uses_it, what="the connection is used", timeout=30)


@pytest.mark.parametrize(
    ("fault", "event"), [(DatabaseError(), "feed_news_lost"), (ZeroDivisionError(), "feed_news_failed")]
)
def test_listener_survives_every_error(
    heard: Heard, monkeypatch: pytest.MonkeyPatch, fault: Exception, event: str
) -> None:
    def fail() -> None:
        raise fault

    monkeypatch.setattr(news, "RECONNECT_SECONDS", 0.01)
    monkeypatch.setattr(heard.listener, "_listen", fail)
    monkeypatch.setattr(connection, "vendor", "postgresql")
    with capture_logs() as lines:
        heard.listener.start()
        heard.listener.start()
        wait_until(lambda: heard.lost > 2, what="it tries again", timeout=30)
        heard.listener.close()
    assert {line["event"] for line in lines} == {event}


def test_closed_listener_does_not_restart(heard: Heard) -> None:
    heard.listener.close()
    heard.listener.start()
    assert heard.listener._thread is None
