"""What a failure tells an administrator, and what it must not reveal (J-14, J-15)."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from kit import forge
from kit.hostile import OK, dribbles_a_handshake, dribbles_between, hangs_up, speaks_old_tls
from kit.key_server import Behaviour, KeyServer, answers, resets, sends, serves, speaks_plainly, stalls_handshake
from watchword.jwks.fetch import fetch
from watchword.jwks.findings import Journal, ProbeFailed
from watchword.jwks.probe import Findings, Problem, probe
from watchword.outbound import transport

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

    from watchword.outbound.address import Address
    from watchword.outbound.deadline import Deadline

pytestmark = pytest.mark.enable_socket

GOOD_SET = forge.key_set(forge.ec_key("alice"))
BUSY = 30.0
"""Seconds that a busy machine may add."""


def look_at(server: KeyServer, **changes: object) -> Findings:
    return probe(server.location, verify_certificate=True, policy=server.policy(**changes))


NO_TLS_SERVER: list[tuple[str, Behaviour]] = [
    ("resets", resets()),
    ("hangs up", hangs_up()),
    ("is silent", stalls_handshake()),
    ("dribbles", dribbles_a_handshake()),
    ("greets", speaks_plainly(b"220 mail.acme.example ESMTP\r\n")),
    ("speaks HTTP", speaks_plainly(b"HTTP/1.1 400 Bad Request\r\n\r\n")),
]


CONNECTING = 0.7
"""Seconds; not at one of the bounds that times are rounded up to."""


def told(findings: Findings) -> str:
    return json.dumps(
        [(each.step.code, each.outcome.value, each.milliseconds, each.sentence, each.fix) for each in findings.steps]
    )


def test_j15_internal_port_shows_only_whether_tls_answers() -> None:
    """In a network that the operator opened, all failures to connect look alike and take the same time."""
    with KeyServer(serves(GOOD_SET)) as gone:
        location, policy = gone.location, gone.policy(connect_timeout=CONNECTING)
    started = time.monotonic()
    refused = probe(location, verify_certificate=True, policy=policy)
    assert refused.problem is Problem.CONNECTION_FAILED
    assert time.monotonic() - started >= CONNECTING

    for name, behaviour in NO_TLS_SERVER:
        with KeyServer(behaviour) as server:
            started = time.monotonic()
            findings = look_at(server, connect_timeout=CONNECTING)
            elapsed = time.monotonic() - started
            assert server.connections == 1
        assert told(findings) == told(refused), name
        assert CONNECTING - 0.05 <= elapsed < CONNECTING + BUSY, name


def test_j15_internal_server_has_the_whole_time_to_answer() -> None:
    answer = OK + b"Content-Length: %d\r\n\r\n" % len(GOOD_SET) + GOOD_SET
    with KeyServer(dribbles_between(answer, pause=2.3)) as server:
        assert look_at(server, connect_timeout=2, total_timeout=60).succeeded


def test_j15_internal_server_with_other_tls_looks_closed() -> None:
    with KeyServer(serves(GOOD_SET), speaks_old_tls()) as server:
        assert look_at(server, connect_timeout=CONNECTING).problem is Problem.CONNECTION_FAILED


@pytest.mark.usefixtures("loopback_is_public")
@pytest.mark.parametrize(
    ("behaviour", "problem"),
    [
        (speaks_plainly(b"220 mail.acme.example ESMTP\r\n"), Problem.TLS_NOT_SPOKEN),
        (speaks_plainly(OK + b"\r\n" + GOOD_SET), Problem.TLS_NOT_SPOKEN),
        (hangs_up(), Problem.CONNECTION_FAILED),
    ],
)
def test_j15_public_host_shows_the_exact_problem(behaviour: Behaviour, problem: Problem) -> None:
    with KeyServer(behaviour) as server:
        findings = look_at(server)
    assert findings.problem is problem
    assert [each.step.code for each in findings.steps if each.outcome.value == "failed"] == ["tls"]


@pytest.mark.usefixtures("loopback_is_public")
def test_j15_public_host_shows_that_its_tls_is_too_old() -> None:
    with KeyServer(serves(GOOD_SET), speaks_old_tls()) as server:
        assert look_at(server).problem is Problem.TLS_TOO_OLD


def test_j14_times_are_rounded_after_a_failure() -> None:
    with KeyServer(answers(404)) as server:
        findings = look_at(server)
    assert {each.milliseconds for each in findings.steps} <= {0, 100, 500, 1_000, 2_500, 5_000, 10_000}
    assert all(each.milliseconds for each in findings.steps[:4])


def test_w07_private_key_in_the_set_has_its_own_problem() -> None:
    with KeyServer(serves(forge.key_set(forge.ec_key("alice"), forge.ec_key("bob").private_jwk()))) as server:
        findings = look_at(server)
    assert findings.problem is Problem.PRIVATE_KEY_MATERIAL
    assert findings.key_set is None
    assert findings.ignored == ()


@pytest.mark.usefixtures("loopback_is_public")
@pytest.mark.parametrize(
    "behaviour",
    [
        speaks_plainly(b"220 mail.acme.example ESMTP\r\n"),
        hangs_up(),
        sends(b"220 mail.acme.example ESMTP\r\n\r\n"),
        sends(OK + b"Content-Length: 5\r\n\r\n{}"),
        answers(404, b"secret"),
    ],
)
def test_j14_failures_contain_nothing_that_the_server_sent(behaviour: Behaviour) -> None:
    """A traceback would print the cause, and the library's message quotes the server's text."""
    with KeyServer(behaviour) as server, pytest.raises(ProbeFailed) as failed:
        fetch(server.location, verify_certificate=True, policy=server.policy(), etag=None, journal=Journal())
    assert failed.value.__cause__ is None
    assert failed.value.__suppress_context__ or failed.value.__context__ is None


@pytest.mark.parametrize("behaviour", [hangs_up(), answers(404), serves(GOOD_SET), sends(OK)])
def test_j10_connections_are_closed_after_a_failure(behaviour: Behaviour, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[socket.socket] = []
    really = transport.connect

    def connect(addresses: Sequence[Address], port: int, connecting: Deadline) -> socket.socket:
        opened.append(really(addresses, port, connecting))
        return opened[-1]

    monkeypatch.setattr("watchword.outbound.exchange.transport.connect", connect)
    with KeyServer(behaviour) as server:
        look_at(server, connect_timeout=CONNECTING)
    assert [connection.fileno() for connection in opened] == [-1]
