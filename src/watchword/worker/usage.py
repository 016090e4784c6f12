"""What the worker does about API calls: thresholds that a portal process had to leave unreviewed, and purging."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import structlog
from django.db import close_old_connections, connections
from django.utils import timezone

from watchword.control.activity import queries
from watchword.control.activity.commands import PURGE_BATCH, purge, review
from watchword.runtime.outages import Outage
from watchword.worker.background import beside_the_fetches

if TYPE_CHECKING:
    import threading
    from contextlib import AbstractContextManager
    from datetime import datetime

REVIEW_SECONDS: Final = 10.0
PURGE_SECONDS: Final = 3600.0

_log = structlog.get_logger("watchword.worker")


def watching_the_usage(kept_days: int, stop: threading.Event) -> AbstractContextManager[None]:
    """Watch the API calls beside the fetches, until `stop` is set."""
    return beside_the_fetches("usage", _watch, kept_days, stop)


def review_once(now: datetime) -> None:
    """See to the thresholds of all organizations with calls in the last minutes."""
    reviewed = review(queries.called_lately(now), now)
    if reviewed:
        _log.info("thresholds_reviewed", organizations=reviewed)


def purge_once(kept_days: int, stop: threading.Event, now: datetime) -> None:
    """Purge all that is older than `kept_days`."""
    while (purged := purge(now, kept_days=kept_days)) > 0:
        _log.info("usage_purged", rows=purged)
        if purged < PURGE_BATCH or stop.is_set():
            break


def _watch(kept_days: int, stop: threading.Event) -> None:
    purged_at = -PURGE_SECONDS
    outage = Outage(_log, "usage_not_watched", over="usage_watched_again")
    while not stop.is_set():
        try:
            close_old_connections()
            review_once(timezone.now())
            if time.monotonic() - purged_at >= PURGE_SECONDS:
                purge_once(kept_days, stop, timezone.now())
                purged_at = time.monotonic()
        except Exception as error:  # noqa: BLE001 - the thread outlives the database.
            # Its kind alone: its text may hold a row of the database.
            outage.failed(fault=type(error).__name__)
        else:
            outage.succeeded()
        stop.wait(REVIEW_SECONDS)
    connections.close_all()
