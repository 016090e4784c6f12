"""Counts and logs gateways that the verifier refused before it read their request.

The server checks client certificates in Rust, before it calls Python. It reports a failure only as a DEBUG line to
Python's logging, which is read here and then dropped.
"""

from __future__ import annotations

import logging
import re
import time
from typing import TYPE_CHECKING, Final

import structlog
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from prometheus_client.core import Metric

    from watchword.verifier.listeners.gateway_identity import GatewaySecrets

LOGGER: Final = "_granian.workers"
LOG_INTERVAL_SECONDS: Final = 60.0

_HANDSHAKE: Final = "handshake failed with error: "
_ERROR: Final = re.compile(r", error: ([A-Za-z]+(?:\([A-Za-z]+)?)")
_ADDRESS: Final = re.compile(r"peer_addr: \[?([0-9a-fA-F.:]{2,45}?)\]?:[0-9]{1,5} \}")

OTHER: Final = "tls_handshake"
_PROBLEMS: Final = {
    "NoCertificatesPresented": "no_certificate",
    "InvalidCertificate(UnknownIssuer": "certificate_of_unknown_authority",
    "InvalidCertificate(Expired": "certificate_expired",
    "InvalidCertificate(ExpiredContext": "certificate_expired",
    "InvalidCertificate(NotValidYet": "certificate_not_valid_yet",
    "InvalidCertificate(NotValidYetContext": "certificate_not_valid_yet",
}
PROBLEMS: Final = (*dict.fromkeys(_PROBLEMS.values()), "certificate_refused", OTHER)
"""OTHER is a client that failed before it sent a certificate: one without TLS 1.3, a port scan, a health check."""

_log = structlog.get_logger("watchword.verifier")


class RefusedGateways(Collector, logging.Filter):
    """`watch` attaches it to the server's logger; its metric also includes refused secrets."""

    def __init__(self, secrets: GatewaySecrets | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        logging.Filter.__init__(self)
        self._secrets = secrets
        self._clock = clock
        self.counts = dict.fromkeys(PROBLEMS, 0)
        self._next_log_at = dict.fromkeys(PROBLEMS, float("-inf"))

    def watch(self) -> None:
        """Call before the server starts, because the server reads the log levels only once."""
        logger = logging.getLogger(LOGGER)
        logger.setLevel(logging.DEBUG)
        logger.addFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno > logging.DEBUG:
            return record.levelno >= logging.WARNING
        message = record.getMessage()
        if _HANDSHAKE in message:
            self._refused(_problem(_ERROR.search(message)), _ADDRESS.search(message))
        return False

    def _refused(self, problem: str, address: re.Match[str] | None) -> None:
        self.counts[problem] += 1
        now = self._clock()
        # One line a minute for each problem: a misconfigured gateway or a scanner connects again and again.
        if now >= self._next_log_at[problem]:
            self._next_log_at[problem] = now + LOG_INTERVAL_SECONDS
            _log.warning(
                "gateway_refused",
                problem=problem,
                address=None if address is None else address[1],
                refused_since_start=self.counts[problem],
            )

    def collect(self) -> Iterator[Metric]:
        refused = CounterMetricFamily(
            "watchword_verifier_gateways_refused",
            "Connections and requests refused because the gateway did not authenticate.",
            labels=("problem",),
        )
        # All labels from the start: a counter that appears with its first event looks like a gap to Prometheus.
        refused.add_metric(("secret",), 0 if self._secrets is None else self._secrets.refused)
        for problem, times in self.counts.items():
            refused.add_metric((problem,), times)
        yield refused


def _problem(found: re.Match[str] | None) -> str:
    error = "" if found is None else found[1]
    return _PROBLEMS.get(error, "certificate_refused" if error.startswith("InvalidCertificate") else OTHER)
