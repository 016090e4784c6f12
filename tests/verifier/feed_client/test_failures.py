"""Why a verifier does not reach its portal, in words that an operator can act on (FO-02)."""

from __future__ import annotations

import errno
import socket
import ssl
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import httpcore2
import pytest
import trustme

from kit.feed_answers import answering, failure_of
from kit.feed_server import CREDENTIAL
from kit.processes import LOOPBACK, free_port
from watchword.verifier.feed_client import http as feed_http
from watchword.verifier.feed_client.failures import connection_failure, timed_out

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.enable_socket

STATUSES = {
    302: "a redirect, which is not followed",
    400: "expect https",
    401: "does not know this verifier's credential, or it was revoked",
    403: "refuses this verifier",
    404: "no feed at this address",
    407: "demands credentials",
    429: "too many requests",
    500: "see its log",
    502: "cannot reach it",
    503: "cannot reach its database",
    504: "in time",
    418: "not a response of the portal's feed",
}


@pytest.mark.parametrize("status", STATUSES)
def test_fo_02_each_status_has_its_cause(status: int) -> None:
    with answering(b"HTTP/1.1 %d %s\r\nContent-Length: 0\r\n\r\n" % (status, CREDENTIAL.encode())) as (port, _):
        cause = failure_of(f"http://{LOOPBACK}:{port}").cause
    assert cause.startswith(f"{status}: ")
    assert STATUSES[status] in cause
    assert CREDENTIAL not in cause


def test_fo_02_refused_connection_has_its_cause() -> None:
    assert "connection refused" in failure_of(f"http://{LOOPBACK}:{free_port()}").cause


def test_fo_02_unknown_host_has_its_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    # A real resolver may be away from where the tests run, and take its time.
    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    failure = failure_of("http://portal.example")
    assert (failure.code, failure.cause) == ("connection_failed", "the host name is unknown to this machine's resolver")


def test_fo_02_silent_portal_has_its_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_http, "RESPONSE_SECONDS", 0.2)
    with socket.create_server((LOOPBACK, 0)) as silent:
        failure = failure_of(f"http://{LOOPBACK}:{silent.getsockname()[1]}")
    assert (failure.code, failure.cause) == ("timed_out", "connected, but the response took too long")


def test_fo_02_other_protocol_has_its_cause() -> None:
    with answering(b"SSH-2.0-OpenSSH\r\n\r\n") as (port, _):
        assert "not HTTP" in failure_of(f"http://{LOOPBACK}:{port}").cause


def test_fo_02_port_without_tls_has_its_cause() -> None:
    with answering(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n") as (port, _):
        assert "does not speak TLS" in failure_of(f"https://localhost:{port}").cause


NOW = datetime.now(UTC)
CERTIFICATES: dict[str, tuple[Callable[[trustme.CA], trustme.LeafCert], str]] = {
    "of an unknown CA": (lambda _: trustme.CA().issue_cert("localhost"), "unknown CA"),
    "for another host": (lambda ours: ours.issue_cert("other.example"), "another host name"),
    "expired": (
        lambda ours: ours.issue_cert(
            "localhost", not_before=NOW - timedelta(days=9), not_after=NOW - timedelta(days=1)
        ),
        "has expired",
    ),
    "of tomorrow": (
        lambda ours: ours.issue_cert(
            "localhost", not_before=NOW + timedelta(days=1), not_after=NOW + timedelta(days=9)
        ),
        "not valid yet",
    ),
}


@pytest.mark.parametrize("kind", CERTIFICATES)
def test_fo_02_each_bad_certificate_has_its_cause(authority: trustme.CA, authority_file: Path, kind: str) -> None:
    issue, words = CERTIFICATES[kind]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issue(authority).configure_cert(context)
    with answering(b"", context) as (port, _):
        failure = failure_of(f"https://localhost:{port}", authority_file)
    assert failure.code == "tls_failed"
    assert failure.cause.startswith("the portal's certificate ")
    assert words in failure.cause


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (OSError(errno.ENETUNREACH, CREDENTIAL), "no route to this network"),
        (OSError(errno.EMFILE, CREDENTIAL), "no file descriptors left"),
        (OSError(CREDENTIAL), "the connection failed"),
        (ssl.SSLError(CREDENTIAL), "the TLS handshake failed"),
        (ssl.SSLCertVerificationError(CREDENTIAL), "does not verify"),
    ],
)
def test_fo_02_other_causes_have_words_too(failure: Exception, words: str) -> None:
    wrapped = httpcore2.ConnectError(CREDENTIAL)
    wrapped.__cause__ = failure
    cause = connection_failure(wrapped).cause
    assert words in cause
    assert CREDENTIAL not in cause


def test_fo_02_unaccepted_connection_differs_from_a_silent_portal() -> None:
    assert "firewall" in timed_out(httpcore2.ConnectTimeout()).cause
