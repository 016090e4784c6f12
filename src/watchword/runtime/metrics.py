"""Metrics of every role: its version, its process, and when certificates in an operator's PEM files expire."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

import structlog
from cryptography import x509
from prometheus_client import CollectorRegistry, Info, ProcessCollector
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from prometheus_client.core import Metric

_log = structlog.get_logger("watchword.certificates")


def new_registry(role: str) -> CollectorRegistry:
    """A registry with the metrics of every role: its version, and the memory and time that its process uses."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    Info("watchword_build", "What runs here.", registry=registry).info({"role": role, "version": version("watchword")})
    return registry


class CertificateExpiry(Collector):
    """Read once: a process keeps to the files as they were when it started, even if they are replaced."""

    def __init__(self, role: str, files: Mapping[str, Path | None]) -> None:
        """Read the files.

        Args:
            role: stands in the name of the metric.
            files: by the name of their setting.
        """
        self._name = f"watchword_{role}_certificate_expiry_timestamp_seconds"
        self._expiries: dict[str, float] = {}
        for setting, path in files.items():
            if path is None:
                continue
            try:
                certificates = x509.load_pem_x509_certificates(path.read_bytes())
                self._expiries[setting] = min(each.not_valid_after_utc.timestamp() for each in certificates)
            except (OSError, ValueError) as failure:
                # TLS reads some certificates that this library refuses.
                _log.warning("certificate_expiry_unknown", setting=setting, fault=type(failure).__name__)

    def collect(self) -> Iterator[Metric]:
        expiry = GaugeMetricFamily(
            self._name,
            "When the first certificate in the file of this setting expires, as read at the start; Unix time.",
            labels=("setting",),
        )
        for setting, moment in self._expiries.items():
            expiry.add_metric((setting,), moment)
        yield expiry
