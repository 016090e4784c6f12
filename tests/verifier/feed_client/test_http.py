from __future__ import annotations

import json
import socket
import ssl
from typing import TYPE_CHECKING

import pytest
import trustme

from kit import live
from kit.feed_answers import answering, connected, failure_of
from kit.feed_server import CREDENTIAL, FeedServer, feed_server
from kit.processes import LOOPBACK, free_port
from watchword.feed import decode_page
from watchword.verifier.feed_client import http as feed_http
from watchword.verifier.feed_client.failures import CredentialRefused
from watchword.verifier.unknown_keys import UnknownKey, report_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.enable_socket


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with feed_server() as running:
        yield running


def test_it_asks_with_its_credential_and_its_name(server: FeedServer) -> None:
    server.publish(live.trust())
    with connected(server.origin) as feed:
        page = decode_page(json.loads(feed.changes(epoch="", after=0, wait=0)))
    assert [trust.organization for trust in page.changes] == ["acme"]
    assert server.headers["Watchword-Node"] == "node-1"
    assert server.headers["Watchword-Version"] == "1.2.3"
    assert server.headers["Accept-Encoding"] == "identity"


def test_fi_01_it_says_whose_trust_it_does_not_understand(server: FeedServer) -> None:
    with connected(server.origin) as feed:
        feed.changes(epoch="", after=0, wait=0)
        assert server.headers["watchword-not-understood"] == "0"
        feed.changes(epoch="", after=0, wait=0, not_understood=["acme", "globex"])
        assert server.headers["watchword-not-understood"] == "2 acme globex"


def test_it_reports_unknown_keys(server: FeedServer) -> None:
    with connected(server.origin) as feed:
        feed.report_unknown_keys(report_of((UnknownKey("acme", "rotated", repeated=False),)))
    assert server.reports == [("acme", "rotated")]


def test_it_reports_usage(server: FeedServer) -> None:
    with connected(server.origin) as feed:
        feed.report_usage(b"a batch")
    assert server.batches == [b"a batch"]


def test_a_refused_credential_is_told_apart(server: FeedServer) -> None:
    with connected(server.origin, credential="wwv_revoked") as feed, pytest.raises(CredentialRefused):
        feed.changes(epoch="", after=0, wait=0)


def test_nobody_there() -> None:
    assert failure_of(f"http://{LOOPBACK}:{free_port()}").code == "connection_failed"


ANSWERS = {
    "redirect": (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n", "http_302"),
    "error": (b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", "http_500"),
    "204 where 200 is due": (b"HTTP/1.1 204 No Content\r\n\r\n", "http_204"),
    "garbage": (b"SSH-2.0-OpenSSH\r\n\r\n", "protocol_error"),
    "cut short": (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", "protocol_error"),
    "too large": (b"HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n" + b"x" * 2000, "answer_too_large"),
}


@pytest.mark.parametrize("what", ANSWERS)
def test_any_other_answer_is_a_failure_with_a_code(monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    monkeypatch.setattr(feed_http, "MAX_PAGE_BYTES", 1000)
    answer, code = ANSWERS[what]
    with answering(answer) as (port, _):
        raised = failure_of(f"http://{LOOPBACK}:{port}")
    assert raised.code == code
    assert CREDENTIAL not in repr(raised)
    assert raised.__cause__ is None


def test_a_silent_control_plane_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_http, "RESPONSE_SECONDS", 0.2)
    with socket.create_server((LOOPBACK, 0)) as silent:
        raised = failure_of(f"http://{LOOPBACK}:{silent.getsockname()[1]}")
    assert raised.code == "timed_out"


def test_an_answer_that_drips_in_ends_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_http, "PAGE_SECONDS", -1.0)
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
    with answering(answer) as (port, _):
        raised = failure_of(f"http://{LOOPBACK}:{port}")
    assert raised.code == "timed_out"


PAGE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


def _server_context(authority: trustme.CA, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


def test_the_portal_is_verified_by_the_given_authority(authority: trustme.CA, authority_file: Path) -> None:
    with (
        answering(PAGE, _server_context(authority, "localhost")) as (port, asked),
        connected(f"https://localhost:{port}", authority_file=authority_file) as feed,
    ):
        assert feed.changes(epoch="", after=0, wait=0) == b"{}"
    assert asked


@pytest.mark.parametrize("what", ["an authority nobody trusts", "a certificate for another host"])
def test_an_impostor_never_sees_the_credential(authority: trustme.CA, authority_file: Path, what: str) -> None:
    if what == "an authority nobody trusts":
        context = _server_context(trustme.CA(), "localhost")
    else:
        context = _server_context(authority, "other.example")
    with answering(PAGE, context) as (port, asked):
        raised = failure_of(f"https://localhost:{port}", authority_file)
    assert raised.code == "tls_failed"
    assert not any(asked)
