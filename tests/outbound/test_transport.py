from __future__ import annotations

import socket
import ssl
import time
from ipaddress import ip_address
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import truststore

from kit import authorities, certificates
from kit.key_server import KeyServer, serves, trickles
from watchword.outbound.certificate import context_for, new_context
from watchword.outbound.deadline import Deadline
from watchword.outbound.failure import ExchangeFailed, Failure
from watchword.outbound.transport import TcpStream, TlsStream, connect

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.enable_socket

BUSY = 30.0
"""Seconds within which a busy machine gets there, and less than what is prevented would take."""
LOOPBACK = ip_address("127.0.0.1")
NOBODY = [ip_address(f"127.0.0.{last}") for last in range(10, 20)]


def failure_of(action: Callable[[], object]) -> Failure:
    with pytest.raises(ExchangeFailed) as failed:
        action()
    # The cause may contain text from the server; it must not be shown with the failure.
    assert failed.value.__cause__ is None
    assert failed.value.__suppress_context__ or failed.value.__context__ is None
    return failed.value.failure


def test_next_address_is_tried_after_a_failure() -> None:
    with KeyServer(serves(b"{}")) as server:
        connection = connect([NOBODY[0], LOOPBACK], server.port, Deadline(BUSY))
        with connection:
            assert connection.getpeername() == ("127.0.0.1", server.port)


def test_only_three_addresses_are_tried() -> None:
    with KeyServer(serves(b"{}")) as server:
        addresses = [*NOBODY[:3], LOOPBACK]
        failure = failure_of(lambda: connect(addresses, server.port, Deadline(0.1)))
    assert failure is Failure.CONNECTION_FAILED
    assert server.connections == 0


@pytest.mark.parametrize(("timeout", "total"), [(0.2, 60.0), (60.0, 0.2)])
def test_connecting_has_its_own_time_limit(timeout: float, total: float) -> None:
    started = time.monotonic()
    failure = failure_of(lambda: connect(NOBODY, 9, Deadline(total).within(timeout)))

    assert failure is Failure.CONNECTION_FAILED
    assert 0.2 <= time.monotonic() - started < BUSY


def test_addresses_share_the_time_for_connecting() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        port = listener.getsockname()[1]
        # Linux accepts one connection more than the backlog; then it drops packets, as a filter does.
        with socket.create_connection(("127.0.0.1", port)):
            started = time.monotonic()
            failure = failure_of(lambda: connect([LOOPBACK] * 3, port, Deadline(0.3)))
    assert failure is Failure.CONNECTION_FAILED
    assert 0.3 <= time.monotonic() - started < BUSY


def test_filtered_address_leaves_time_for_the_next() -> None:
    with KeyServer(serves(b"{}")) as server, socket.create_server(("127.0.0.10", server.port), backlog=0):
        addresses, connecting = [ip_address("127.0.0.10"), LOOPBACK], Deadline(6)
        with (
            socket.create_connection(("127.0.0.10", server.port)),
            connect(addresses, server.port, connecting) as connection,
        ):
            # Loopback answers in no time, so the time that is left shows that the first address did not take it all.
            assert connecting.left() > 0
            assert connection.getpeername() == ("127.0.0.1", server.port)


def test_nothing_is_tried_after_the_deadline() -> None:
    with KeyServer(serves(b"{}")) as server:
        assert failure_of(lambda: connect([LOOPBACK], server.port, Deadline(0).within(1))) is (Failure.TIMED_OUT)
    assert server.connections == 0


def stream_to(server: KeyServer, seconds: float, max_bytes: int = 100_000) -> TlsStream:
    deadline = Deadline(seconds)
    below = TcpStream(connect([LOOPBACK], server.port, deadline), deadline=deadline, max_bytes=max_bytes)
    return TlsStream(below, new_context(verify_certificate=False, extra_authorities=None), server_hostname="127.0.0.1")


