"""What the worker tells Prometheus: what it did, and what waits in the database."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import OperationalError
from django.utils import timezone
from prometheus_client import generate_latest

from kit import registrations
from kit.registrations import add
from watchword.control.audit.models import AuditCheckpoint
from watchword.control.servers.models import KeySetState
from watchword.worker import metrics
from watchword.worker.metrics import OUTCOMES, STUCK_SECONDS, WorkerMetrics

if TYPE_CHECKING:
    from django.db.models import Model

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("committing")]


def metrics_of(worker: WorkerMetrics) -> dict[str, float]:
    lines = generate_latest(worker.registry).decode().splitlines()
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if line[0] != "#")}


def test_waiting_key_sets_are_read_from_the_database() -> None:
    registrations.organization("acme")
    first, second = add(), add(name="TestOkta", enabled=False)
    now = timezone.now()
    failing = {"failures": 3, "failing_since": now, "problem": "connection_failed"}
    change(KeySetState, first.pk, due_at=now - timedelta(seconds=90), fetched_at=now - timedelta(hours=2), **failing)
    # No request waits for a server that is not enabled.
    change(KeySetState, second.pk, due_at=now - timedelta(days=1), fetched_at=now - timedelta(days=1), **failing)
    found = metrics_of(WorkerMetrics())
    assert found["watchword_worker_database_up"] == 1
    assert 90 <= found["watchword_worker_due_lag_seconds"] < 3600
    assert 7200 <= found["watchword_worker_oldest_key_set_seconds"] < 10_000
    assert (found["watchword_worker_key_sets"], found["watchword_worker_key_sets_failing"]) == (1, 1)
    assert found["watchword_worker_audit_chain_broken"] == 0


def test_metrics_without_key_sets_and_with_a_broken_chain() -> None:
    AuditCheckpoint.objects.update_or_create(
        id=1,
        defaults={
            "sequence": 1,
            "hash": "0" * 64,
            "verified_at": timezone.now(),
            "walked_sequence": 1,
            "walked_hash": "0" * 64,
            "fault": "Event 1 was changed.",
        },
    )
    found = metrics_of(WorkerMetrics())
    assert found["watchword_worker_audit_chain_broken"] == 1
    assert found["watchword_worker_due_lag_seconds"] == 0
    assert found["watchword_worker_oldest_key_set_seconds"] == 0


def test_metrics_from_the_database_are_absent_while_it_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise OperationalError("password of the database")

    monkeypatch.setattr(metrics, "_found", away)
    worker = WorkerMetrics()
    worker.fetched("changed", 0.2)
    found = metrics_of(worker)
    assert found["watchword_worker_database_up"] == 0
    assert "watchword_worker_due_lag_seconds" not in found
    assert found['watchword_worker_fetches_total{outcome="changed"}'] == 1
    assert found["watchword_worker_fetch_duration_seconds_count"] == 1


def test_every_outcome_has_a_metric_from_the_start() -> None:
    assert {name for name in metrics_of(WorkerMetrics()) if "fetches_total" in name} == {
        f'watchword_worker_fetches_total{{outcome="{outcome}"}}' for outcome in OUTCOMES
    }


def test_loop_that_has_not_started_or_hangs_is_not_ready() -> None:
    now = [100.0]
    worker = WorkerMetrics(clock=lambda: now[0])
    assert worker.why_not_ready() == "Starting."
    worker.turned()
    assert worker.why_not_ready() is None
    now[0] += STUCK_SECONDS + 1
    assert worker.why_not_ready() == "The loop has not turned for 61 s."
    assert metrics_of(worker)["watchword_worker_turn_age_seconds"] == 61


def change(model: type[Model], key: object, **values: object) -> None:
    model._default_manager.filter(pk=key).update(**values)
