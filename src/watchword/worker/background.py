"""What the worker does in its own threads while it fetches: audit log, thresholds, old counts."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog
from django.db import close_old_connections, connections
from django.utils import timezone

from watchword.control.activity import queries
from watchword.control.activity.commands import PURGE_BATCH as USAGE_BATCH
from watchword.control.activity.commands import purge, review_thresholds
from watchword.control.audit.checkpoint import verify_step
from watchword.control.audit.commands import PURGE_BATCH as AUDIT_BATCH
from watchword.control.audit.commands import PurgeAuditEvents
from watchword.control.base.actor import WORKER
from watchword.runtime.outages import Outage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from datetime import datetime

AUDIT_SECONDS: Final = 60.0
REVIEW_SECONDS: Final = 10.0
PURGE_SECONDS: Final = 3600.0

_log = structlog.get_logger("watchword.worker")


def keeping_the_audit_log(kept_days: int, stop: threading.Event) -> AbstractContextManager[None]:
    """Purge and verify the audit log until `stop` is set."""
    outage = Outage(_log, "audit_log_not_kept", over="audit_log_kept_again")

    def step() -> None:
        keep_audit_log_once(kept_days, stop, timezone.now())

    return _repeated("audit-log", step, AUDIT_SECONDS, outage, stop)


def watching_the_usage(kept_days: int, stop: threading.Event) -> AbstractContextManager[None]:
    """Review thresholds and purge old counts until `stop` is set."""
    outage = Outage(_log, "usage_not_watched", over="usage_watched_again")
    purged_at = -PURGE_SECONDS

    def step() -> None:
        nonlocal purged_at
        review_once(timezone.now())
        if time.monotonic() - purged_at >= PURGE_SECONDS:
            purge_usage_once(kept_days, stop, timezone.now())
            purged_at = time.monotonic()

    return _repeated("usage", step, REVIEW_SECONDS, outage, stop)


@contextmanager
def _repeated(
    name: str, step: Callable[[], None], seconds: float, outage: Outage, stop: threading.Event
) -> Iterator[None]:
    """Repeat `step` in a thread while the block runs, so that neither its time nor its faults reach the fetches."""

    def run() -> None:
        while not stop.is_set():
            try:
                close_old_connections()
                step()
            except Exception as error:  # noqa: BLE001 - the thread must survive an outage of the database.
                # Only its kind: its text may hold a row of the database.
                outage.failed(fault=type(error).__name__)
            else:
                outage.succeeded()
            stop.wait(seconds)
        connections.close_all()

    thread = threading.Thread(target=run, name=name)
    thread.start()
    try:
        yield
    finally:
        # Also when the fetches end by a fault: a running thread would keep the process alive.
        stop.set()
        thread.join()


def keep_audit_log_once(kept_days: int, stop: threading.Event, now: datetime) -> None:
    """Purge all events older than `kept_days`, then verify one step further."""
    # By whole days: purging each event at its time would write one event for every purged one.
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    command = PurgeAuditEvents(before=midnight - timedelta(days=kept_days))
    while (purged := command.run(WORKER, now=now)) > 0:
        _log.info("audit_events_purged", events=purged)
        if purged < AUDIT_BATCH or stop.is_set():
            break
    checkpoint = verify_step(now)
    if checkpoint.fault is not None:
        _log.error("audit_chain_broken", fault=checkpoint.fault)


def review_once(now: datetime) -> None:
    """Review the thresholds of all organizations with calls in the last minutes.

    The portal does it with each batch; a portal that was killed in between did not.
    """
    reviewed = review_thresholds(queries.recently_called(now), now)
    if reviewed:
        _log.info("thresholds_reviewed", organizations=reviewed)


def purge_usage_once(kept_days: int, stop: threading.Event, now: datetime) -> None:
    """Purge all counts older than `kept_days`."""
    while (purged := purge(now, kept_days=kept_days)) > 0:
        _log.info("usage_purged", rows=purged)
        if purged < USAGE_BATCH or stop.is_set():
            break
