"""Servers that answer too much, too slowly, elsewhere or with something else: J-03, J-09 to J-13."""

from __future__ import annotations

import gzip
import socket
import time
from ipaddress import ip_network
from typing import TYPE_CHECKING

import pytest

from kit import forge
from kit.broken_answers import BROKEN_ANSWERS
from kit.hostile import (
    OK,
    demands_a_client_certificate,
    dribbles_a_handshake,
    dribbles_between,
    floods_with_session_tickets,
    sends_a_bomb,
    slow_answers,
)
from kit.key_server import (
    Canary,
    KeyServer,
    answers,
    redirects,
    sends,
    serves,
    stalls_handshake,
)
from watchword.jwks.probe import FetchPolicy, Findings, Problem, probe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kit.key_server import Behaviour
    from watchword.outbound.failure import Failure

pytestmark = pytest.mark.enable_socket

GOOD_SET = forge.key_set(forge.ec_key("alice"))
SHORT = 0.5
"""Seconds that a hostile server gets in these tests instead of 5."""
BUSY = 30.0
"""Seconds that a busy machine may add."""


def look_at(server: KeyServer, *, verify_certificate: bool = True, **changes: object) -> Findings:
    return probe(server.location, verify_certificate=verify_certificate, policy=server.policy(**changes))


def problem_with(behaviour: Behaviour) -> Problem | None:
    with KeyServer(behaviour) as server:
        return look_at(server).problem


# ---------------------------------------------------------------------------------------------- J-03: somewhere else


@pytest.mark.parametrize("status", [300, 301, 302, 303, 305, 307, 308])
def test_j03_a_redirect_is_not_followed_and_its_body_not_used(status: int) -> None:
    with Canary() as canary, KeyServer(serves(GOOD_SET)) as server:
        server.behaviour = redirects(f"https://127.0.0.1:{canary.port}/", GOOD_SET, status)
        findings = look_at(server, allowed_ports=frozenset({server.port, canary.port}))
        assert findings.problem is Problem.REDIRECT_NOT_FOLLOWED
        assert findings.key_set is None
        assert canary.count() == 0
        assert server.connections == 1


def test_j03_response_headers_lead_nowhere_and_are_not_kept() -> None:
    with Canary() as canary, KeyServer(serves(GOOD_SET)) as server:
        elsewhere = f"https://127.0.0.1:{canary.port}/"
        server.behaviour = serves(
            GOOD_SET,
            headers={
                "Location": elsewhere, "Content-Location": elsewhere, "Refresh": f"0; url={elsewhere}",
                "Link": f"<{elsewhere}>; rel=canonical", "Alt-Svc": f'h2="127.0.0.1:{canary.port}"',
                "Set-Cookie": "session=acme", "Strict-Transport-Security": "max-age=1",
                "WWW-Authenticate": "Basic realm=x", "Proxy-Authenticate": "Basic realm=x",
            },
        )  # fmt: skip
        assert look_at(server).succeeded
        assert look_at(server).succeeded
        assert server.requests[0].request == server.requests[1].request
        assert canary.count() == 0


@pytest.mark.parametrize(
    ("status", "problem"),
    [
        (201, Problem.HTTP_STATUS), (203, Problem.HTTP_STATUS), (206, Problem.HTTP_STATUS), (299, Problem.HTTP_STATUS),
        (400, Problem.HTTP_REFUSED), (401, Problem.HTTP_REFUSED), (404, Problem.HTTP_REFUSED),
        (407, Problem.HTTP_REFUSED), (500, Problem.HTTP_SERVER_FAULT), (503, Problem.HTTP_SERVER_FAULT),
        (799, Problem.HTTP_STATUS),
    ],
)  # fmt: skip
def test_j03_only_status_200_is_a_key_set(status: int, problem: Problem) -> None:
    with KeyServer(answers(status, GOOD_SET, {"Content-Type": "application/json"})) as server:
        assert look_at(server).problem is problem
        assert server.connections == 1


# --------------------------------------------------------------------------------------------------- J-09: compressed


@pytest.mark.parametrize("encoding", ["gzip", "br", "zstd", "deflate", "gzip, gzip", "identity", "x", ""])
def test_j09_compressed_body_is_refused(encoding: str) -> None:
    body = gzip.compress(GOOD_SET) if encoding == "gzip" else GOOD_SET

    assert problem_with(serves(body, headers={"Content-Encoding": encoding})) is Problem.CONTENT_ENCODING


def test_j09_compressed_transfer_encoding_is_refused() -> None:
    answer = OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"

    assert problem_with(sends(answer)) is Problem.HTTP_MALFORMED


@pytest.mark.parametrize(
    ("bomb", "problem"),
    [
        (sends_a_bomb(200, "gzip"), Problem.CONTENT_ENCODING),
        (sends_a_bomb(200, ", ".join(["gzip"] * 50)), Problem.CONTENT_ENCODING),
        (sends_a_bomb(302, "gzip"), Problem.REDIRECT_NOT_FOLLOWED),
        (sends_a_bomb(503, "gzip"), Problem.HTTP_SERVER_FAULT),
        (serves(gzip.compress(GOOD_SET)), Problem.NOT_JSON),
    ],
)
def test_j09_decompression_bomb_is_refused(bomb: Behaviour, problem: Problem) -> None:
    assert problem_with(bomb) is problem


