"""What was decided, counted in memory."""

from __future__ import annotations

from watchword.core.decision import Reason


class Outcomes:
    """Decisions since the process started. Counted by one thread alone, read by any other."""

    def __init__(self) -> None:
        self.allowed = 0
        # All reasons from the start: a counter that appears only with its first event looks like a gap to Prometheus.
        self.denied = dict.fromkeys(Reason, 0)
