"""The API as its server calls it: limits of bodies, request ids, and problems for what Django answers by itself."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pytest

from kit import api_access
from watchword.control.base.asgi import security_headers
from watchword.control.entrance import api_requests
from watchword.control.entrance.bodies import BodyLimits, BoundedBodies

if TYPE_CHECKING:
    from collections.abc import Iterable

    from watchword.control.organizations.models import Organization

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("committing")]

SERVERS: Final = "/api/v1/organizations/acme/authorization-servers"
LARGEST: Final = 256 * 1024


@dataclass(frozen=True)
class Sent:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def problem(self) -> Any:
        assert self.headers["content-type"] == "application/problem+json"
        assert {name.lower() for name, _ in security_headers()} <= set(self.headers)
        document = json.loads(self.body)
        assert document["request_id"] == self.headers["x-request-id"]
        assert (document["status"], document["type"]) == (self.status, "about:blank")
        return document


def application() -> Any:
    from watchword.control.entrance.asgi import application as whole  # noqa: PLC0415 - sets Django up on import.

    return whole


def ask(
    method: str = "GET",
    path: str = SERVERS,
    *,
    headers: Iterable[tuple[bytes, bytes]] = (),
    body: Iterable[bytes] = (b"",),
    query: bytes = b"",
    app: Any = None,
) -> Sent:
    pieces = list(body)
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if pieces:
            return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}
        await asyncio.sleep(3600)
        raise AssertionError

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "path": path,
        "raw_path": path.encode("utf-8", "replace"), "query_string": query, "scheme": "http",
        "headers": [(b"host", b"127.0.0.1:8080"), *headers], "server": ("127.0.0.1", 8080),
        "client": ("192.0.2.9", 40000),
    }  # fmt: skip
    asyncio.run((app or application())(scope, receive, send))
    start, *rest = sent
    names = [name.decode() for name, _ in start["headers"]]
    assert len({name.lower() for name in names}) == len(names), "a header is repeated"
    return Sent(
        start["status"],
        {name.decode().lower(): value.decode() for name, value in start["headers"]},
        b"".join(message.get("body", b"") for message in rest),
    )


@pytest.fixture
def key(acme: Organization, settings: Any) -> tuple[bytes, bytes]:
    settings.ALLOWED_HOSTS = ["127.0.0.1"]
    api_access.api_role()
    return b"authorization", f"Bearer {api_access.api_key().secret}".encode()


JSON: Final = (b"content-type", b"application/json")


def test_answer_has_its_request_id_and_security_headers(key: tuple[bytes, bytes]) -> None:
    found = ask(headers=[key, (b"X-Request-ID", b"deploy-17")])
    assert (found.status, json.loads(found.body)) == (200, {"items": []})
    assert found.headers["x-request-id"] == "deploy-17"
    assert found.headers["cache-control"] == "no-store"
    assert {name.lower() for name, _ in security_headers()} <= set(found.headers)


def test_repeated_request_id_is_none(key: tuple[bytes, bytes]) -> None:
    found = ask(headers=[key, (b"x-request-id", b"one"), (b"x-request-id", b"two")])
    assert found.headers["x-request-id"] not in {"one", "two", "one,two"}


@pytest.mark.parametrize("declared", [True, False])
def test_body_of_two_megabytes_is_too_large(declared: bool, key: tuple[bytes, bytes]) -> None:  # noqa: FBT001
    length = (b"content-length", b"2097152") if declared else (b"transfer-encoding", b"chunked")
    found = ask("POST", headers=[key, JSON, length], body=[b"x" * 65536] * 32)
    assert (found.problem["status"], found.problem["reason"]) == (413, "too_large")
    assert found.headers["connection"] == "close"


def test_slow_body_is_a_problem() -> None:
    async def never(*_: object) -> None:
        raise AssertionError

    limits = BodyLimits(octets=LARGEST, grace_seconds=0.05)
    app = api_requests.identified(api_requests.with_problems(BoundedBodies(never, api_requests.refused_body, limits)))
    found = ask("POST", headers=[JSON, (b"content-length", b"9")], body=(), app=app)
    assert (found.problem["status"], found.problem["reason"]) == (408, "too_slow")


@pytest.mark.parametrize(
    ("what", "status", "reason"),
    [
        ({"headers": [(b"content-type", b"application/json; charset=utf-7")]}, 415, "media_type_unsupported"),
        ({"headers": [(b"x-more", b"a\0b")]}, 400, "request_unreadable"),
        ({"path": f"{SERVERS}\ud800"}, 400, "request_unreadable"),
        ({"query": b"\xff=1"}, 400, "request_unreadable"),
        ({"headers": [(b"authorization", b"Bearer a"), (b"authorization", b"Bearer b")]}, 400,
         "authorization_malformed"),
    ],
)  # fmt: skip
def test_what_django_cannot_read_is_a_problem(what: dict[str, Any], status: int, reason: str) -> None:
    problem = ask(**what).problem
    assert (problem["status"], problem["reason"]) == (status, reason)


@pytest.mark.parametrize(
    "path",
    [
        "/api",
        "/api/",
        "/api/v2/organizations",
        "/api/docs/",
        "/api/v1",
        "/api/v1/",
        f"/api/v1/.{SERVERS[7:]}",
        f"{SERVERS}/../api-roles",
        f"{SERVERS}//",
    ],
)
def test_path_that_is_none_of_the_apis_is_a_problem(path: str, key: tuple[bytes, bytes]) -> None:
    problem = ask(path=path, headers=[key]).problem
    assert (problem["status"], problem["reason"]) == (404, "not_found")


def test_error_that_is_no_problem_document_becomes_one() -> None:
    async def failing(_scope: Any, _receive: Any, send: Any) -> None:
        headers = [(b"content-type", b"text/html"), (b"content-length", b"4"), (b"retry-after", b"9")]
        await send({"type": "http.response.start", "status": 503, "headers": headers})
        await send({"type": "http.response.body", "body": b"html"})

    found = ask(app=api_requests.identified(api_requests.with_problems(failing)))
    assert found.problem["reason"] == "unavailable"
    assert found.headers["retry-after"] == "9"


def test_exception_is_a_problem_and_one_after_the_beginning_ends_the_response() -> None:
    async def raises(_scope: Any, _receive: Any, _send: Any) -> None:
        raise RuntimeError("secret")

    async def begins(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError("secret")

    found = ask(app=api_requests.identified(api_requests.with_problems(raises)))
    assert found.problem["reason"] == "failed"
    assert b"secret" not in found.body
    with pytest.raises(RuntimeError):
        ask(app=api_requests.identified(api_requests.with_problems(begins)))


def test_export_is_streamed(key: tuple[bytes, bytes]) -> None:
    found = ask(path="/api/v1/organizations/acme/audit-events.jsonl", headers=[key])
    events = [json.loads(line) for line in found.body.splitlines()]
    assert found.headers["content-type"] == "application/jsonl; charset=utf-8"
    assert [event["action"] for event in events][-1] == "api_key_created"


@pytest.mark.parametrize("path", ["/api/docs", "/api/administration/audit-logs/", "/apis", "/"])
def test_page_is_no_part_of_the_api(path: str) -> None:
    found = ask(path=path)
    assert found.status in {200, 302, 404}
    assert "json" not in found.headers.get("content-type", "")
