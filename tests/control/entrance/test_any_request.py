"""FN-01: every view answers every request: never a 500, never a traceback, always the security headers.

The routes come from the table of URLs and the fields from the pages themselves, so a new view is covered as it appears.
"""

from __future__ import annotations

import asyncio
import logging
import re
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import pytest
import structlog
from django.conf import settings as django_settings
from django.db import connection
from django.urls import get_resolver

from kit import enrolled, people, registrations
from kit.api_access import api_key, api_role
from kit.routes import routes
from kit.sample_portal import session_of
from kit.signing_in import give_app, pending_session_of
from watchword.control.base.actor import Permission, command_line
from watchword.control.base.asgi import security_headers
from watchword.control.entrance.readable_requests import with_error_pages
from watchword.control.fleet.feed import Feed
from watchword.control.fleet.models import VerifierCredential
from watchword.control.fleet.verifier_commands import CreateVerifier
from watchword.control.identity.models import Role
from watchword.control.identity.operator_commands import CreateOperator
from watchword.control.servers import validate
from watchword.control.servers.models import AuthorizationServer
from watchword.jwks.findings import Findings

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("committing")]

FORM: Final = "application/x-www-form-urlencoded"
TOKEN: Final = "a" * 32
NOT_ALLOWED: Final = 405
"""Before any value is read, so one request without values shows it."""

DATES: Final = (
    "0001-01-01", "0001-01-01T00:00+14:00", "0001-01-01T00:00", "9999-12-31", "9999-12-31T23:59:59",
    "9999-12-31T23:59-14:00", "0000-00-00", "10000-01-01", "2026-02-30", "2026-11-24T00:00+23:59", "2026-W48-7",
)  # fmt: skip
ON_SQLITE: Final = connection.vendor == "sqlite"
TEXTS: Final = (
    "a\0b", "\ud800", "\U0010ffff", "x" * 5000, "9" * 4400, "9" * 16, "-1", "٣",
    # What no database sees in another way is tried on one of them.
    *(("\r\n", "<script>", "1e999", "NaN", "") if ON_SQLITE else ()),
)  # fmt: skip
ALONE: Final = ("x" * 5000, "9" * 16, *(("\ud800", "\r\n") if ON_SQLITE else ()))
"""For one field while all others are sound. The first two are the ones with which only a database finds fault."""

SOUND: Final = {
    "name": "New", "email": "new@acme.example", "role": "Newcomer", "permissions": "Activity", "version": "1",
    "starts_at": "2026-01-01T00:00:00", "expires_at": "2999-01-01T00:00:00", "api_call_threshold": "1000",
    "reason": "terms_violated", "organization_id": "initech", "administrator_email": "x@initech.example",
    "jwks_location": registrations.LOCATION, "verify_certificate": "on", "form": "csv",
    "current_password": people.PASSWORD, "password": "eleven purple bicycles sing",
    "password_again": "eleven purple bicycles sing", "code": "000000", "recovery_code": "", "passkey": "",
}  # fmt: skip
"""A value that a view takes, by the name of its field: so that one odd value is met by nothing else that is wrong."""

ADDRESSED: Final = ("organization", "who", "from", "to", "before", "after", "q", "status", "days")


# The API has its own tests of odd requests, in tests/control/api.
ROUTES: Final = sorted(route for route in set(routes(get_resolver().url_patterns)) if not route.startswith("/api/v1/"))
PARTS: Final = [ROUTES[start::4] for start in range(4)]
"""All of them, for tests that are too long for one time limit on a busy machine."""


