"""FK-08: each attack leaves a count and one audit event, through the application as its server runs it."""

from __future__ import annotations

import asyncio
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import OperationalError, connections
from django.urls import reverse
from django.utils import timezone
from structlog.testing import capture_logs

from kit import people
from kit.sample_portal import session_of
from watchword.control.audit import refused_requests as events
from watchword.control.audit.models import AuditEvent
from watchword.control.audit.refused_requests import record, record_in_background
from watchword.control.base.actor import Permission
from watchword.control.base.refused_requests import EVENT_SECONDS, FEW, REFUSED_REQUESTS, Kind, Recorder, Series

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator

    from watchword.control.identity.models import Person

pytestmark = pytest.mark.usefixtures("committing")

ADDRESS = "192.0.2.9"
SECRET = "wv_not-a-credential"
FORM = (b"content-type", b"application/x-www-form-urlencoded")


@pytest.fixture
def recording(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[threading.Thread]]:
    """The process' recorder and feed as if they had just started; they end with the test."""
    from watchword.control.entrance import asgi  # noqa: PLC0415
    from watchword.control.fleet.feed import Feed  # noqa: PLC0415

    fresh, threads = Recorder(), list[Any]()
    for name in ("_counted", "_record"):
        monkeypatch.setattr(REFUSED_REQUESTS, name, getattr(fresh, name))
    REFUSED_REQUESTS.record_with(lambda series: threads.append(record_in_background(series)))
    with closing(Feed()) as feed:
        # A feed's threads keep their connections.
        monkeypatch.setattr(asgi._bounded_feed, "_application", feed)
        yield threads
    for thread in threads:
        thread.join(30)


def ask(method: str, path: str, *headers: tuple[bytes, bytes], body: bytes = b"", session: str = "") -> int:
    """One request to the portal's application; its status."""
    from watchword.control.entrance.asgi import application  # noqa: PLC0415 - sets Django up on import.

    cookie = f"watchword_csrf={'a' * 32}; watchword_session={session}".encode()
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "path": path,
        "raw_path": path.encode(), "query_string": b"", "scheme": "http", "server": ("127.0.0.1", 8080),
        "client": (ADDRESS, 40000), "headers": [(b"host", b"127.0.0.1:8080"), (b"cookie", cookie), *headers],
    }  # fmt: skip
    incoming = [{"type": "http.request", "body": body, "more_body": False}]
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return incoming.pop() if incoming else await asyncio.Future()

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    try:
        asyncio.run(application(scope, receive, send))
    finally:
        connections.close_all()
    return int(sent[0]["status"])


def unknown_credential(_: str) -> int:
    return ask("GET", "/feed/v1/changes", (b"authorization", f"Bearer {SECRET}".encode()))


def another_scheme(_: str) -> int:
    return ask("POST", "/feed/v1/usage", (b"authorization", b"Basic YTpi"))


def forbidden_page(session: str) -> int:
    return ask("GET", reverse("people:administrators", args=["acme"]), session=session)


def forbidden_part(session: str) -> int:
    return ask("GET", reverse("people:administrators", args=["acme"]), (b"hx-request", b"true"), session=session)


def page_of_others(session: str) -> int:
    return ask("GET", reverse("people:administrators", args=["globex"]), session=session)


def forged(session: str) -> int:
    return ask("POST", "/sign-out", FORM, (b"content-length", b"3"), body=b"a=b", session=session)


def guess(_: str) -> int:
    form = f"email=alice@acme.example&password=wrong&csrfmiddlewaretoken={'a' * 32}".encode()
    return ask("POST", "/sign-in", FORM, (b"content-length", b"%d" % len(form)), body=form)


def huge_body(_: str) -> int:
    return ask("POST", "/sign-in", (b"content-length", b"209715200"), body=b"a")


def huge_batch(_: str) -> int:
    return ask("POST", "/feed/v1/usage", (b"content-length", b"209715200"), body=b"a")


def odd_method(_: str) -> int:
    return ask("TRACE", "/sign-in")


def odd_charset(_: str) -> int:
    return ask(
        "POST", "/sign-in", (b"content-type", b"text/plain; charset=utf-7"), (b"content-length", b"1"), body=b"a"
    )


