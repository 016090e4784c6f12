"""What each port of the control plane answers when the feed has one of its own: everything else is not found."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from watchword.control.access.actor import command_line
from watchword.control.fleet.commands import CreateVerifier
from watchword.control.fleet.feed import PATHS, PREFIX

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
    from watchword.control.asgi import listener  # noqa: PLC0415 - sets Django up on import.

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


def routes(patterns: list[Any], prefix: str = "") -> Iterator[str]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, f"{prefix}{pattern.pattern}")
        elif isinstance(pattern, URLPattern):
            yield f"/{prefix}{pattern.pattern}"


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
