"""The portal's metrics for Prometheus, and its readiness."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final, TypeVar

from django.db import DatabaseError, connections
from django.utils import timezone
from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from watchword.control.activity.refused_batches import batches_refused
from watchword.control.base.refused_requests import REFUSED_REQUESTS
from watchword.control.entrance.api_requests import is_api
from watchword.control.fleet.feed import PREFIX
from watchword.control.fleet.queries import head, oldest_credential
from watchword.runtime.metrics import new_registry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from prometheus_client.core import Metric

    from watchword.control.base.asgi import Application, Receive, Send
    from watchword.control.fleet.queries import Head


T = TypeVar("T")

_PARTS: Final = ("feed", "api", "pages")
_CLASSES: Final = ("2xx", "3xx", "4xx", "5xx")
_BUCKETS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class PortalMetrics:
    """Counts requests. The feed's revision is read from the database at each scrape."""

    def __init__(self) -> None:
        self.registry = new_registry("portal")
        self._requests = Counter(
            "watchword_portal_requests_total",
            "Requests answered since the start.",
            ("part", "status"),
            registry=self.registry,
        )
        # All label values from the start: Prometheus misses the first increment of a new counter.
        for part in _PARTS:
            for status in _CLASSES:
                self._requests.labels(part, status)
        self._duration = Histogram(
            "watchword_portal_page_duration_seconds",
            "How long a page took, without the feed's requests, which wait for changes.",
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self._feed_requests = Gauge(
            "watchword_portal_feed_questions", "Requests of verifiers to the feed that are waiting or in progress.",
            registry=self.registry,
        )  # fmt: skip
        self.registry.register(_Feed())
        self.registry.register(_Refused())

    def counting(self, application: Application) -> Application:
        """Wrap the application to count its requests."""

        async def counted(scope: dict[str, Any], receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await application(scope, receive, send)
                return
            part = _part(scope)
            # An application that raises sends no response; the server then sends a 500.
            status = 500

            async def noting(message: dict[str, Any]) -> None:
                nonlocal status
                status = message.get("status", status)
                await send(message)

            began = time.monotonic()
            try:
                if part == "feed":
                    with self._feed_requests.track_inprogress():
                        await application(scope, receive, noting)
                else:
                    await application(scope, receive, noting)
            finally:
                self._requests.labels(part, f"{status // 100}xx").inc()
                if part == "pages":
                    self._duration.observe(time.monotonic() - began)

        return counted


def _part(scope: dict[str, Any]) -> str:
    if scope["path"].startswith(PREFIX):
        return "feed"
    return "api" if is_api(scope) else "pages"


def why_not_ready() -> str | None:
    """Return why the portal can serve neither pages nor verifiers; None when it is ready."""
    return None if _head() is not None else "The database does not respond."


class _Feed(Collector):
    def collect(self) -> Iterator[Metric]:
        newest = _head()
        refused = None if newest is None else _query_or_none(batches_refused)
        yield GaugeMetricFamily(
            "watchword_portal_database_up", "1 while the database responds.", value=float(newest is not None)
        )
        if newest is not None:
            yield GaugeMetricFamily(
                "watchword_portal_feed_revision", "The newest revision of the feed.", value=newest.revision
            )
        oldest = None if newest is None else _query_or_none(lambda: oldest_credential(timezone.now()))
        if oldest is not None:
            yield GaugeMetricFamily(
                "watchword_portal_oldest_verifier_credential_seconds",
                "The age of the oldest credential of a verifier.",
                value=oldest.total_seconds(),
            )
        if refused is not None:
            yield CounterMetricFamily(
                "watchword_portal_usage_batches_refused",
                "Usage batches that all portals refused because they cannot be true.",
                value=refused,
            )


class _Refused(Collector):
    def collect(self) -> Iterator[Metric]:
        refused = CounterMetricFamily(
            "watchword_portal_refused_requests", "Refused requests that look like an attack.", labels=("kind",)
        )
        for kind, total in REFUSED_REQUESTS.totals():
            refused.add_metric([kind.code], total)
        yield refused


def _head() -> Head | None:
    return _query_or_none(head)


def _query_or_none(query: Callable[[], T]) -> T | None:
    try:
        return query()
    except DatabaseError:
        return None
    finally:
        # The thread ends after the scrape; its connection must not stay open.
        connections.close_all()
