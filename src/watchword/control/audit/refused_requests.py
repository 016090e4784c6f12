"""Records a series of refused requests in the provider's audit log, in a thread of its own."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog
from django.db import DatabaseError, connections, transaction
from django.utils import timezone

from watchword.control.audit.models import AuditEvent, AuditHead
from watchword.control.base.actor import Interface
from watchword.control.base.audit_log import REFUSED, Entry, append
from watchword.control.base.refused_requests import EVENT_SECONDS, WINDOW_SECONDS

if TYPE_CHECKING:
    from datetime import datetime

    from watchword.control.base.refused_requests import Series

UNKNOWN: Final = "unknown"
_ACTION: Final = "requests_refused"

_log = structlog.get_logger("watchword.portal")


def record_in_background(series: Series) -> threading.Thread:
    """Start recording. Neither the request nor the event loop must wait for it."""
    thread = threading.Thread(target=_record_and_close, args=(series,), name="refused-requests", daemon=True)
    thread.start()
    return thread


def record(series: Series, now: datetime) -> None:
    """Append one audit event, unless this or another portal has recorded that kind within the last hour."""
    with transaction.atomic(durable=True):
        # Locked before the check, so that of two portals the second finds the first one's event.
        AuditHead.objects.select_for_update().filter(id=1).first()
        since = now - timedelta(seconds=EVENT_SECONDS)
        if AuditEvent.objects.filter(at__gt=since, action=_ACTION, target__startswith=series.kind.words).exists():
            return
        append(
            Entry(
                at=now,
                organization=None,
                actor=series.actor or UNKNOWN,
                interface=Interface.PORTAL.value,
                address=series.address,
                action=_ACTION,
                target=f"{series.kind.words}: {series.number} within {WINDOW_SECONDS / 60:.0f} minutes",
                result=REFUSED,
            )
        )


def _record_and_close(series: Series) -> None:
    try:
        record(series, timezone.now())
    except DatabaseError as failure:
        _log.error("refused_requests_not_recorded", kind=series.kind.code, fault=type(failure).__name__)
    finally:
        connections.close_all()
