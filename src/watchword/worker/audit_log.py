"""What the worker does for the audit log beside its fetches: purge what is old, and verify the chain."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog
from django.db import close_old_connections, connections
from django.utils import timezone

from watchword.control.audit.checkpoint import verify_on
from watchword.control.audit.commands import PURGE_BATCH, PurgeAuditEvents
from watchword.control.base.actor import WORKER
from watchword.runtime.outages import Outage
from watchword.worker.background import beside_the_fetches

if TYPE_CHECKING:
    import threading
    from contextlib import AbstractContextManager
    from datetime import datetime

STEP_SECONDS: Final = 60.0

_log = structlog.get_logger("watchword.worker")


def keeping_the_audit_log(kept_days: int, stop: threading.Event) -> AbstractContextManager[None]:
    """Keep the audit log beside the fetches, until `stop` is set."""
    return beside_the_fetches("audit-log", _keep, kept_days, stop)


def keep_once(kept_days: int, stop: threading.Event, now: datetime) -> None:
    """Purge all that is older than `kept_days`, then verify one step further."""
    # By whole days: purging each event as its time comes would write an event for every one that goes.
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    purge = PurgeAuditEvents(before=midnight - timedelta(days=kept_days))
    while (purged := purge.run(WORKER, now=now)) > 0:
        _log.info("audit_events_purged", events=purged)
        if purged < PURGE_BATCH or stop.is_set():
            break
    checkpoint = verify_on(now)
    if checkpoint.fault is not None:
        _log.error("audit_chain_broken", fault=checkpoint.fault)


def _keep(kept_days: int, stop: threading.Event) -> None:
    outage = Outage(_log, "audit_log_not_kept", over="audit_log_kept_again")
    while not stop.is_set():
        try:
            close_old_connections()
            keep_once(kept_days, stop, timezone.now())
        except Exception as error:  # noqa: BLE001 - the thread outlives the database.
            # Its kind alone: its text may hold a row of the database.
            outage.failed(fault=type(error).__name__)
        else:
            outage.succeeded()
        stop.wait(STEP_SECONDS)
    connections.close_all()
