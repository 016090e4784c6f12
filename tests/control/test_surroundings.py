"""What surrounds every page: headers, cookies, hosts, static files, guards, refusals, the ASGI entrance."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.test import Client, RequestFactory

from watchword.control.access.middleware import CONTENT_SECURITY_POLICY, Refusals
from watchword.control.config import load
from watchword.control.refusals import Refusal, RefusalReason

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse
    from pytest_django import Settings


@pytest.mark.django_db
@pytest.mark.parametrize(("path", "status"), [("/sign-in", 200), ("/", 302), ("/nowhere/", 404), ("/sign-out", 405)])
def test_every_answer_has_its_headers(client: Client, path: str, status: int) -> None:
    answer = client.get(path)

    assert answer.status_code == status
    assert answer.headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Strict-Transport-Security" not in answer.headers


def test_the_policy_lets_nothing_inline_run() -> None:
    assert CONTENT_SECURITY_POLICY == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    )


@pytest.mark.django_db
def test_behind_https_browsers_are_told_to_stay_there(client: Client, settings: Settings) -> None:
    settings.WATCHWORD = load(public_origin="https://portal.example")

    assert client.get("/sign-in").headers["Strict-Transport-Security"].startswith("max-age=")


SHOWN = (
    "SESSION_COOKIE_NAME", "SESSION_COOKIE_SECURE", "SESSION_COOKIE_HTTPONLY", "SESSION_COOKIE_SAMESITE",
    "CSRF_COOKIE_NAME", "CSRF_COOKIE_SECURE", "CSRF_COOKIE_HTTPONLY", "ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS", "DEBUG",
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


def test_j_25_no_other_host_is_answered_to(client: Client) -> None:
    assert client.get("/sign-in", HTTP_HOST="evil.example").status_code == 400
    assert client.get("/sign-in", HTTP_HOST="127.0.0.1:8080", HTTP_X_FORWARDED_HOST="evil.example").status_code == 200


@pytest.mark.django_db
def test_static_files_have_their_digest_in_the_address_and_are_kept_for_ever(client: Client) -> None:
    page = client.get("/sign-in").content.decode()
    address = re.search(r'href="(/static/[0-9a-f]{16}/portal/css/[a-z]+\.css)"', page)
    assert address is not None

    answer = client.get(address[1])

    assert answer.status_code == 200
    assert not answer.streaming
    assert b"{" in answer.content
    assert answer.headers["Content-Type"].startswith("text/css")
    assert "immutable" in answer.headers["Cache-Control"]
    again = client.get(address[1], headers={"If-Modified-Since": answer.headers["Last-Modified"]})
    assert (again.status_code, again.content) == (304, b"")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert client.get(re.sub("/static/[0-9a-f]+/", "/static/0000000000000000/", address[1])).status_code == 404


def test_the_database_is_set_up_as_it_says(db: None) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("about SQLite's own switches")
    with connection.cursor() as cursor:
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
    missing = answer_to(Refusal(RefusalReason.PERMISSION_MISSING, permission="API Key Management"))
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
    assert {reason.status for reason in RefusalReason} <= {403, 404, 409, 422, 429}
    assert all(reason.code == reason.name.lower() for reason in RefusalReason)


def talk(scope: dict[str, Any], *incoming: dict[str, Any]) -> list[dict[str, Any]]:
    from watchword.control.asgi import application  # noqa: PLC0415 - sets Django up on import.

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
