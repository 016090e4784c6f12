"""The verifier's metrics for Prometheus, computed at each scrape; the request path only counts.

Labels come from closed tables: nothing from a token or an administrator becomes one.
"""

from __future__ import annotations

import time
from itertools import accumulate, cycle
from typing import TYPE_CHECKING, Final, Protocol

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from watchword.core.decision import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from prometheus_client.core import Metric

    from watchword.verifier.disk.copy import DiskCopy
    from watchword.verifier.snapshot import CurrentSnapshot
    from watchword.verifier.token_cache import TokenCache
    from watchword.verifier.usage.counting import Outcomes


class Connection(Protocol):
    @property
    def connected(self) -> bool: ...


class VerifierCollector(Collector):
    """Decisions, the token cache, and the snapshot that decides."""

    def __init__(
        self,
        *,
        outcomes: Sequence[Outcomes],
        current: CurrentSnapshot,
        feed: Connection,
        token_cache: TokenCache | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._outcomes = outcomes
        self._current = current
        self._feed = feed
        self._token_cache = token_cache
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
        if self._token_cache is not None:
            yield CounterMetricFamily(
                "watchword_verifier_remembered_decisions",
                "Decisions from the token cache, without verifying the token again.",
                value=self._token_cache.hits,
            )
            yield GaugeMetricFamily(
                "watchword_verifier_remembered_bytes", "Memory used by the token cache.", value=self._token_cache.size
            )
        view = self._current.view
        if view is None:
            # Absent, not 0: an alert on age or revision must not take "no snapshot" for "fresh".
            return
        yield GaugeMetricFamily(
            "watchword_verifier_snapshot_revision",
            "Feed revision of the current snapshot.",
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


class FeedCollector(Collector):
    """The feed and the copy on disk. Each metric is above 0 while an operator must act, and 0 otherwise."""

    def __init__(self, *, current: CurrentSnapshot, disk: DiskCopy, clock: Callable[[], float] = time.time) -> None:
        self._current = current
        self._disk = disk
        self._clock = clock

    def collect(self) -> Iterator[Metric]:
        flags = {
            "snapshot_stale": (
                "1 while the control plane has not confirmed the snapshot for longer than the soft limit.",
                self._current.is_stale(self._clock()),
            ),
            "feed_schema_unknown": (
                "1 while the control plane speaks a schema that this version does not understand.",
                self._current.schema_unknown,
            ),
            "feed_page_refused": (
                "1 while the control plane's last page of changes cannot be applied, so that no change arrives.",
                self._current.page_refused,
            ),
            "copy_behind": (
                "1 while the copy on disk is older than the current snapshot: a restart would wait for the feed.",
                self._disk.behind,
            ),
            "copy_unmarked": (
                "1 while the watermark cannot be written either: a restart would decide by an older copy.",
                self._disk.watermark_failed,
            ),
        }
        if self._current.view is None:
            # Absent, not 0, like the snapshot's age.
            del flags["snapshot_stale"]
        for name, (description, value) in flags.items():
            yield GaugeMetricFamily(f"watchword_verifier_{name}", description, value=float(value))
        yield GaugeMetricFamily(
            "watchword_verifier_organizations_not_understood",
            "Organizations whose tokens are refused because this version cannot read their trust.",
            value=len(self._current.not_understood()),
        )


ONE_IN: Final = 16
"""One request in this many is timed. Timing every request would cost 2 % of the throughput; this costs 0.2 %."""

FIRST_BIT: Final = 13
LAST_BIT: Final = 30
"""Buckets end at powers of two, in nanoseconds: from 8 microseconds to a second."""


class DecisionTimes(Collector):
    """How long decisions take. Written by the one thread that answers over HTTP.

    Attributes:
        is_timed: call it once for each request; True for every sixteenth.
        counts: timed requests, by the bit length of their nanoseconds.
        nanoseconds: a list of one number, the sum.
    """

    def __init__(self) -> None:
        self.is_timed = cycle((True, *(False,) * (ONE_IN - 1))).__next__
        self.counts = [0] * 65
        self.nanoseconds = [0]

    def add(self, nanoseconds: int) -> None:
        """Count one timed request."""
        self.counts[nanoseconds.bit_length()] += 1
        self.nanoseconds[0] += nanoseconds

    def collect(self) -> Iterator[Metric]:
        # A duration of n bits is below 2**n.
        cumulative = list(accumulate(self.counts))
        bounds = [(repr(2**bit / 1e9), float(cumulative[bit])) for bit in range(FIRST_BIT, LAST_BIT + 1)]
        yield HistogramMetricFamily(
            "watchword_verifier_decision_duration_seconds",
            f"From a request to its response, over HTTP; one request in {ONE_IN} is timed. Requests that wait for a key"
            " are not included.",
            buckets=[*bounds, ("+Inf", float(cumulative[-1]))],
            sum_value=self.nanoseconds[0] / 1e9,
        )
