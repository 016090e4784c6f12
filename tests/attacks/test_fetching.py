"""Hostile locations, names, certificates and servers. The letters are those of the case list: J-01 to J-29."""

from __future__ import annotations

import gzip
import itertools
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

import pytest

from kit import authorities, certificates, forge
from kit.key_server import (
    Canary,
    KeyServer,
    answers,
    redirects,
    resets,
    resets_after,
    sends,
    sends_without_end,
    serves,
    speaks_plainly,
    stalls,
    stalls_handshake,
    trickles,
)
from watchword.jwks.probe import FetchPolicy, Findings, Problem, Step, probe

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kit.certificates import ServerCertificate
    from kit.key_server import Behaviour

pytestmark = pytest.mark.enable_socket

GOOD_SET = forge.key_set(forge.ec_key("alice"))
SHORT = 0.5
"""Seconds that a hostile server gets in these tests instead of 5."""
BUSY = 2.0
"""Seconds that a busy machine may add."""

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


def look_at(server: KeyServer, *, verify_certificate: bool = True, **changes: object) -> Findings:
    return probe(server.location, verify_certificate=verify_certificate, policy=server.policy(**changes))


def problem_with(behaviour: Behaviour) -> Problem | None:
    with KeyServer(behaviour) as server:
        return look_at(server).problem


# ------------------------------------------------------------------------------------------------ addresses and names


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "localhost", "127.1", "0177.0.0.1", "0x7f.1", "2130706433", "017700000001", "0x7f000001",
        "127.0.0.1.", "LOCALHOST", "localhost.", "１２７.0.0.1", "127。0。0。1", "①②⑦.0.0.1", "0.0.0.0", "0",  # noqa: RUF001, S104
        "[::ffff:127.0.0.1]", "[::127.0.0.1]", "[64:ff9b::127.0.0.1]", "[2002:7f00:1::]", "[::]",
        "alice@127.0.0.1", "acme.example@127.0.0.1", "127.0.0.1%00.acme.example", "127.0.0.1\t",
        "127.0.0.1\\.acme.example",
    ],
)  # fmt: skip
def test_j01_no_spelling_of_an_internal_address_is_connected_to(host: str) -> None:
    with Canary() as canary:
        policy = FetchPolicy(allowed_ports=frozenset({canary.port}), connect_timeout=0.1, total_timeout=2)
        for verify_certificate in (True, False):
            findings = probe(f"https://{host}:{canary.port}/", verify_certificate=verify_certificate, policy=policy)
            assert not findings.succeeded
            assert findings.steps[1].step is Step.CONNECT
            assert findings.steps[1].sentence == "Not reached."
    assert canary.connections == 0


def test_j01_the_canary_sings() -> None:
    with Canary() as canary:
        policy = FetchPolicy(
            allowed_ports=frozenset({canary.port}), allowed_networks=(ip_network("127.0.0.1"),), total_timeout=SHORT
        )
        probe(f"https://127.0.0.1:{canary.port}/", verify_certificate=True, policy=policy)
    assert canary.connections == 1


def test_j01_an_internal_address_behind_ipv6_loopback_is_not_connected_to() -> None:
    with Canary("::1") as canary:
        policy = FetchPolicy(allowed_ports=frozenset({canary.port}), allowed_networks=(ip_network("127.0.0.0/8"),))
        findings = probe(f"https://[::1]:{canary.port}/", verify_certificate=True, policy=policy)
    assert findings.problem is Problem.ADDRESS_REFUSED
    assert canary.connections == 0


@pytest.mark.parametrize("resolved", [["127.0.0.2", "127.0.0.1"], ["127.0.0.1", "127.0.0.2"], ["127.0.0.1", "::1"]])
def test_j01_one_bad_address_refuses_the_host(resolved: Sequence[str]) -> None:
    with KeyServer(serves(GOOD_SET)) as server:
        policy = server.policy(resolver=lambda _host, _port: resolved, allowed_networks=(ip_network("127.0.0.1"),))
        findings = probe(server.location_at("keys.acme.example"), verify_certificate=True, policy=policy)
    assert findings.problem is Problem.ADDRESS_REFUSED
    assert server.connections == 0


