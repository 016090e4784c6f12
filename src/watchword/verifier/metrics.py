"""The verifier's figures for Prometheus, read when they are asked for; the request path only counts."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from watchword.core.decision import Reason
from watchword.runtime.admin_http import new_registry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from prometheus_client import CollectorRegistry
    from prometheus_client.core import Metric

    from watchword.verifier.snapshot import CurrentSnapshot
    from watchword.verifier.token_cache import VerifiedTokens
    from watchword.verifier.usage.counting import Outcomes


class Connection(Protocol):
    @property
    def connected(self) -> bool: ...


class VerifierCollector(Collector):
    """Labels come from closed tables alone: nothing that a token or an administrator says becomes one."""

    def __init__(
        self,
        *,
        outcomes: Sequence[Outcomes],
        current: CurrentSnapshot,
        feed: Connection,
        verified: VerifiedTokens | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._outcomes = outcomes
        self._current = current
        self._feed = feed
        self._verified = verified
        self._clock = clock

    def collect(self) -> Iterator[Metric]:
        decisions = CounterMetricFamily(
            "watchword_verifier_decisions", "Decisions since the start.", labels=("outcome", "reason")
        )
        decisions.add_metric(("allow", ""), sum(each.allowed for each in self._outcomes))
        denied = [each.denied for each in self._outcomes]
        for reason in Reason:
            decisions.add_metric(("deny", reason.code), sum(each[reason] for each in denied))
        yield decisions
        yield GaugeMetricFamily(
            "watchword_verifier_feed_connected",
            "1 while the control plane answers.",
            value=float(self._feed.connected),
        )
        if self._verified is not None:
            yield CounterMetricFamily(
                "watchword_verifier_remembered_decisions",
                "Decisions that needed no verification, because the token had been verified before.",
                value=self._verified.found,
            )
            yield GaugeMetricFamily(
                "watchword_verifier_remembered_bytes", "Memory that verified tokens take.", value=self._verified.size
            )
        view = self._current.view
        if view is None:
            # Absent rather than 0: an alert on age or revision must not take "nothing" for "fresh".
            return
        yield GaugeMetricFamily(
            "watchword_verifier_snapshot_revision",
            "Revision of the feed that is decided by.",
            value=view.snapshot.revision,
        )
        yield GaugeMetricFamily(
            "watchword_verifier_snapshot_age_seconds",
            "Time since the control plane last confirmed the snapshot.",
            value=max(0.0, self._clock() - view.heard_at),
        )
        yield GaugeMetricFamily(
            "watchword_verifier_organizations", "Organizations known.", value=len(view.snapshot.organizations)
        )


def registry_of(collector: VerifierCollector) -> CollectorRegistry:
    registry = new_registry("verifier")
    registry.register(collector)
    return registry
