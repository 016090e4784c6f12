"""What surrounds every page: headers, cookies, hosts, static files, guards, refusals, the ASGI entrance."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import AnonymousUser
from django.db.utils import ConnectionHandler
from django.http import HttpResponse, StreamingHttpResponse
from django.test import Client, RequestFactory

from kit.people import PASSWORD
from watchword.control.base.refusals import Refusal, RefusalReason
from watchword.control.fleet.feed import PREFIX, Feed
from watchword.control.identity.models import Session
from watchword.control.identity.sign_in_link_commands import CreateSignInLink
from watchword.control.web.shell import session_end_notice as ended
from watchword.control.web.shell.middleware import Refusals, SecurityHeaders
from watchword.settings.database import sqlite
from watchword.settings.load import load_control_settings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from django.http import HttpRequest
    from pytest_django import Settings

    from watchword.control.base.actor import Actor
    from watchword.control.identity.models import Person


EVERYWHERE = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Origin-Agent-Cluster": "?1",
}


def check_headers(headers: Mapping[str, str], *, cached: bool = False, secure: bool = False) -> None:
    assert {name: headers[name] for name in EVERYWHERE} == EVERYWHERE
    assert {"camera=()", "geolocation=()", "usb=()"} <= set(headers["Permissions-Policy"].split(", "))
    # Copy buttons need it.
    assert "clipboard-write" not in headers["Permissions-Policy"]
    assert headers["Cache-Control"] == ("max-age=315360000, public, immutable" if cached else "no-store")
    assert headers.get("Strict-Transport-Security") == ("max-age=31536000" if secure else None)
    # Nothing is ever shared with another site.
    assert not [name for name in headers if name.startswith("Access-Control-")]


@pytest.mark.django_db
@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize(
    ("asked", "host", "status"),
    [
        ("GET /sign-in", "127.0.0.1", 200),
        ("HEAD /sign-in", "127.0.0.1", 200),
        ("GET /", "127.0.0.1", 302),
        ("POST /sign-in", "127.0.0.1", 422),
        ("GET /nowhere/", "127.0.0.1", 404),
        ("GET /sign-in/made-up", "127.0.0.1", 404),
        ("GET /sign-out", "127.0.0.1", 405),
        ("OPTIONS /sign-in", "127.0.0.1", 405),
        ("GET /static/0000000000000000/portal/css/base.css", "127.0.0.1", 404),
        ("GET /sign-in", "evil.example", 400),
    ],
)
def test_every_answer_has_its_headers(settings: Settings, asked: str, host: str, status: int, *, secure: bool) -> None:
    if secure:
        settings.WATCHWORD = load_control_settings(public_origin="https://portal.example")

    method, path = asked.split()
    answer = Client(SERVER_NAME=host).generic(method, path)

    assert answer.status_code == status
    check_headers(answer.headers, secure=secure)


@pytest.mark.django_db
def test_a_form_without_token_and_a_fault_of_ours_are_answered_with_the_headers_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(_: HttpRequest) -> str:
        raise ValueError

    monkeypatch.setattr(ended, "sentence", fails)
    strict = Client(enforce_csrf_checks=True, raise_request_exception=False)

    forged, failed = strict.post("/sign-in"), strict.get("/sign-in")

    assert (forged.status_code, failed.status_code) == (403, 500)
    check_headers(forged.headers)
    check_headers(failed.headers)


@pytest.mark.parametrize(
    "answer", [StreamingHttpResponse([b"a", b"b"]), HttpResponse(b"x", headers={"Content-Type": "text/csv"})]
)
def test_a_streamed_answer_has_the_headers_too(answer: HttpResponse) -> None:
    check_headers(SecurityHeaders(lambda _: answer)(RequestFactory().get("/")).headers)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", ["changes", "unknown-keys", "nowhere"])
def test_the_feed_has_the_headers_too(settings: Settings, path: str) -> None:
    settings.WATCHWORD = load_control_settings(public_origin="https://portal.example")
    scope = {"type": "http", "method": "GET", "path": f"{PREFIX}{path}", "query_string": b"", "headers": []}
    feed = Feed()

    sent = talk(scope, {"type": "http.request", "body": b"", "more_body": False}, application=feed)
    feed.close()

    headers = {name.decode().title(): value.decode() for name, value in sent[0]["headers"]}
    check_headers(headers, secure=True)


SHOWN = (
    "SESSION_COOKIE_NAME", "SESSION_COOKIE_SECURE", "SESSION_COOKIE_HTTPONLY", "SESSION_COOKIE_SAMESITE",
    "CSRF_COOKIE_NAME", "CSRF_COOKIE_SECURE", "CSRF_COOKIE_HTTPONLY", "CSRF_COOKIE_SAMESITE", "ALLOWED_HOSTS",
    "CSRF_TRUSTED_ORIGINS", "DEBUG",
)  # fmt: skip


def settings_of(origin: str, data_dir: str) -> dict[str, Any]:
    program = (
        "import json; from watchword.control import settings;"
        f"print(json.dumps({{name: getattr(settings, name) for name in {SHOWN!r}}}))"
    )
    environment = {**os.environ, "WATCHWORD_PUBLIC_ORIGIN": origin, "WATCHWORD_DATA_DIR": data_dir}
    output = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, check=True, text=True
    ).stdout
    import json  # noqa: PLC0415 - beside its only use.

    shown: dict[str, Any] = json.loads(output)
    return shown


def test_the_settings_follow_the_public_origin(tmp_path: Any) -> None:
    secure = settings_of("https://portal.example", str(tmp_path))
    plain = settings_of("http://127.0.0.1:8080", str(tmp_path))

    assert secure["SESSION_COOKIE_NAME"] == "__Host-watchword_session"
    assert secure["CSRF_COOKIE_NAME"] == "__Host-watchword_csrf"
    assert secure["SESSION_COOKIE_SECURE"] is secure["CSRF_COOKIE_SECURE"] is True
    assert secure["ALLOWED_HOSTS"] == ["portal.example"]
    assert secure["CSRF_TRUSTED_ORIGINS"] == ["https://portal.example"]
    assert plain["SESSION_COOKIE_NAME"] == "watchword_session"
    assert plain["ALLOWED_HOSTS"] == ["127.0.0.1"]
    for each in (secure, plain):
        assert each["SESSION_COOKIE_HTTPONLY"] is each["CSRF_COOKIE_HTTPONLY"] is True
        assert each["SESSION_COOKIE_SAMESITE"] == "Lax"
        assert each["DEBUG"] is False
    # Reading the settings, as type checkers do, leaves no secret key behind.
    assert not list(tmp_path.iterdir())


LASTING = {"session": 12 * 3600, "csrf": 52 * 7 * 86400, "browser": 180 * 86400, "ended": 600, "link": 3600}


@pytest.mark.parametrize("origin", ["https://portal.example", "http://127.0.0.1:8080"])
def test_every_cookie_carries_all_flags(
    alice: Person, shell: Actor, settings: Settings, tmp_path: Path, origin: str
) -> None:
    secure = origin.startswith("https")
    for name, value in settings_of(origin, str(tmp_path)).items():
        setattr(settings, name, value)
    settings.WATCHWORD = load_control_settings(public_origin=origin)
    client = Client(SERVER_NAME=urlsplit(origin).hostname)
    client.get(f"/sign-in/{CreateSignInLink(email=alice.email).run(shell)}")
    signing_in = client.post("/sign-in", {"email": alice.email, "password": PASSWORD})
    Session.objects.all().delete()
    client.get("/sessions/")

    prefix = "__Host-watchword_" if secure else "watchword_"
    cookies = {**client.cookies, **signing_in.cookies}
    assert set(cookies) == {f"{prefix}{name}" for name in ("session", "csrf", "browser", "ended", "link")}
    for name, cookie in cookies.items():
        assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/"), name
        # Any Domain would make it readable by neighbouring hosts, and browsers refuse __Host- with one.
        assert cookie["domain"] == "", name
        assert bool(cookie["secure"]) is secure, name
        assert cookie["max-age"] == LASTING[name.removeprefix(prefix)], name


def test_j_25_no_other_host_is_answered_to(client: Client) -> None:
    assert client.get("/sign-in", HTTP_HOST="evil.example").status_code == 400
    assert client.get("/sign-in", HTTP_HOST="127.0.0.1:8080", HTTP_X_FORWARDED_HOST="evil.example").status_code == 200


@pytest.mark.django_db
def test_static_files_have_their_digest_in_the_address_and_are_kept_for_ever(client: Client) -> None:
    page = client.get("/sign-in").content.decode()
    address = re.search(r'href="(/static/[0-9a-f]{16}/portal/css/[a-z]+\.css)"', page)
    assert address is not None

    answer = client.get(address[1])

    check_headers(answer.headers, cached=True)
    assert answer.status_code == 200
    assert not answer.streaming
    assert b"{" in answer.content
    assert answer.headers["Content-Type"].startswith("text/css")
    assert "immutable" in answer.headers["Cache-Control"]
    again = client.get(address[1], headers={"If-Modified-Since": answer.headers["Last-Modified"]})
    assert (again.status_code, again.content) == (304, b"")
    check_headers(again.headers, cached=True)
    assert client.get(re.sub("/static/[0-9a-f]+/", "/static/0000000000000000/", address[1])).status_code == 404


def test_the_database_is_set_up_as_it_says(tmp_path: Path, db: None) -> None:
    connection = ConnectionHandler({"default": sqlite(tmp_path / "new.sqlite3")})["default"]
    with connection.temporary_connection() as cursor:
        found = {}
        for name in ("journal_mode", "synchronous", "foreign_keys"):
            found[name] = cursor.execute(f"PRAGMA {name}").fetchone()[0]

    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def answer_to(exception: Exception) -> HttpResponse | None:
    def never(request: HttpRequest) -> HttpResponse:
        raise AssertionError

    request = RequestFactory().get("/")
    request.session = {}  # type: ignore[assignment]
    request.user = AnonymousUser()
    return Refusals(never).process_exception(request, exception)


def test_a_refusal_becomes_a_page_with_its_status_and_sentence() -> None:
    missing = answer_to(Refusal(RefusalReason.PERMISSION_MISSING, sentence="Not without API Key Management."))
    unknown = answer_to(Refusal(RefusalReason.NOT_FOUND))
    other = answer_to(Refusal(RefusalReason.SLOTS_USED_UP))

    assert missing is not None
    assert unknown is not None
    assert other is not None
    assert missing.status_code == 403
    assert b"API Key Management" in missing.content
    assert unknown.status_code == 404
    assert other.status_code == 409
    assert b"at most two authorization servers" in other.content
    assert answer_to(ValueError()) is None


def test_every_refusal_has_a_code_of_its_own_and_a_client_error() -> None:
    assert len({reason.code for reason in RefusalReason}) == len(RefusalReason)
    assert {reason.status for reason in RefusalReason} <= {401, 403, 404, 409, 422, 429}
    assert all(reason.code == reason.name.lower() for reason in RefusalReason)


def talk(scope: dict[str, Any], *incoming: dict[str, Any], application: Any = None) -> list[dict[str, Any]]:
    if application is None:
        from watchword.control.entrance.asgi import application  # noqa: PLC0415 - sets Django up on import.
    queue = list(incoming)
    sent: list[dict[str, Any]] = []

    async def story() -> None:
        async def receive() -> dict[str, Any]:
            if queue:
                return queue.pop(0)
            await asyncio.sleep(3600)
            raise AssertionError

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        await application(scope, receive, send)

    asyncio.run(story())
    return sent


@pytest.mark.django_db(transaction=True)
def test_the_entrance_sends_verifiers_to_the_feed_and_people_to_django() -> None:
    scope = {"type": "http", "method": "GET", "query_string": b"", "headers": [], "asgi": {"version": "3.0"}}
    request = {"type": "http.request", "body": b"", "more_body": False}

    feed = talk({**scope, "path": "/feed/v1/changes"}, request)
    django = talk({**scope, "path": "/sign-in", "headers": [(b"host", b"127.0.0.1:8080")]}, request)

    assert (b"www-authenticate", b"Bearer") in feed[0]["headers"]
    assert django[0]["status"] == 200
    assert b"Sign in" in django[1]["body"]
    # The last: it ends the feed's threads.
    assert [message["type"] for message in talk(
        {"type": "lifespan"}, {"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}
    )] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]  # fmt: skip


def test_there_is_no_admin_site_and_no_pickle() -> None:
    assert "django.contrib.admin" not in django_settings.INSTALLED_APPS
    assert django_settings.SESSION_SERIALIZER.endswith("JSONSerializer")