def test_j04_the_name_is_looked_up_once_and_the_checked_address_connected_to() -> None:
    asked: list[str] = []

    def rebinding(host: str, _port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.2"]

    with KeyServer(serves(GOOD_SET)) as server, Canary("127.0.0.2"):
        policy = server.policy(resolver=rebinding, allowed_networks=(ip_network("127.0.0.1"),))
        findings = probe(server.location_at("keys.acme.example"), verify_certificate=True, policy=policy)
    assert findings.succeeded
    assert asked == ["keys.acme.example"]


def test_j04_a_connection_that_leads_elsewhere_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    with KeyServer(serves(GOOD_SET), host="127.0.0.3") as elsewhere:

        class DetouringSocket(socket.socket):
            def connect(self, _address: object) -> None:
                super().connect(("127.0.0.3", elsewhere.port))

        monkeypatch.setattr("watchword.jwks.transport.socket.socket", DetouringSocket)
        findings = probe(elsewhere.location_at("127.0.0.1"), verify_certificate=False, policy=elsewhere.policy())
        assert findings.problem is Problem.ADDRESS_REFUSED
        assert elsewhere.requests == []


def test_j15_only_listed_ports() -> None:
    with KeyServer(serves(GOOD_SET)) as server:
        assert look_at(server, allowed_ports=frozenset({443})).problem is Problem.PORT_REFUSED
    assert server.connections == 0


def _raises(code: int) -> Callable[[str, int], Sequence[str]]:
    def resolver(_host: str, _port: int) -> Sequence[str]:
        raise socket.gaierror(code, "as the system says it")

    return resolver


def _hangs(_host: str, _port: int) -> Sequence[str]:
    time.sleep(SHORT + 2 * BUSY)
    return ["127.0.0.1"]


@pytest.mark.parametrize(
    ("resolver", "problem"),
    [
        (_raises(socket.EAI_NONAME), Problem.HOST_NOT_FOUND),
        (_raises(socket.EAI_NODATA), Problem.HOST_NOT_FOUND),
        (_raises(socket.EAI_AGAIN), Problem.NAME_LOOKUP_FAILED),
        (_raises(socket.EAI_FAIL), Problem.NAME_LOOKUP_FAILED),
        (lambda _host, _port: [], Problem.HOST_NOT_FOUND),
        (_hangs, Problem.TIMED_OUT),
    ],
)
def test_j28_lookups_that_fail(resolver: Callable[[str, int], Sequence[str]], problem: Problem) -> None:
    policy = FetchPolicy(resolver=resolver, total_timeout=SHORT)
    started = time.monotonic()

    assert probe("https://keys.acme.example/", verify_certificate=True, policy=policy).problem is problem
    assert time.monotonic() - started < SHORT + BUSY


# ------------------------------------------------------------------------------------------------------- certificates


@pytest.mark.parametrize(
    ("certificate", "problem"),
    [
        (certificates.FROM_UNKNOWN_AUTHORITY, Problem.CERTIFICATE_UNKNOWN_AUTHORITY),
        (certificates.SELF_SIGNED, Problem.CERTIFICATE_SELF_SIGNED),
        (certificates.EXPIRED, Problem.CERTIFICATE_EXPIRED),
        (certificates.NOT_YET_VALID, Problem.CERTIFICATE_NOT_YET_VALID),
        (certificates.FOR_ANOTHER_HOST, Problem.CERTIFICATE_WRONG_HOST),
    ],
)
def test_a_bad_certificate_has_its_own_problem_and_no_request_is_sent(
    certificate: ServerCertificate, problem: Problem
) -> None:
    with KeyServer(serves(GOOD_SET), certificate) as server:
        assert look_at(server).problem is problem
        assert server.requests == []
        assert look_at(server, verify_certificate=False).succeeded


def test_the_certificate_must_be_for_the_name_and_not_for_the_address() -> None:
    with KeyServer(serves(GOOD_SET), certificates.issued("127.0.0.1")) as server:
        policy = server.policy(resolver=lambda _host, _port: ["127.0.0.1"])
        findings = probe(server.location_at("keys.acme.example"), verify_certificate=True, policy=policy)
    assert findings.problem is Problem.CERTIFICATE_WRONG_HOST


def test_the_authority_of_the_tests_is_not_trusted_by_default() -> None:
    with KeyServer(serves(GOOD_SET)) as server:
        assert look_at(server, extra_authorities=None).problem is Problem.CERTIFICATE_UNKNOWN_AUTHORITY


def test_j24_validation_switched_off_for_one_registration_never_reaches_another() -> None:
    with KeyServer(serves(GOOD_SET), certificates.FROM_UNKNOWN_AUTHORITY) as server:
        policy = server.policy()
        for _ in range(10):
            assert probe(server.location, verify_certificate=False, policy=policy).succeeded
            assert not probe(server.location, verify_certificate=True, policy=policy).succeeded
    assert server.connections == 20


def test_j24_what_one_registration_trusts_or_does_not_check_never_reaches_another() -> None:
    """Acme attached the server's authority or switched validation off; Globex did neither, at the same host."""
    root = authorities.issue("Initech Root")
    with KeyServer(serves(GOOD_SET), authorities.presenting(authorities.server(root), root)) as server:
        policy = server.policy()
        acme: tuple[dict[str, Any], ...] = (
            {"verify_certificate": True, "authority": root.pem},
            {"verify_certificate": False, "authority": root.pem},
            {"verify_certificate": False, "authority": None},
        )
        globex: tuple[dict[str, Any], ...] = (
            {"verify_certificate": True, "authority": None},
            {"verify_certificate": True, "authority": authorities.issue("Globex Root").pem},
        )
        for _ in range(10):
            for good, bad in itertools.product(acme, globex):
                assert probe(server.location, **good, policy=policy).succeeded
                assert probe(server.location, **bad, policy=policy).problem in {
                    Problem.CERTIFICATE_UNKNOWN_AUTHORITY, Problem.CERTIFICATE_OTHER_AUTHORITY,
                }  # fmt: skip
        assert server.connections == 2 * len(server.requests) == 120


def test_j24_nor_when_both_fetch_at_the_same_moment() -> None:
    root = authorities.issue("Initech Root")
    with (
        KeyServer(serves(GOOD_SET), authorities.presenting(authorities.server(root), root)) as server,
        ThreadPoolExecutor(2) as pool,
    ):
        policy = server.policy(total_timeout=60, connect_timeout=30)

        def fetch_as(authority: str | None) -> Findings:
            return probe(server.location, verify_certificate=True, authority=authority, policy=policy)

        for found, authority in zip(pool.map(fetch_as, [root.pem, None] * 10), [root.pem, None] * 10, strict=True):
            assert found.problem is (None if authority else Problem.CERTIFICATE_UNKNOWN_AUTHORITY)


# ----------------------------------------------------------------------------------------------- redirects and answers


@pytest.mark.parametrize("status", [300, 301, 302, 303, 305, 307, 308])
def test_j03_a_redirect_is_not_followed_and_its_body_not_used(status: int) -> None:
    with Canary() as canary, KeyServer(serves(GOOD_SET)) as server:
        server.behaviour = redirects(f"https://127.0.0.1:{canary.port}/", GOOD_SET, status)
        policy = server.policy(allowed_ports=frozenset({server.port, canary.port}))
        findings = probe(server.location, verify_certificate=True, policy=policy)
        assert findings.problem is Problem.REDIRECT_NOT_FOLLOWED
        assert findings.key_set is None
        assert canary.count() == 0
        assert server.connections == 1


@pytest.mark.parametrize(
    ("status", "problem"),
    [
        (201, Problem.HTTP_STATUS), (203, Problem.HTTP_STATUS), (206, Problem.HTTP_STATUS), (299, Problem.HTTP_STATUS),
        (400, Problem.HTTP_REFUSED), (401, Problem.HTTP_REFUSED), (404, Problem.HTTP_REFUSED),
        (500, Problem.HTTP_SERVER_FAULT), (503, Problem.HTTP_SERVER_FAULT), (799, Problem.HTTP_STATUS),
    ],
)  # fmt: skip
def test_only_status_200_brings_keys(status: int, problem: Problem) -> None:
    assert problem_with(answers(status, GOOD_SET, {"Content-Type": "application/json"})) is problem


@pytest.mark.parametrize("encoding", ["gzip", "br", "zstd", "deflate", "gzip, gzip", "identity", "x"])
def test_j09_nothing_is_decompressed(encoding: str) -> None:
    body = gzip.compress(GOOD_SET) if encoding == "gzip" else GOOD_SET

    assert problem_with(serves(body, headers={"Content-Encoding": encoding})) is Problem.CONTENT_ENCODING


def test_j09_nor_is_a_compressed_transfer() -> None:
    answer = OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"

    assert problem_with(sends(answer)) is Problem.HTTP_MALFORMED


@pytest.mark.parametrize(
    ("behaviour", "problem"),
    [
        (serves(b"x" * 262_145), Problem.TOO_LARGE),
        (sends_without_end(CHUNKED, b"1000\r\n" + b"x" * 4096 + b"\r\n"), Problem.TOO_LARGE),
        (sends_without_end(OK + b"\r\n", b"x" * 4096), Problem.TOO_LARGE),
        (sends_without_end(OK + b"Content-Length: 104857600\r\n\r\n", b"x" * 4096), Problem.TOO_LARGE),
        (sends_without_end(b"", b"HTTP/1.1 103 Early Hints\r\nX: " + b"x" * 2000 + b"\r\n\r\n"), Problem.TOO_LARGE),
        (sends_without_end(CHUNKED, b"1;" + b"x" * 200 + b"\r\nx\r\n"), Problem.TOO_LARGE),
        (sends(OK + b"Content-Length: 5\r\n\r\n{}"), Problem.CONNECTION_FAILED),
        (sends(OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n{}    "), Problem.HTTP_MALFORMED),
        (sends(OK + b"Content-Length: -5\r\n\r\n{}"), Problem.HTTP_MALFORMED),
        (sends(OK + b"\r\n" + GOOD_SET), Problem.CONNECTION_FAILED),
        (sends(CHUNKED + b"zz\r\n"), Problem.HTTP_MALFORMED),
        (sends(CHUNKED + b"1;" + b"x" * 70_000 + b"\r\nx\r\n"), Problem.HTTP_MALFORMED),
        (sends(b"HTTP/1.1 200 " + b"x" * 70_000 + b"\r\n\r\n"), Problem.HTTP_MALFORMED),
        (sends_without_end(OK, b"X-Header: " + b"x" * 90 + b"\r\n"), Problem.HTTP_MALFORMED),
        (sends(OK + b"X: " + b"x" * 33_000 + b"\r\nContent-Length: 2\r\n\r\n{}"), Problem.HTTP_MALFORMED),
        (sends(b"220 mail.acme.example ESMTP\r\n\r\n"), Problem.HTTP_MALFORMED),
        (sends(b"\x00" * 100), Problem.HTTP_MALFORMED),
        (sends(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"), Problem.HTTP_MALFORMED),
        (sends(b""), Problem.CONNECTION_FAILED),
        (resets(), Problem.CONNECTION_FAILED),
        (resets_after(OK + b"Content-Length: 500\r\n\r\n{"), Problem.CONNECTION_FAILED),
        (speaks_plainly(b"220 mail.acme.example ESMTP\r\n"), Problem.TLS_FAILED),
        (speaks_plainly(b"HTTP/1.1 200 OK\r\n\r\n" + GOOD_SET), Problem.TLS_FAILED),
    ],
)
def test_j11_answers_that_are_too_large_or_broken(behaviour: Behaviour, problem: Problem) -> None:
    assert problem_with(behaviour) is problem


@pytest.mark.parametrize(
    "behaviour",
    [
        stalls_handshake(),
        stalls(),
        trickles(b"", b"H"),
        trickles(OK + b"X: ", b"x"),
        trickles(OK, b"X: x\r\n"),
        trickles(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        trickles(OK + b"Content-Length: 100000\r\n\r\n", b" "),
        trickles(CHUNKED, b"1\r\n \r\n"),
        trickles(CHUNKED + b"1;", b"x"),
        trickles(OK + b"\r\n" + GOOD_SET, b" "),
    ],
)
def test_j10_slow_servers_are_left_when_the_time_is_up(behaviour: Behaviour) -> None:
    with KeyServer(behaviour) as server:
        started = time.monotonic()
        findings = look_at(server, total_timeout=SHORT)
        elapsed = time.monotonic() - started

    assert findings.problem is Problem.TIMED_OUT
    assert SHORT - 0.05 <= elapsed < SHORT + BUSY


def test_j10_a_server_that_does_not_read_is_left_too() -> None:
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


def test_w07_a_private_key_in_the_set_is_said_loudly() -> None:
    with KeyServer(serves(forge.key_set(forge.ec_key("alice"), forge.ec_key("bob").private_jwk()))) as server:
        findings = look_at(server)
    assert findings.problem is Problem.PRIVATE_KEY_MATERIAL
    assert findings.key_set is None
    assert findings.ignored == ()
