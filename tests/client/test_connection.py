"""HTTP with a portal that misbehaves, over real TLS: where the API key goes, and which sentence is shown."""

from __future__ import annotations

import json
import socket
import traceback
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any, Self

import pytest
import trustme

from kit.certificates import EXPIRED, FOR_ANOTHER_HOST, FROM_UNKNOWN_AUTHORITY, GOOD, SELF_SIGNED, authority_pem
from kit.key_server import Behaviour, Canary, KeyServer, answers, redirects, resets_after, sends, speaks_plainly, stalls
from watchword.client import connection
from watchword.client.connection import MAX_BODY_BYTES, MAX_LINE_BYTES, Connection
from watchword.client.login import Login
from watchword.client.problems import ApiFailed, ApiRefused

if TYPE_CHECKING:
    from pathlib import Path

    from kit.certificates import ServerCertificate
    from kit.key_server import Conversation

pytestmark = pytest.mark.enable_socket

KEY = "wwk_s3cret"
SERVERS = "/organizations/acme/authorization-servers"


@pytest.fixture(autouse=True)
def authority_of_tests(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The operating system's store has the tests' authority alone."""
    (tmp_path / "authorities.pem").write_text(authority_pem())
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authorities.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))


class Client:
    """A connection whose waits take no time."""

    def __init__(self, origin: str) -> None:
        self.waits: list[int] = []
        login = Login(origin=origin, organization="acme", credential=KEY)
        self.connection = Connection(login, waiting=self.waits.append, sleep=lambda _seconds: None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def fails(self, method: str = "GET", **more: Any) -> ApiFailed:
        with pytest.raises(ApiFailed) as failed:
            self.connection.send(method, SERVERS, **more)
        # Neither the text nor what `--debug` prints holds the key.
        assert KEY not in "".join(traceback.format_exception(failed.value))
        return failed.value


def one_after_another(*behaviours: Behaviour) -> Behaviour:
    """Each request gets the next behaviour; the last one stays."""
    left = list(behaviours)

    def on_request(conversation: Conversation) -> None:
        (left.pop(0) if len(left) > 1 else left[0]).on_request(conversation)

    return Behaviour(on_request)


def problem(status: int, headers: dict[str, str] | None = None, **members: Any) -> Behaviour:
    body = json.dumps({"type": "about:blank", "status": status, **members}).encode()
    return answers(status, body, {"Content-Type": "application/problem+json", **(headers or {})})


def portal(behaviour: Behaviour, certificate: ServerCertificate = GOOD) -> KeyServer:
    """A server that reads the whole request first: closing with unread data would reset the connection."""

    def on_request(conversation: Conversation) -> None:
        begin = conversation.request.partition(b"\r\n\r\n")[2]
        missing = int(conversation.header("Content-Length") or 0) - len(begin)
        while missing > 0 and (received := conversation.connection.recv(missing)):
            missing -= len(received)
        behaviour.on_request(conversation)

    return KeyServer(Behaviour(on_request, behaviour.on_connect), certificate)


def origin(server: KeyServer) -> str:
    return f"https://127.0.0.1:{server.port}"


GOOD_ANSWER = answers(200, b'{"items": []}', {"Content-Type": "application/json"})


def test_request_has_what_the_api_needs() -> None:
    with portal(GOOD_ANSWER) as server, Client(origin(server)) as client:
        assert client.connection.send("PATCH", SERVERS, {"name": "ü"}, if_match='"1"') == {"items": []}
    (request,) = server.requests
    assert request.request.startswith(b"PATCH /api/v1/organizations/acme/authorization-servers HTTP/1.1\r\n")
    sent = {name: request.header(name) for name in ("Authorization", "If-Match", "Content-Type", "Accept-Encoding")}
    assert sent == {
        "Authorization": f"Bearer {KEY}",
        "If-Match": '"1"',
        "Content-Type": "application/json",
        "Accept-Encoding": "identity",
    }
    assert (request.header("User-Agent") or "").startswith("watchword/")
    assert len(request.header("X-Request-ID") or "") == 16


def test_empty_success_has_no_document() -> None:
    with portal(answers(204)) as server, Client(origin(server)) as client:
        assert client.connection.send("DELETE", SERVERS) is None


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_not_followed(status: int) -> None:
    with Canary() as canary:
        away = redirects(f"https://127.0.0.1:{canary.port}/", status=status)
        with portal(away) as server, Client(origin(server)) as client:
            assert "never followed with an API key" in str(client.fails())
        assert canary.count() == 0
    assert len(server.requests) == 1


@pytest.mark.parametrize("certificate", [EXPIRED, FOR_ANOTHER_HOST, FROM_UNKNOWN_AUTHORITY, SELF_SIGNED])
def test_key_is_not_sent_to_a_portal_with_a_bad_certificate(certificate: ServerCertificate) -> None:
    with portal(GOOD_ANSWER, certificate) as server, Client(origin(server)) as client:
        failure = client.fails()
    assert "is not trusted: " in str(failure)
    assert (server.requests, client.waits, server.connections) == ([], [], 1)


def test_portal_without_tls_is_reported() -> None:
    with portal(speaks_plainly(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as server, Client(origin(server)) as client:
        assert "Does the portal listen with https" in str(client.fails())


def test_environment_names_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with Canary() as canary:
        for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{canary.port}")
        with portal(GOOD_ANSWER) as server, Client(origin(server)) as client:
            client.connection.send("GET", SERVERS)
        assert canary.count() == 0


def test_problem_is_shown_with_pointers_and_request_id() -> None:
    errors = [{"in": "body", "pointer": "/issuer", "detail": "It ends with a space."}, "x", {"pointer": 1}]
    behaviour = problem(
        422,
        title="Unprocessable",
        detail="Some fields are invalid.",
        reason="fields_invalid",
        errors=errors,
        request_id="r-1",
    )
    with portal(behaviour) as server, Client(origin(server)) as client:
        failure = client.fails("POST", body={})
    assert isinstance(failure, ApiRefused)
    assert (failure.status, failure.reason) == (422, "fields_invalid")
    lines = str(failure).splitlines()
    assert lines[:2] == ["Some fields are invalid.", "  issuer: It ends with a space."]
    assert lines[-1] == "  Status 422. Request id: r-1"
    assert "  servers.yaml:3:5: It ends with a space." in failure.described({"/issuer": "servers.yaml:3:5"})
    assert len(server.requests) == 1


def test_401_says_how_to_log_in() -> None:
    with portal(problem(401, title="Unauthorized")) as server, Client(origin(server)) as client:
        assert str(client.fails()).startswith("Unauthorized (401). Run `watchword login` with a valid API key.")


def test_what_a_terminal_obeys_is_escaped() -> None:
    with portal(problem(400, title="\x1b[2J", detail="a\nb\u202e")) as server, Client(origin(server)) as client:
        assert str(client.fails()).startswith("a\\u000Ab\\u202E\n  Status 400.")


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"title": "x"}'])
def test_error_without_a_problem_document_is_a_hint_at_a_wrong_url(body: bytes) -> None:
    with portal(answers(500, body, {"Content-Type": "text/html"})) as server, Client(origin(server)) as client:
        failure = client.fails()
    assert str(failure).startswith("The portal answered with status 500 and without an explanation. Is its URL right?")
    assert f"Request id: {server.requests[0].header('X-Request-ID')}" in str(failure)


def test_malformed_problem_document_is_none() -> None:
    broken = answers(400, b"{", {"Content-Type": "application/problem+json"})
    with portal(broken) as server, Client(origin(server)) as client:
        assert "without an explanation" in str(client.fails())


@pytest.mark.parametrize("body", [b"[]", b"<html>", b'{"a": 1, "a": 2}'])
def test_success_that_is_not_json_is_refused(body: bytes) -> None:
    with portal(answers(200, body)) as server, Client(origin(server)) as client:
        assert "is not a JSON object" in str(client.fails())


@pytest.mark.parametrize(("retry_after", "seconds"), [("7", 7), ("0", 0), ("", 1), ("soon", 1), ("-1", 1)])
@pytest.mark.parametrize(
    ("method", "status"), [("GET", 429), ("POST", 429), ("DELETE", 429), ("GET", 503), ("PUT", 502)]
)
def test_request_is_repeated_after_the_time_that_the_portal_asks_for(
    method: str, status: int, retry_after: str, seconds: int
) -> None:
    behaviour = one_after_another(problem(status, {"Retry-After": retry_after}), GOOD_ANSWER)
    with portal(behaviour) as server, Client(origin(server)) as client:
        assert client.connection.send(method, SERVERS) == {"items": []}
    assert client.waits == [seconds]
    assert len({request.header("X-Request-ID") for request in server.requests}) == 2


@pytest.mark.parametrize("zone", ["GMT", "-0000"])
def test_date_in_retry_after_is_understood(zone: str) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=55), usegmt=True).replace("GMT", zone)
    behaviour = one_after_another(problem(429, {"Retry-After": date}), GOOD_ANSWER)
    with portal(behaviour) as server, Client(origin(server)) as client:
        client.connection.send("GET", SERVERS)
    # Without the date it would be 1.
    assert 1 < client.waits[0] <= 55


def test_long_wait_is_left_to_the_caller() -> None:
    with portal(problem(429, {"Retry-After": "61"}, title="Too many")) as server, Client(origin(server)) as client:
        assert str(client.fails()).startswith("Too many (429)")
    assert (client.waits, len(server.requests)) == ([], 1)


def test_attempts_are_bounded() -> None:
    with portal(problem(503, title="Down")) as server, Client(origin(server)) as client:
        assert str(client.fails()).startswith("Down (503)")
    assert (client.waits, len(server.requests)) == ([1, 2, 4], 4)


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
@pytest.mark.parametrize("behaviour", [problem(503), problem(500), resets_after(b"HTTP/1.1 200")])
def test_change_that_may_have_been_done_is_not_repeated(method: str, behaviour: Behaviour) -> None:
    with portal(behaviour) as server, Client(origin(server)) as client:
        client.fails(method)
    assert (len(server.requests), client.waits) == (1, [])


def test_broken_connection_is_tried_again() -> None:
    behaviour = one_after_another(resets_after(b"HTTP/1.1 200"), GOOD_ANSWER)
    with portal(behaviour) as server, Client(origin(server)) as client:
        assert client.connection.send("GET", SERVERS) == {"items": []}
    assert client.waits == [1]


def test_response_that_breaks_off_is_a_failure() -> None:
    cut = sends(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
    with portal(cut) as server, Client(origin(server)) as client:
        assert "broke off" in str(client.fails())
    assert len(server.requests) == 1


def test_portal_that_does_not_listen_is_reported_at_once() -> None:
    # Bound, so that no other test gets the port, but not listening.
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        with Client(f"https://127.0.0.1:{bound.getsockname()[1]}") as client:
            assert "cannot be reached (Connection refused). Is its URL right" in str(client.fails())
    assert client.waits == []


def test_portal_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connection._TIMEOUTS, "read", 0.3)
    with portal(stalls()) as server, Client(origin(server)) as client:
        assert str(client.fails()) == f"{origin(server)} did not answer in time."
    assert client.waits == []


def test_unknown_host_is_not_tried_again() -> None:
    with Client("https://portal.invalid") as client:
        assert "https://portal.invalid cannot be reached" in str(client.fails())
    assert client.waits == []


def test_endless_response_is_cut_off() -> None:
    def floods(conversation: Conversation) -> None:
        conversation.send(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n")
        conversation.repeat(b"x" * MAX_LINE_BYTES)

    with portal(Behaviour(floods)) as server, Client(origin(server)) as client:
        assert "too long" in str(client.fails())
        with pytest.raises(ApiFailed, match="line of the portal's response is too long"):
            client.connection.copy_lines(SERVERS, lambda _line: None)
    assert MAX_BODY_BYTES > MAX_LINE_BYTES


def copied(body: bytes) -> tuple[list[bytes], str]:
    """The lines, and the failure after them."""
    lines: list[bytes] = []
    with portal(answers(200, body)) as server, Client(origin(server)) as client:
        try:
            client.connection.copy_lines(SERVERS, lines.append)
        except ApiFailed as failure:
            return lines, str(failure)
    return lines, ""


def test_lines_are_copied_whole() -> None:
    assert copied(b'{"a": 1}\n{"b": 2}\n') == ([b'{"a": 1}', b'{"b": 2}'], "")
    assert copied(b"") == ([], "")
    assert copied(b'{"a": 1}\n{"b"') == ([b'{"a": 1}'], "The portal's response ended in the middle of a line.")


@pytest.mark.parametrize("failure", [BrokenPipeError(32, "Broken pipe"), OSError(28, "No space left on device")])
def test_failure_to_keep_a_line_is_none_of_the_connection(failure: OSError) -> None:
    def sink(_line: bytes) -> None:
        raise failure

    with portal(answers(200, b"{}\n")) as server, Client(origin(server)) as client, pytest.raises(OSError) as raised:  # noqa: PT011
        client.connection.copy_lines(SERVERS, sink)
    assert raised.value is failure


def test_untrusted_authority_is_not_replaced_by_another_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    monkeypatch.setenv("SSL_CERT_FILE", str(other))
    with portal(GOOD_ANSWER) as server, Client(origin(server)) as client:
        assert "is not trusted" in str(client.fails())
    assert server.requests == []
