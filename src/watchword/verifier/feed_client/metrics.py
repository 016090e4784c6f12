"""Figures for Prometheus about how the verifier follows the feed, and about its copy on disk."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from prometheus_client.core import Metric

    from watchword.verifier.disk.copy import DiskCopy
    from watchword.verifier.snapshot import CurrentSnapshot


class FollowingCollector(Collector):
    """Each is above 0 while something needs an operator, and 0 otherwise."""

    def __init__(self, *, current: CurrentSnapshot, disk: DiskCopy, clock: Callable[[], float] = time.time) -> None:
        self._current = current
        self._disk = disk
        self._clock = clock

    def collect(self) -> Iterator[Metric]:
        figures = {
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
                "1 while more is decided by than could be written to disk, so that a restart would wait for the feed.",
                self._disk.behind,
            ),
            "copy_unmarked": (
                "1 while not even that could be written down, so that a restart would decide by an older copy.",
                self._disk.unmarked,
            ),
        }
        if self._current.view is None:
            # Absent rather than 0, as of the snapshot's age: "nothing" is not "fresh".
            del figures["snapshot_stale"]
        for name, (sentence, value) in figures.items():
            yield GaugeMetricFamily(f"watchword_verifier_{name}", sentence, value=float(value))
        yield GaugeMetricFamily(
            "watchword_verifier_organizations_not_understood",
            "Organizations whose tokens are refused because this version cannot read their trust.",
            value=len(self._current.not_understood()),
        )