# ------------------------------------------------------------------------------------------- J-10: slow, by the clock


@pytest.mark.usefixtures("loopback_is_public")
@pytest.mark.parametrize("behaviour", [pytest.param(behaviour, id=name) for name, behaviour in slow_answers()])
def test_j10_slow_server_fails_at_the_deadline(behaviour: Behaviour) -> None:
    with KeyServer(behaviour) as server:
        started = time.monotonic()
        findings = look_at(server, total_timeout=SHORT)
        elapsed = time.monotonic() - started

    assert findings.problem is Problem.TIMED_OUT
    assert SHORT - 0.05 <= elapsed < SHORT + BUSY


@pytest.mark.usefixtures("loopback_is_public")
@pytest.mark.parametrize("behaviour", [stalls_handshake(), dribbles_a_handshake()])
def test_j10_slow_handshake_fails_at_the_deadline(behaviour: Behaviour) -> None:
    with KeyServer(behaviour) as server:
        started = time.monotonic()
        findings = look_at(server, total_timeout=SHORT)
        elapsed = time.monotonic() - started

    assert findings.problem is Problem.TIMED_OUT
    assert SHORT - 0.05 <= elapsed < SHORT + BUSY


@pytest.mark.usefixtures("loopback_is_public")
def test_j10_all_stages_share_one_deadline() -> None:
    """Each stage is fast enough; lookup, handshake and the pieces of the response together are not."""

    def slow_resolver(_host: str, _port: int) -> Sequence[str]:
        time.sleep(SHORT / 2)
        return ["127.0.0.1"]

    pieces = [OK, b"X: x\r\n", b"Content-Length: 2\r\n\r\n", b"{", b"}"]
    with KeyServer(dribbles_between(*pieces, pause=SHORT / 3)) as server:
        policy = server.policy(resolver=slow_resolver, total_timeout=SHORT, connect_timeout=SHORT)
        started = time.monotonic()
        findings = probe(server.location_at("keys.acme.example"), verify_certificate=True, policy=policy)
        elapsed = time.monotonic() - started

    assert findings.problem is Problem.TIMED_OUT
    assert elapsed < SHORT + BUSY


@pytest.mark.usefixtures("loopback_is_public")
def test_j10_server_that_does_not_read_fails_at_the_deadline() -> None:
    """A peer whose receive buffer is full blocks the sender, not only the reader."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        port = listener.getsockname()[1]
        policy = FetchPolicy(
            allowed_networks=(ip_network("127.0.0.1"),), allowed_ports=frozenset({port}), total_timeout=SHORT
        )
        started = time.monotonic()
        findings = probe(f"https://127.0.0.1:{port}/", verify_certificate=True, policy=policy)

    assert findings.problem is Problem.TIMED_OUT
    assert time.monotonic() - started < SHORT + BUSY


# ------------------------------------------------------------------------------------------ J-11: too large or broken


@pytest.mark.parametrize(("behaviour", "failure"), BROKEN_ANSWERS)
def test_j11_large_and_broken_responses_are_refused(behaviour: Behaviour, failure: Failure) -> None:
    assert problem_with(behaviour) is Problem.of(failure)


def test_j11_empty_tls_records_count_toward_the_limit() -> None:
    with KeyServer(serves(GOOD_SET), floods_with_session_tickets(10_000)) as server:
        assert look_at(server).problem is Problem.TOO_LARGE


def test_j06_no_client_certificate_is_shown() -> None:
    with KeyServer(serves(GOOD_SET), demands_a_client_certificate()) as server:
        # Either can come first: the server's alert, or the end of the connection.
        assert look_at(server).problem in {Problem.CLIENT_CERTIFICATE_DEMANDED, Problem.CONNECTION_FAILED}
        assert server.requests == []


# ------------------------------------------------------------------------------------------------- J-13: what it says


@pytest.mark.parametrize("content_type", ["text/html", "Text/HTML; charset=utf-8", "application/xhtml+xml"])
def test_j13_sign_in_page_is_refused(content_type: str) -> None:
    assert problem_with(serves(GOOD_SET, content_type=content_type)) is Problem.DECLARED_AS_HTML


@pytest.mark.parametrize(
    "content_type",
    ["application/jwk-set+json", "text/plain", "application/octet-stream", "application/json; charset=utf-16", ""],
)
def test_j13_content_type_is_ignored_and_the_document_read_as_utf8(content_type: str) -> None:
    assert problem_with(serves(GOOD_SET, content_type=content_type)) is None
    assert problem_with(serves(GOOD_SET.decode().encode("utf-16"), content_type=content_type)) is Problem.NOT_JSON


def test_j13_missing_content_type_is_accepted() -> None:
    assert problem_with(sends(OK + b"Content-Length: %d\r\n\r\n" % len(GOOD_SET) + GOOD_SET)) is None
