"""When an operator's certificates expire (FO-05)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import trustme
from prometheus_client import CollectorRegistry, generate_latest
from structlog.testing import capture_logs

from watchword.runtime.metrics import CertificateExpiry

if TYPE_CHECKING:
    from pathlib import Path

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)


def exposition(expiry: CertificateExpiry) -> str:
    registry = CollectorRegistry()
    registry.register(expiry)
    return generate_latest(registry).decode()


def test_fo_05_first_certificate_of_a_file_to_expire_counts(tmp_path: Path) -> None:
    authority = trustme.CA()
    for days in (30, 5, 60):
        leaf = authority.issue_cert(
            "localhost", not_before=NOON - timedelta(days=9), not_after=NOON + timedelta(days=days)
        )
        leaf.cert_chain_pems[0].write_to_path(tmp_path / "several.pem", append=True)
    text = exposition(CertificateExpiry("worker", {"jwks_ca_file": tmp_path / "several.pem", "other": None}))
    expected = (NOON + timedelta(days=5)).timestamp()
    (line,) = [line for line in text.splitlines() if not line.startswith("#")]
    name, _, value = line.rpartition(" ")
    assert name == 'watchword_worker_certificate_expiry_timestamp_seconds{setting="jwks_ca_file"}'
    assert float(value) == expected


def test_fo_05_unreadable_file_is_logged_without_a_metric(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").touch()
    with capture_logs() as lines:
        expiry = CertificateExpiry(
            "verifier", {"feed_ca_file": tmp_path / "none", "gateway_ca_file": tmp_path / "empty.pem"}
        )
    assert [(line["event"], line["setting"]) for line in lines] == [
        ("certificate_expiry_unknown", "feed_ca_file"),
        ("certificate_expiry_unknown", "gateway_ca_file"),
    ]
    assert "setting=" not in exposition(expiry)