@dataclass
class Portal:
    """The portal as its server calls it, with the people who are signed in."""

    places: dict[str, str]
    sessions: dict[str, str]
    faults: list[str] = field(default_factory=list)

    def path(self, route: str) -> str:
        return re.sub(r"<\w+:(\w+)>", lambda found: self.places[found[1]], route)

    def whose(self, route: str) -> str:
        """An organization's pages are tried by its administrator, the console's by an operator, and those of the second
        factor after a password."""
        pending = next((name for name in ("second-factor", "enrol") if f"/sign-in/{name}" in route), None)
        return self.sessions[pending or ("operator" if "operator-console" in route else "alice")]

    async def ask(
        self,
        method: str,
        path: str,
        *,
        query: bytes = b"",
        form: bytes = b"",
        kind: str = FORM,
        session: str = "",
        authorization: str = "",
        application: Any = None,
    ) -> tuple[int, bytes]:
        if application is None:
            from watchword.control.entrance.asgi import application  # noqa: PLC0415 - sets Django up on import.
        headers = [
            (b"host", b"127.0.0.1:8080"),
            (b"content-type", kind.encode("latin-1")),
            (b"content-length", str(len(form)).encode()),
            (b"x-csrftoken", TOKEN.encode()),
            (b"authorization", authorization.encode("latin-1")),
            (b"cookie", f"watchword_csrf={TOKEN}; watchword_session={session}".encode()),
        ]
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "path": path,
            "raw_path": path.encode("utf-8", "replace"), "query_string": query, "scheme": "http", "headers": headers,
            "server": ("127.0.0.1", 8080), "client": ("127.0.0.1", 40000),
        }  # fmt: skip
        incoming = [{"type": "http.request", "body": form, "more_body": False}]
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            if incoming:
                return incoming.pop()
            await asyncio.sleep(3600)
            raise AssertionError

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        await application(scope, receive, send)
        answered = {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}
        missing = [name for name, _ in security_headers() if name.lower() not in answered]
        status = int(sent[0]["status"])
        if status >= 500 or missing:
            self.faults.append(f"{method} {path} {query[:80]!r} {form[:80]!r} {kind}: {status}, without {missing}")
        return status, b"".join(message.get("body", b"") for message in sent[1:])

    async def fields(self, route: str) -> list[str]:
        """The names of the fields that the page, or the dialog on it, has itself."""
        _, body = await self.ask("GET", self.path(route), session=self.whose(route))
        names = re.findall(r'<(?:input|select|textarea|button)[^>]*?\sname="(\w+)"', body.decode("utf-8", "replace"))
        return sorted(set(names) - {"csrfmiddlewaretoken"})


@pytest.fixture
def portal(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Portal:
    # What is tried here are inputs, not outputs: nothing is fetched, and no password costs a second.
    monkeypatch.setattr(validate, "probe", lambda *_, **__: Findings(steps=()))
    settings.PASSWORD_HASHERS = ["kit.fast_argon2.FastArgon2"]
    # Browsers offer passkeys at a host name only.
    settings.WATCHWORD = settings.WATCHWORD.model_copy(update={"public_origin": "http://localhost:8080"})
    people.organization("acme")
    alice, operator = people.administrator("alice", "acme", *Permission), people.operator()
    people.administrator("bob", "acme")
    CreateVerifier(name="edge").run(command_line())
    server = registrations.add()
    assert isinstance(server, AuthorizationServer)
    places = {
        "organization": "acme",
        "person": str(alice.pk),
        "operator": str(operator.pk),
        "role": str(Role.objects.get(name="Role of bob").pk),
        "server": str(server.pk),
        "api_role": str(api_role().pk),
        "api_key": str(api_key().key.public_id),
        "operator_key": str(api_key(None, None).key.public_id),
        "session": str(server.pk),
        "domain": "acme.example",
        "passkey": str(enrolled.passkey(alice).public_id),
        "verifier": str(VerifierCredential.objects.get().pk),
        "secret": "x",
        "name": "logo.svg",
        "gateway": "nginx",
        "number": "0",
    }
    colleague = CreateOperator(email="charlie@provider.example").run(command_line())
    return Portal(
        places,
        {
            "alice": session_of(alice),
            "operator": session_of(operator),
            "second-factor": pending_session_of(give_app(colleague)),
            "enrol": pending_session_of(operator),
        },
    )


@contextmanager
def no_traceback() -> Iterator[None]:
    """Fail if anything is logged with a traceback meanwhile, or as an error."""
    found: list[str] = []

    class Finding(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.levelno >= logging.ERROR or (record.exc_info and record.exc_info[0]):
                found.append(record.getMessage()[:200])

    handler = Finding()
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)
    assert found == []


def encoded(values: dict[str, str]) -> bytes:
    return urlencode(values, errors="surrogatepass").encode()


def test_the_table_of_routes_is_read() -> None:
    assert len(ROUTES) > 45
    assert sorted(route for part in PARTS for route in part) == ROUTES
    assert all(re.sub(r"<\w+:\w+>", "", route).count("<") == 0 for route in ROUTES)


@pytest.mark.any_database
@pytest.mark.parametrize("method", ["TRACE", "OPTIONS", "PUT", "DELETE", "PATCH", "CONNECT", "FOO"])
def test_fn_01_other_methods_are_not_allowed(portal: Portal, method: str) -> None:
    async def story() -> set[int]:
        return {(await portal.ask(method, portal.path(r), session=portal.whose(r)))[0] for r in ROUTES}

    with no_traceback():
        assert asyncio.run(story()) == {405}
    assert portal.faults == []


@pytest.mark.any_database
@pytest.mark.parametrize("charset", ["utf-7", "utf-16", "rot13", "undefined", "idna", "hex", "\xff", "x" * 5000, "\0"])
def test_fn_01_forms_in_other_character_sets_are_refused(portal: Portal, charset: str) -> None:
    async def story() -> set[int]:
        return {
            (await portal.ask("POST", portal.path(r), form=b"a=b", kind=f"{FORM}; charset={charset}"))[0]
            for r in ROUTES
        }

    with no_traceback():
        assert asyncio.run(story()) == ({400} if charset == "\0" else {415})
    assert portal.faults == []


@pytest.mark.any_database
@pytest.mark.parametrize(
    ("kind", "form"),
    [
        ("multipart/form-data", b"--x"),
        ("multipart/form-data; boundary=\xff", b"--x"),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n\0\r\n--x--'),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n\0\r\n--x--',
        ),
        (FORM, b"&".join(b"n%d=1" % number for number in range(200))),
        (FORM, b"a=%00"),
        (FORM, b"%00=a"),
        (FORM, b"a=\0"),
    ],
)
def test_fn_01_other_bodies_than_forms_are_refused(portal: Portal, kind: str, form: bytes) -> None:
    async def story() -> set[int]:
        return {
            (await portal.ask("POST", portal.path(r), form=form, kind=kind, session=portal.whose(r)))[0] for r in ROUTES
        }

    with no_traceback():
        assert asyncio.run(story()) == {400}
    assert portal.faults == []