def nul_in_path(_: str) -> int:
    return ask("GET", "/sign-in\0")


ATTACKS = [
    (unknown_credential, 401, Kind.CREDENTIAL_UNKNOWN),
    (another_scheme, 401, Kind.CREDENTIAL_UNKNOWN),
    (forbidden_page, 403, Kind.PAGE_FORBIDDEN),
    (forbidden_part, 200, Kind.PAGE_FORBIDDEN),
    (page_of_others, 404, Kind.PAGE_FORBIDDEN),
    (forged, 403, Kind.PAGE_FORBIDDEN),
    (guess, 429, Kind.GUESS_THROTTLED),
    (huge_body, 413, Kind.BODY_REFUSED),
    (huge_batch, 413, Kind.BODY_REFUSED),
    (odd_method, 405, Kind.REQUEST_UNREADABLE),
    (odd_charset, 415, Kind.REQUEST_UNREADABLE),
    (nul_in_path, 400, Kind.REQUEST_UNREADABLE),
]


@pytest.fixture
def bob() -> Person:
    """May read Acme's audit log and nothing else."""
    people.organization("acme")
    people.organization("globex")
    return people.administrator("bob", "acme", Permission.AUDIT_LOGS)


@pytest.mark.parametrize(("attack", "status", "kind"), ATTACKS, ids=[attack.__name__ for attack, _, _ in ATTACKS])
def test_fk_08_an_attack_is_counted_logged_and_recorded_once(
    recording: list[threading.Thread], bob: Person, attack: Callable[[str], int], status: int, kind: Kind
) -> None:
    session = session_of(bob)
    with capture_logs() as lines:
        # A guess is throttled once six of them have failed.
        statuses = [attack(session) for _ in range(3 * FEW)]
        for thread in recording:
            thread.join(30)

    assert statuses[-1] == status
    counted = dict(REFUSED_REQUESTS.totals())
    assert counted.pop(kind) == statuses.count(status) >= FEW
    assert set(counted.values()) == {0}
    (event,) = AuditEvent.objects.filter(action="requests_refused")
    assert event.target == f"{kind.words}: {FEW} within 5 minutes"
    assert (event.organization, event.result, event.address) == (None, "refused", ADDRESS)
    assert event.actor == (bob.email if kind is Kind.PAGE_FORBIDDEN else "unknown")
    noted = [line for line in lines if line["event"] == "requests_refused"]
    assert 0 < len(noted) <= 2
    for secret in (SECRET, bob.email, "alice@acme.example", "wrong", ADDRESS):
        assert secret not in str(noted)


@pytest.mark.parametrize(
    "request_", [lambda: ask("GET", "/feed/v1/changes"), lambda: ask("GET", "/sign-in"), lambda: ask("GET", "/nowhere")]
)
def test_fk_08_what_is_no_attack_is_not_counted(recording: list[threading.Thread], request_: Callable[[], int]) -> None:
    for _ in range(FEW):
        request_()
    assert {total for _, total in REFUSED_REQUESTS.totals()} == {0}
    assert recording == []


def test_fk_08_a_portal_does_not_repeat_what_another_one_has_recorded() -> None:
    now = timezone.now()
    series = Series(kind=Kind.BODY_REFUSED, number=FEW, actor=None, address=None)
    for later in (0, 1, EVENT_SECONDS - 1, EVENT_SECONDS + 1):
        record(series, now + timedelta(seconds=later))
    record(Series(kind=Kind.GUESS_THROTTLED, number=FEW, actor=None, address=None), now)
    assert AuditEvent.objects.filter(action="requests_refused").count() == 3


def test_fk_08_a_series_that_cannot_be_recorded_is_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OperationalError

    monkeypatch.setattr(events, "record", fail)
    with capture_logs() as lines:
        record_in_background(Series(kind=Kind.BODY_REFUSED, number=FEW, actor=None, address=None)).join(30)
    assert lines == [
        {
            "event": "refused_requests_not_recorded", "log_level": "error", "kind": "body_refused",
            "fault": "OperationalError",
        }
    ]  # fmt: skip
