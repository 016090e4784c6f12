"""Compares this clock with the portal's, since a wrong clock refuses good tokens and accepts expired ones."""

from __future__ import annotations

from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

import structlog
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from watchword.runtime.outages import Outage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.core import Metric

TOLERATED_SECONDS: Final = 10.0
"""The Date header has a resolution of a second, and a response may take some seconds; tokens have a leeway of 60 s."""

_log = structlog.get_logger("watchword.verifier")


class ClockSkew(Collector):
    """Compares the clocks with each response of the portal.

    Attributes:
        seconds: by which this clock is ahead, negative if it is behind; None before the portal's first response.
    """

    def __init__(self) -> None:
        self.seconds: float | None = None
        self._outage = Outage(_log, "clock_differs", over="clock_agrees_again", level="warning")

    def note(self, date: str | None, now: float) -> None:
        """Compare with the Date header of a response that has just begun.

        Args:
            date: the header (RFC 9110 section 6.6.1); a malformed one is ignored.
            now: Unix seconds.
        """
        if date is None:
            return
        try:
            theirs = parsedate_to_datetime(date).replace(tzinfo=UTC).timestamp()
        except (ValueError, OverflowError):
            return
        # A Date is truncated to whole seconds.
        self.seconds = now - (theirs + 0.5)
        if abs(self.seconds) <= TOLERATED_SECONDS:
            self._outage.succeeded()
        else:
            self._outage.failed(
                ahead="this machine" if self.seconds > 0 else "the portal", seconds=round(abs(self.seconds))
            )

    def collect(self) -> Iterator[Metric]:
        skew = GaugeMetricFamily(
            "watchword_verifier_clock_skew_seconds",
            "By how much this machine's clock is ahead of the portal's; negative when behind.",
        )
        # Absent, not 0, until it is known.
        if self.seconds is not None:
            skew.add_metric((), self.seconds)
        yield skew
