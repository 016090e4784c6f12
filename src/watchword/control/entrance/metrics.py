"""The portal's figures for Prometheus, and whether people and verifiers should be sent to it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final, TypeVar

from django.db import DatabaseError, connections
from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from watchword.control.activity.refused_batches import batches_refused
from watchword.control.base.refused_requests import REFUSED_REQUESTS
from watchword.control.fleet.feed import PREFIX
from watchword.control.fleet.queries import head
from watchword.runtime.metrics import new_registry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from prometheus_client.core import Metric

    from watchword.control.base.asgi import Application, Receive, Send
    from watchword.control.fleet.queries import Head


T = TypeVar("T")

_PARTS: Final = ("feed", "pages")
_CLASSES: Final = ("2xx", "3xx", "4xx", "5xx")
_BUCKETS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class PortalFigures:
    """Counts requests on their way through; the feed's revision is asked of the database when scraped."""

    def __init__(self) -> None:
        self.registry = new_registry("portal")
        self._requests = Counter(
            "watchword_portal_requests_total",
            "Requests answered since the start.",
            ("part", "status"),
            registry=self.registry,
        )
        # All of them from the start: a counter that appears with its first event looks like a gap to Prometheus.
        for part in _PARTS:
            for status in _CLASSES:
                self._requests.labels(part, status)
        self._duration = Histogram(
            "watchword_portal_page_duration_seconds",
            "How long a page took; the feed's questions, which wait for changes, are not among them.",
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self._questions = Gauge(
            "watchword_portal_feed_questions", "Questions of verifiers that are being held or answered.",
            registry=self.registry,
        )  # fmt: skip
        self.registry.register(_Feed())
        self.registry.register(_Refused())

    def counting(self, application: Application) -> Application:
        """The same application, counted."""

        async def counted(scope: dict[str, Any], receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await application(scope, receive, send)
                return
            part = "feed" if scope["path"].startswith(PREFIX) else "pages"
            # An application that raises has answered nothing; the server makes a 500 of it.
            status = 500

            async def noting(message: dict[str, Any]) -> None:
                nonlocal status
                status = message.get("status", status)
                await send(message)

            began = time.monotonic()
            try:
                if part == "feed":
                    with self._questions.track_inprogress():
                        await application(scope, receive, noting)
                else:
                    await application(scope, receive, noting)
            finally:
                self._requests.labels(part, f"{status // 100}xx").inc()
                if part == "pages":
                    self._duration.observe(time.monotonic() - began)

        return counted


def why_not_ready() -> str | None:
    """A sentence for the operator while the portal can neither show a page nor answer a verifier."""
    return None if _head() is not None else "The database does not answer."


class _Feed(Collector):
    def collect(self) -> Iterator[Metric]:
        newest = _head()
        refused = None if newest is None else _asked(batches_refused)
        yield GaugeMetricFamily(
            "watchword_portal_database_up", "1 while the database answers.", value=float(newest is not None)
        )
        if newest is not None:
            yield GaugeMetricFamily(
                "watchword_portal_feed_revision", "The newest revision that was given out.", value=newest.revision
            )
        if refused is not None:
            yield CounterMetricFamily(
                "watchword_portal_usage_batches_refused",
                "Batches of usage, of all portals, that were refused because they cannot be true.",
                value=refused,
            )


class _Refused(Collector):
    def collect(self) -> Iterator[Metric]:
        refused = CounterMetricFamily(
            "watchword_portal_refused_requests", "Requests refused that look like an attack.", labels=("kind",)
        )
        for kind, total in REFUSED_REQUESTS.totals():
            refused.add_metric([kind.code], total)
        yield refused


def _head() -> Head | None:
    return _asked(head)


def _asked(query: Callable[[], T]) -> T | None:
    try:
        return query()
    except DatabaseError:
        return None
    finally:
        # The thread that asked is gone after the answer; its connection must not stay behind.
        connections.close_all()
