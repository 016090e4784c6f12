"""What the portal logs about its pages: few lines while the database is away, and the access log if it is on."""

from __future__ import annotations

import asyncio
import logging
import re
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.urls import reverse
from structlog.testing import capture_logs

from kit.committing import append_only_again, committing
from watchword.control.entrance.access_log import logging_access

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.test import Client

    from watchword.control.identity.models import Person

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("committing")]

__all__ = ["append_only_again", "committing"]

SECRET = "one-time-secret"
PATHS = {
    f"/sign-in/{SECRET}": ("sign_in:", 404),
    "/sign-in": ("sign_in:sign-in", 200),
    f"/nowhere/{SECRET}": ("none", 404),
    f"/feed/v1/{SECRET}": ("feed:none", 401),
    "/feed/v1/changes": ("feed:changes", 401),
    f"/static/{SECRET}": ("none", 404),
}


@pytest.fixture
def django_lines() -> Iterator[list[logging.LogRecord]]:
    """What Django itself logs about requests."""
    lines: list[logging.LogRecord] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record)

    logger, keep = logging.getLogger("django.request"), Keep()
    logger.addHandler(keep)
    yield lines
    logger.removeHandler(keep)


def rename(table: str, name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f'ALTER TABLE "{table}" RENAME TO "{name}"')


def test_fo_01_pages_without_database_log_one_line_and_its_return(
    client: Client, alice: Person, django_lines: list[logging.LogRecord]
) -> None:
    client.raise_request_exception = False
    client.force_login(alice)
    rename("servers_authorizationserver", "away")
    try:
        with capture_logs() as logs:
            for _ in range(5):
                assert client.get(reverse("servers:list", args=["acme"])).status_code == 500
            client.cookies.clear()
            assert client.get(reverse("sign_in:sign-in")).status_code == 200, (
                "needs no database, and says nothing about it"
            )
    finally:
        rename("away", "servers_authorizationserver")
    assert [line["event"] for line in logs] == ["request_failed"]
    assert django_lines == []
    client.force_login(alice)
    with capture_logs() as logs:
        assert client.get(reverse("servers:list", args=["acme"])).status_code == 200
    assert [(line["event"], line["failures"]) for line in logs] == [("pages_answer_again", 5)]


def test_another_fault_of_a_page_is_logged_each_time(
    client: Client, alice: Person, django_lines: list[logging.LogRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    client.raise_request_exception = False
    client.force_login(alice)
    monkeypatch.setattr("django.contrib.auth.middleware.get_user", broken)
    for _ in range(2):
        assert client.get(reverse("servers:list", args=["acme"])).status_code == 500
    assert len(django_lines) == 2


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", SECRET.upper()])
def test_fo_08_access_log_contains_nothing_that_a_client_sent(path: str, method: str) -> None:
    from watchword.control.entrance.asgi import application  # noqa: PLC0415 - sets Django up on import.

    name = SECRET.encode()
    headers = [(b"host", b"127.0.0.1:8080"), (b"cookie", b"a=" + name), (b"x-request-id", name), (b"user-agent", name)]
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "path": path,
        "raw_path": path.encode(), "query_string": b"email=" + name, "scheme": "http", "headers": headers,
        "server": ("127.0.0.1", 8080), "client": ("192.0.2.55", 40000),
    }  # fmt: skip
    incoming = [{"type": "http.request", "body": b"", "more_body": False}]
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if not incoming:
            # Until the answer is there; the client stays.
            await asyncio.Event().wait()
        return incoming.pop()

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    with capture_logs() as logs:
        asyncio.run(logging_access(application)(scope, receive, send))
    (line,) = [line for line in logs if line["event"] == "request"]
    route, status = PATHS[path]
    assert line["route"].startswith(route)
    assert line["method"] == ("GET" if method == "GET" else "other")
    assert line["status"] == sent[0]["status"]
    assert method != "GET" or line["status"] == status
    assert line["milliseconds"] >= 0
    assert (b"x-request-id", line["request_id"].encode()) in sent[0]["headers"]
    assert re.fullmatch("[0-9a-f]{16}", line["request_id"])
    assert set(line) == {"event", "log_level", "method", "route", "status", "milliseconds", "request_id"}
    assert SECRET not in str(line).lower()


def test_fo_08_failed_request_is_in_the_access_log() -> None:
    async def broken(*_: object) -> None:
        raise ZeroDivisionError

    with capture_logs() as logs, pytest.raises(ZeroDivisionError):
        asyncio.run(logging_access(broken)({"type": "http", "method": "GET", "path": "/"}, None, None))  # type: ignore[arg-type]
    assert [line["status"] for line in logs] == [500]


def test_the_access_log_leaves_other_messages_alone() -> None:
    seen: list[Any] = []

    async def application(scope: Any, _receive: Any, _send: Any) -> None:
        seen.append(scope)

    with capture_logs() as logs:
        asyncio.run(logging_access(application)({"type": "lifespan"}, None, None))  # type: ignore[arg-type]
    assert (seen, logs) == ([{"type": "lifespan"}], [])