def test_the_handshake_counts_toward_the_bytes() -> None:
    with KeyServer(serves(b"{}")) as server:
        stream = stream_to(server, BUSY, max_bytes=50)
        assert failure_of(lambda: stream.handshake(Deadline(BUSY))) is Failure.TOO_LARGE
        stream.close()


def test_reads_have_only_the_remaining_time() -> None:
    with KeyServer(trickles(b"", b"x")) as server:
        stream = stream_to(server, 2)
        stream.handshake(Deadline(BUSY))
        stream.write(b"GET / HTTP/1.1\r\n\r\n")
        started = time.monotonic()

        def read_on() -> None:
            while True:
                assert stream.read(1) == b"x"

        assert failure_of(read_on) is Failure.TIMED_OUT
        assert time.monotonic() - started < BUSY
        stream.close()


def test_writes_have_only_the_remaining_time() -> None:
    with KeyServer(trickles(b"", b"", pause=5)) as server:
        stream = stream_to(server, 2)
        stream.handshake(Deadline(BUSY))
        stream.write(b"GET / HTTP/1.1\r\n\r\n")
        started = time.monotonic()
        assert failure_of(lambda: stream.write(b"x" * 50_000_000)) is Failure.TIMED_OUT
        assert time.monotonic() - started < BUSY
        stream.close()


def test_closed_connection_is_a_failure() -> None:
    with KeyServer(serves(b"{}"), certificates.GOOD) as server:
        stream = stream_to(server, BUSY)
        stream.handshake(Deadline(BUSY))
        stream.close()
        assert failure_of(lambda: stream.read(1)) is Failure.CONNECTION_FAILED
        assert failure_of(lambda: stream.write(b"x")) is Failure.CONNECTION_FAILED


def test_old_tls_is_refused() -> None:
    for verify_certificate in (True, False):
        context = new_context(verify_certificate=verify_certificate, extra_authorities=None)
        assert context.minimum_version is ssl.TLSVersion.TLSv1_2
        assert context.check_hostname is verify_certificate


AUTHORITY = authorities.issue("Acme Root").pem
OPERATORS = authorities.issue("Operator Root").pem


@pytest.mark.parametrize(
    "settings",
    [
        {"verify_certificate": False, "extra_authorities": None},
        {"verify_certificate": False, "extra_authorities": None, "ca_bundle": AUTHORITY},
        {"verify_certificate": True, "extra_authorities": None, "ca_bundle": AUTHORITY},
    ],
    ids=["validation off", "off, with an authority", "an attached authority"],
)
def test_j24_own_trust_gets_its_own_context(settings: dict[str, Any]) -> None:
    shared = context_for(verify_certificate=True, extra_authorities=None)
    contexts = [context_for(**settings), context_for(**settings), shared]
    assert len({id(context) for context in contexts}) == 3
    assert shared.verify_mode is ssl.CERT_REQUIRED
    assert shared.check_hostname
    assert not shared.verify_flags & ssl.VERIFY_X509_PARTIAL_CHAIN


def test_default_trust_shares_a_context_for_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 7200.0
    monkeypatch.setattr("watchword.outbound.certificate.time.monotonic", lambda: now)
    first = context_for(verify_certificate=True, extra_authorities=None)
    assert context_for(verify_certificate=True, extra_authorities=None) is first
    with_the_operators = context_for(verify_certificate=True, extra_authorities=OPERATORS)
    assert with_the_operators is not first
    now += 3599
    assert context_for(verify_certificate=True, extra_authorities=None) is first
    now += 1
    assert context_for(verify_certificate=True, extra_authorities=None) is not first


def test_without_a_ca_file_each_handshake_uses_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = SimpleNamespace(cafile=None, capath=None)
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: nowhere)
    contexts = [context_for(verify_certificate=True, extra_authorities=None) for _ in range(2)]
    assert contexts[0] is not contexts[1]
    for context in contexts:
        assert isinstance(context, truststore.SSLContext)
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.check_hostname
