"""The worker's metrics for Prometheus: what it did is counted here, what waits is read from the database."""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Final

import structlog
from django.db import DatabaseError, connections
from django.db.models import Min
from django.utils import timezone
from prometheus_client import Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from watchword.control.audit.models import AuditCheckpoint
from watchword.control.servers.key_set_commands import Recorded
from watchword.control.servers.models import KeySetState
from watchword.runtime.metrics import new_registry
from watchword.runtime.outages import Outage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from prometheus_client.core import Metric

NOT_RECORDED: Final = "not_recorded"
"""The fetch was done, and the database could not store its result."""

OUTCOMES: Final = (*(recorded.value for recorded in Recorded), NOT_RECORDED)

STUCK_SECONDS: Final = 60.0
"""A turn of the loop takes less than a second; while the database is away, a few times 5 s."""

# A fetch takes at most 5 s; the rest is the database.
_BUCKETS: Final = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

_log = structlog.get_logger("watchword.worker")


class WorkerMetrics:
    """The loop and the threads of its pool count; the thread of a scrape reads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.registry = new_registry("worker")
        self._clock = clock
        self._started_at = clock()
        self._turned_at: float | None = None
        self._lock = threading.Lock()
        self._fetches: Counter[str] = Counter()
        self._duration = Histogram(
            "watchword_worker_fetch_duration_seconds",
            "From the claim of a key set to what was recorded of it.",
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self.registry.register(_Counted(self))
        self.registry.register(_Waiting())

    def turned(self) -> None:
        """The loop has looked for what is due."""
        self._turned_at = self._clock()

    def fetched(self, outcome: str, seconds: float) -> None:
        with self._lock:
            self._fetches[outcome] += 1
        self._duration.observe(seconds)

    def fetches(self) -> dict[str, int]:
        with self._lock:
            return {outcome: self._fetches[outcome] for outcome in OUTCOMES}

    def since_turn(self) -> float:
        """Seconds since the loop last looked."""
        return self._clock() - (self._started_at if self._turned_at is None else self._turned_at)

    def why_not_ready(self) -> str | None:
        if self._turned_at is None:
            return "Starting."
        if self.since_turn() > STUCK_SECONDS:
            return f"The loop has not turned for {self.since_turn():.0f} s."
        return None


class _Counted(Collector):
    def __init__(self, metrics: WorkerMetrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        fetches = CounterMetricFamily(
            "watchword_worker_fetches", "Fetches of key sets since the start.", labels=("outcome",)
        )
        # All outcomes from the start: a counter that appears with its first event looks like a gap to Prometheus.
        for outcome, times in self._metrics.fetches().items():
            fetches.add_metric((outcome,), times)
        yield fetches
        yield GaugeMetricFamily(
            "watchword_worker_turn_age_seconds",
            "Time since the loop last looked for what is due.",
            value=self._metrics.since_turn(),
        )


class _Waiting(Collector):
    """Read from the database, so the same at every worker."""

    def __init__(self) -> None:
        self._outage = Outage(_log, "figures_incomplete", over="figures_complete_again", level="warning")

    def collect(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("watchword_worker_database_up", "1 while the database answers.", value=0)
        try:
            found = list(_found(timezone.now()))
            up = GaugeMetricFamily("watchword_worker_database_up", "1 while the database answers.", value=1)
        except DatabaseError as failure:
            self._outage.failed(fault=type(failure).__name__)
            found = []
        else:
            self._outage.succeeded()
        finally:
            # This thread ends after the response; its connection must not stay open.
            connections.close_all()
        # Absent rather than 0 while the database is away: an alert must not take "unknown" for "nothing waits".
        yield from (up, *found)


def _found(now: datetime) -> Iterator[Metric]:
    enabled = KeySetState.objects.filter(server__enabled=True)
    oldest = enabled.aggregate(due=Min("due_at"), fetched=Min("fetched_at"))
    yield GaugeMetricFamily(
        "watchword_worker_due_lag_seconds",
        "By how much the longest waiting key set is overdue.",
        value=_age(oldest["due"], now),
    )
    yield GaugeMetricFamily(
        "watchword_worker_oldest_key_set_seconds",
        "Time since the last good fetch of the enabled server for which that is longest.",
        value=_age(oldest["fetched"], now),
    )
    yield GaugeMetricFamily("watchword_worker_key_sets", "Key sets of enabled servers.", value=enabled.count())
    yield GaugeMetricFamily(
        "watchword_worker_key_sets_failing",
        "Those whose last fetch failed.",
        value=enabled.filter(failures__gt=0).count(),
    )
    fault = AuditCheckpoint.objects.filter(id=1, fault__isnull=False).exists()
    yield GaugeMetricFamily(
        "watchword_worker_audit_chain_broken", "1 while the audit log's chain is not whole.", value=float(fault)
    )


def _age(moment: datetime | None, now: datetime) -> float:
    return 0.0 if moment is None else max(0.0, (now - moment).total_seconds())