@pytest.mark.any_database
def test_fn_01_too_large_form_is_refused(portal: Portal) -> None:
    form = b"a=" + b"x" * (django_settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
    with no_traceback():
        assert asyncio.run(portal.ask("POST", "/sign-in", form=form))[0] == 413
    assert portal.faults == []


@pytest.mark.any_database
@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/sign-in/\0", b""), ("/\0/administration/activity/", b""), ("/sign-in", b"next=%00"), ("/sign-in", b"%00"),
        ("/sign-in", b"\xff\xfe"), ("/sign-in/\ud800", b""), ("/static/\0", b""),
    ],
)  # fmt: skip
def test_fn_01_unreadable_path_is_refused(portal: Portal, path: str, query: bytes) -> None:
    with no_traceback():
        assert asyncio.run(portal.ask("GET", path, query=query))[0] == 400
    assert portal.faults == []


@pytest.mark.parametrize(
    "path",
    [
        "/" + "x" * 9000, "/sign-in/" + "x" * 9000, "/sign-in/\U0010ffff", "/sessions/" + "0" * 36 + "/end/",
        f"/acme/administration/administrators/{'9' * 4000}/rename/", f"/operator-console/operators/{10**30}/sign-out/",
        f"/operator-console/verifiers/{2**63}/revoke/", f"/acme/administration/role-management/{2**63}/edit/",
    ],
)  # fmt: skip
def test_fn_01_unknown_path_is_not_found(portal: Portal, path: str) -> None:
    async def story() -> set[int]:
        return {
            (await portal.ask(method, path, session=session))[0]
            for method in ("GET", "POST")
            for session in portal.sessions.values()
        }

    with no_traceback():
        assert asyncio.run(story()) <= {302, 403, 404, 405}
    assert portal.faults == []


