"""How long decisions take, for the metrics. The request path adds to a list and nothing else."""

from __future__ import annotations

from itertools import accumulate, cycle
from typing import TYPE_CHECKING, Final

from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.core import Metric

ONE_IN: Final = 16
"""Requests that are timed. To time each would cost 2 % of what a verifier answers; this costs 0.2 %."""

FIRST_BIT: Final = 13
LAST_BIT: Final = 30
"""Buckets end at powers of two, in nanoseconds: from 8 microseconds to a second."""


class DecisionTimes(Collector):
    """Written by the one thread that answers over HTTP.

    Attributes:
        is_timed: call it once for each request.
        counts: of timed requests, by the number of bits of their nanoseconds.
        nanoseconds: one number, the sum.
    """

    def __init__(self) -> None:
        self.is_timed = cycle((True, *(False,) * (ONE_IN - 1))).__next__
        self.counts = [0] * 65
        self.nanoseconds = [0]

    def add(self, nanoseconds: int) -> None:
        """Count one request that was timed."""
        self.counts[nanoseconds.bit_length()] += 1
        self.nanoseconds[0] += nanoseconds

    def collect(self) -> Iterator[Metric]:
        # A duration of n bits is below 2**n.
        until = list(accumulate(self.counts))
        bounds = [(repr(2**bit / 1e9), float(until[bit])) for bit in range(FIRST_BIT, LAST_BIT + 1)]
        yield HistogramMetricFamily(
            "watchword_verifier_decision_duration_seconds",
            f"From a request to its answer, over HTTP; one request in {ONE_IN} is timed. Without those that wait for a"
            " key.",
            buckets=[*bounds, ("+Inf", float(until[-1]))],
            sum_value=self.nanoseconds[0] / 1e9,
        )
