"""What each port of the control plane answers when the feed has one of its own: everything else is not found."""

from __future__ import annotations

import asyncio
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import pytest
from django.db import OperationalError
from django.urls import get_resolver

from kit.routes import routes
from watchword.control.base.actor import command_line
from watchword.control.entrance.bodies import BodyLimits
from watchword.control.fleet.feed import PATHS, PREFIX, Feed
from watchword.control.fleet.verifier_commands import CreateVerifier

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.django_db(transaction=True)

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "FOO")
ODD: Final = (
    "", "*", "/", "//", "/feed", "/feed/", "/feed/v1", "/feed/v2/changes", "/FEED/V1/changes", "//feed/v1/changes",
    "/./feed/v1/changes", "/x/../feed/v1/changes", "/feed/v1\\changes", "/\0", "/\udcff", "/readyz", "/metrics",
)  # fmt: skip
"""No path of the feed, though some come near."""

BELOW: Final = ("", "changes/", "changes\0", "../../sign-in", "nothing", "CHANGES", "\udcff")
"""Below the feed's prefix, and nothing of the feed."""


def ask(path: str, method: str, *, feed: bool, secret: str = "") -> tuple[int, dict[bytes, bytes]]:
    """The status and headers with which one port answers."""
    from watchword.control.entrance.asgi import listener  # noqa: PLC0415 - sets Django up on import.

    credential = [(b"authorization", f"Bearer {secret}".encode())] if secret else []
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "path": path,
        "raw_path": path.encode("utf-8", "surrogateescape"), "query_string": b"", "scheme": "http",
        "server": ("127.0.0.1", 8084), "client": ("192.0.2.1", 40000),
        "headers": [(b"host", b"127.0.0.1:8080"), *credential],
    }  # fmt: skip
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(listener(feed=feed, pages=not feed)(scope, receive, send))
    return sent[0]["status"], dict(sent[0]["headers"])


LIMITS: Final = BodyLimits(octets=1000, grace_seconds=600, longest_seconds=600, unfinished=3)
"""Few at the same time, and so long that a busy machine ends none of them."""


@pytest.fixture(autouse=True)
def feed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A feed whose threads, and their connections, end with the test."""
    from watchword.control.entrance import asgi  # noqa: PLC0415 - sets Django up on import.

    with closing(Feed()) as opened:
        monkeypatch.setattr(asgi, "_feed", opened)
        for bounded in (asgi._bounded_feed, asgi._bounded_unauthenticated):
            monkeypatch.setattr(bounded, "_application", opened)
            monkeypatch.setattr(bounded, "_limits", LIMITS)
        yield


@pytest.fixture
def secret() -> str:
    return CreateVerifier(name="edge").run(command_line())


def test_fk_02_no_page_is_on_the_port_of_the_feed(secret: str) -> None:
    paths = [*routes(get_resolver().url_patterns), "/static/x.css", *ODD]
    assert len(paths) > 60
    answers = {(path, method): ask(path, method, feed=True, secret=secret) for path in paths for method in METHODS}
    assert {key for key, (status, _) in answers.items() if status != 404} == set()
    assert {key for key, (_, headers) in answers.items() if headers.get(b"connection") != b"close"} == set()


def test_fk_02_no_path_of_the_feed_is_on_the_port_of_the_portal(secret: str) -> None:
    for path in (*PATHS, *BELOW):
        for method in METHODS:
            assert ask(f"{PREFIX}{path}", method, feed=False, secret=secret)[0] == 404


def test_fk_02_feed_on_its_port_asks_for_a_credential_first(secret: str) -> None:
    for path in (*PATHS, *BELOW):
        for method in METHODS:
            status, headers = ask(f"{PREFIX}{path}", method, feed=True)
            assert (status, headers[b"connection"]) == (401, b"close")
    assert ask(f"{PREFIX}changes", "GET", feed=True, secret=secret)[0] == 200
    assert {ask(f"{PREFIX}{path}", "GET", feed=True, secret=secret)[0] for path in BELOW} == {404}
    for path in PATHS:
        wrong = [method for method in METHODS if method not in {"GET", "POST"}]
        assert {ask(f"{PREFIX}{path}", method, feed=True, secret=secret)[0] for method in wrong} == {405}


@dataclass
class Sender:
    """A batch of usage whose second half arrives when `rest` is set; `status` is the response's."""

    secret: str
    rest: asyncio.Event = field(default_factory=asyncio.Event)
    began: asyncio.Event = field(default_factory=asyncio.Event)
    status: int | None = None

    async def post(self) -> None:
        from watchword.control.entrance.asgi import feed_application  # noqa: PLC0415 - sets Django up on import.

        scope = {
            "type": "http", "method": "POST", "path": f"{PREFIX}usage", "query_string": b"", "client": None,
            "headers": [(b"authorization", f"Bearer {self.secret}".encode()), (b"content-length", b"2")],
        }  # fmt: skip
        await feed_application(scope, self._receive, self._send)

    async def _receive(self) -> dict[str, Any]:
        if not self.began.is_set():
            self.began.set()
            return {"type": "http.request", "body": b"{", "more_body": True}
        await self.rest.wait()
        return {"type": "http.request", "body": b"}", "more_body": False}

    async def _send(self, message: dict[str, Any]) -> None:
        self.status = message.get("status", self.status)


def test_fk_02_unauthenticated_bodies_do_not_end_a_verifiers_body(secret: str) -> None:
    async def story() -> tuple[int | None, list[int | None]]:
        verifier = Sender(secret)
        strangers = [Sender(f"wwv_{number}") for number in range(LIMITS.unfinished + 1)]
        async with asyncio.TaskGroup() as tasks:
            for sender in (verifier, *strangers):
                tasks.create_task(sender.post())
                await sender.began.wait()
            for sender in (verifier, *strangers):
                sender.rest.set()
        return verifier.status, [stranger.status for stranger in strangers]

    of_verifier, of_strangers = asyncio.run(story())
    # Read to its end: it is no batch.
    assert of_verifier == 422
    assert of_strangers == [408, 401, 401, 401]


def test_fk_02_a_body_gets_503_while_the_database_is_away(secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(_secret: str) -> None:
        raise OperationalError

    async def story() -> int | None:
        sender = Sender(secret)
        sender.rest.set()
        await sender.post()
        return sender.status

    monkeypatch.setattr("watchword.control.fleet.feed.verifier_of_secret", away)
    assert asyncio.run(story()) == 503