@pytest.mark.parametrize("part", PARTS, ids=range(4))
def test_fn_01_any_value_in_any_parameter_is_answered(portal: Portal, part: list[str]) -> None:
    async def story(route: str) -> None:
        status, _ = await portal.ask("GET", portal.path(route), session=portal.whose(route))
        if status == NOT_ALLOWED:
            return
        searched = set(ADDRESSED) & set(await portal.fields(route))
        odd = {name: DATES[:6] if name in {"from", "to"} else TEXTS[4:5] for name in ADDRESSED} if searched else {}
        addresses = [{name: value} for name, values in odd.items() for value in values]
        everywhere = (*DATES, *TEXTS) if searched else (DATES[0], *TEXTS[:3])
        for query in (*addresses, *(dict.fromkeys(ADDRESSED, value) for value in everywhere)):
            await portal.ask("GET", portal.path(route), query=encoded(query), session=portal.whose(route))

    with no_traceback():
        for route in part:
            asyncio.run(story(route))
    assert portal.faults == []


@pytest.mark.parametrize("part", PARTS, ids=range(4))
def test_fn_01_any_value_in_any_field_is_answered(portal: Portal, part: list[str]) -> None:
    async def story(route: str) -> None:
        status, _ = await portal.ask("POST", portal.path(route), session=portal.whose(route))
        if status == NOT_ALLOWED:
            return
        names = await portal.fields(route)
        sound = {name: SOUND.get(name, "") for name in names}
        for name in names:
            for value in DATES if name.endswith("_at") else ALONE:
                form = encoded({**sound, name: value})
                await portal.ask("POST", portal.path(route), form=form, session=portal.whose(route))
        for value in TEXTS:
            form = encoded(dict.fromkeys(names or ADDRESSED, value))
            await portal.ask("POST", portal.path(route), form=form, session=portal.whose(route))

    with no_traceback():
        # Signing out comes last, when nothing needs the session any more.
        for route in sorted(part, key=lambda route: "sign-out" in route):
            asyncio.run(story(route))
    assert portal.faults == []


@pytest.mark.parametrize(
    ("method", "path", "query"),
    [
        ("GET", "/feed/v1/changes", b"epoch=%00&after=1"),
        ("GET", "/feed/v1/changes", b"epoch=" + b"x" * 5000),
        ("GET", "/feed/v1/changes", b"after=" + b"9" * 5000),
        ("GET", "/feed/v1/changes", b"after=999999999999999&epoch=x"),
        ("GET", "/feed/v1/changes", b"after=%D9%A3&wait=-1"),
        ("GET", "/feed/v1/changes", b"\xff\0"),
        ("GET", "/feed/v1/\0", b""),
        ("GET", "/feed/v1/\ud800", b""),
        ("TRACE", "/feed/v1/changes", b""),
        ("FOO", "/feed/v1/usage", b""),
        ("POST", "/feed/v1/usage", b""),
        ("POST", "/feed/v1/unknown-keys", b""),
    ],
)
def test_fn_01_feed_answers_nonsense_requests(portal: Portal, method: str, path: str, query: bytes) -> None:
    credential = CreateVerifier(name="odd").run(command_line())
    feed = Feed()

    async def story() -> set[int]:
        return {
            (await portal.ask(method, path, query=query, form=form, authorization=authorization, application=feed))[0]
            for form in (b"", b"\0", b"\xff", b"[" * 6000, b'{"a":1e999}', b"9" * 5000)
            for authorization in (f"Bearer {credential}", "Bearer \0", "Bearer \xff", "Bearer " + "x" * 9000)
        }

    with no_traceback(), closing(feed):
        assert asyncio.run(story()) <= {200, 400, 401, 404, 405, 422}
    assert portal.faults == []


@pytest.mark.any_database
@pytest.mark.parametrize("begun", [False, True])
def test_fn_01_error_pages_have_security_headers(*, begun: bool) -> None:
    """Whatever Django did not catch; once the answer has begun, the server can only break it off."""

    async def broken(_scope: dict[str, Any], _receive: Any, send: Any) -> None:
        if begun:
            await send({"type": "http.response.start", "status": 200})
        raise ZeroDivisionError("Alice's secret")

    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def receive() -> dict[str, Any]:
        raise AssertionError

    scope = {"path": "/", "query_string": b"", "headers": []}
    with structlog.testing.capture_logs() as logged, suppress(ZeroDivisionError):
        asyncio.run(with_error_pages(broken)(scope, receive, send))
    assert logged == [{"event": "request_failed", "fault": "ZeroDivisionError", "log_level": "error"}]
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"][: 1 if begun else 2]
    assert {name.lower() for name, _ in security_headers()} <= {name.decode().lower() for name, _ in sent[0]["headers"]}
    assert sent[0]["status"] == (200 if begun else 500)
