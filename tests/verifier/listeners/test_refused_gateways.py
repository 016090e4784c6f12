"""Gateways without a good certificate leave a trace (FO-03). The lines are those of the real server."""

from __future__ import annotations

import logging
import re
import socket
import ssl
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import trustme
from structlog.testing import capture_logs

from kit import certificates, live
from kit.client import request
from kit.feed_server import feed_server
from kit.processes import LOOPBACK, wait_until
from kit.secret_file import secret_file
from kit.verifier_process import VerifierProcess, verifier_process
from watchword.verifier.listeners.gateway_identity import GatewaySecrets
from watchword.verifier.listeners.refused_gateways import LOG_INTERVAL_SECONDS, LOGGER, PROBLEMS, RefusedGateways

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SECRET = "a-secret-" * 4
NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def verifier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VerifierProcess]:
    folder = tmp_path_factory.mktemp("refusing")
    pair = certificates.pair(folder, "verifier")
    settings = {
        "gateway_secret_file": str(secret_file(folder / "secret", SECRET)),
        "tls_certificate_file": str(pair.certificate),
        "tls_key_file": str(pair.key),
        "gateway_ca_file": str(pair.authority),
    }
    with feed_server() as feed:
        feed.publish(live.trust())
        with verifier_process(folder, feed_port=feed.port, ready=True, **settings) as running:
            yield running


def refused(verifier: VerifierProcess, problem: str) -> float:
    text = verifier.admin("/metrics").body.decode()
    found = re.search(rf'^watchword_verifier_gateways_refused_total{{problem="{problem}"}} (\S+)$', text, re.MULTILINE)
    assert found is not None
    return float(found[1])


def context(*, authority: trustme.CA | None = None, days: tuple[int, int] | None = None) -> ssl.SSLContext:
    """A gateway's, with a certificate of that authority, or with one that is valid in these days."""
    made = ssl.create_default_context(cadata=certificates.authority_pem())
    if authority is not None:
        authority.issue_cert("gateway").configure_cert(made)
    if days is not None:
        certificates.issued("gateway", starts_in_days=days[0], expires_in_days=days[1]).load_into(made)
    return made


STRANGERS: dict[str, Callable[[], ssl.SSLContext]] = {
    "no_certificate": context,
    "certificate_of_unknown_authority": lambda: context(authority=trustme.CA()),
    "certificate_expired": lambda: context(days=(-9, -1)),
    "certificate_not_valid_yet": lambda: context(days=(1, 9)),
}


@pytest.mark.enable_socket
@pytest.mark.timeout(120)
@pytest.mark.parametrize("problem", STRANGERS)
def test_fo_03_refused_certificate_is_counted_and_logged(verifier: VerifierProcess, problem: str) -> None:
    before = refused(verifier, problem)
    made = STRANGERS[problem]()
    for _ in range(3):
        with (
            suppress(OSError),
            socket.create_connection((LOOPBACK, verifier.port), timeout=30) as raw,
            made.wrap_socket(raw, server_hostname="localhost") as tls,
        ):
            tls.recv(1)
    wait_until(lambda: refused(verifier, problem) == before + 3, what="all are counted", timeout=30)
    lines = [line for line in verifier.log().splitlines() if "gateway_refused" in line and problem in line]
    assert len(lines) == 1
    assert LOOPBACK in lines[0]


@pytest.mark.enable_socket
@pytest.mark.timeout(120)
def test_fo_03_client_without_tls_is_counted_separately(verifier: VerifierProcess) -> None:
    before = refused(verifier, "tls_handshake")
    with socket.create_connection((LOOPBACK, verifier.port), timeout=30) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        plain.recv(100)
    wait_until(lambda: refused(verifier, "tls_handshake") == before + 1, what="it is counted", timeout=30)


@pytest.mark.enable_socket
@pytest.mark.timeout(120)
def test_fo_03_only_refused_secrets_are_counted(verifier: VerifierProcess) -> None:
    before = {problem: refused(verifier, problem) for problem in ("secret", *PROBLEMS)}
    url, known = f"https://{LOOPBACK}:{verifier.port}/verify/plain/acme", context(days=(-1, 9))
    assert request(url, context=known, headers={"X-Watchword-Secret": SECRET}).status == 401
    assert request(url, context=known, headers={"X-Watchword-Secret": "x"}).status == 403
    after = {problem: refused(verifier, problem) for problem in before}
    assert after == {**before, "secret": before["secret"] + 1}


@pytest.mark.enable_socket
@pytest.mark.timeout(120)
def test_fo_05_verifier_exports_the_expiry_of_its_certificates(verifier: VerifierProcess) -> None:
    text = verifier.admin("/metrics").body.decode()
    told = dict(
        re.findall(
            r'^watchword_verifier_certificate_expiry_timestamp_seconds{setting="(\w+)"} (\S+)$', text, re.MULTILINE
        )
    )
    assert set(told) == {"tls_certificate_file", "gateway_ca_file"}
    assert all(float(moment) > NOW.timestamp() + timedelta(days=1).total_seconds() for moment in told.values())


@pytest.fixture
def refusals() -> Iterator[RefusedGateways]:
    now = iter(range(0, 10_000, 20))
    made = RefusedGateways(clock=lambda: float(next(now)))
    logger = logging.getLogger(LOGGER)
    level = logger.level
    made.watch()
    yield made
    logger.removeFilter(made)
    logger.setLevel(level)


FAILED = (
    "TCP handshake failed with error: TlsAcceptError { error: Custom { kind: InvalidData, error: %s }, peer_addr: %s }"
)


def test_fo_03_refused_certificates_are_logged_once_a_minute(refusals: RefusedGateways) -> None:
    server = logging.getLogger(LOGGER)
    with capture_logs() as lines:
        for _ in range(10):
            server.debug(FAILED, "InvalidCertificate(BadSignature)", "[2001:db8::1]:4711")
    assert refusals.counts["certificate_refused"] == 10
    assert len(lines) == 10 * 20 / LOG_INTERVAL_SECONDS // 1 + 1
    assert lines[0] == {
        "event": "gateway_refused", "problem": "certificate_refused", "address": "2001:db8::1",
        "refused_since_start": 1, "log_level": "warning",
    }  # fmt: skip


def test_the_servers_other_lines_are_as_before(refusals: RefusedGateways, caplog: pytest.LogCaptureFixture) -> None:
    server = logging.getLogger(LOGGER)
    server.debug("something else")
    server.info("Started worker-1")
    server.warning("trouble")
    assert [record.getMessage() for record in caplog.records] == ["trouble"]
    assert sum(refusals.counts.values()) == 0
    assert GatewaySecrets([SECRET]).refused == 0
