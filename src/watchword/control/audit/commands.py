"""Purging old events, and recording exports of the log."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, Final

from django.db import transaction

from watchword.control.audit.chain import PURGED, Link, anchor, follow, purge_changes
from watchword.control.audit.models import AuditAnchor, AuditEvent, AuditHead
from watchword.control.base.actor import Permission, Privilege
from watchword.control.base.audit_log import Entry, append
from watchword.control.base.audit_models import TARGET_MAX
from watchword.control.base.unit_of_work import check_permission, time_of, unit_of_work

if TYPE_CHECKING:
    from datetime import datetime

    from watchword.control.base.actor import Actor

PURGE_BATCH: Final = 2000
"""Events per transaction. It blocks all other changes, so it must take about a tenth of a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeAuditEvents:
    """Delete one batch of the events before a time, oldest first.

    The newest event always stays. An event that fails verification stays with all later ones, as evidence of tampering.
    """

    before: datetime
    batch: int = PURGE_BATCH

    def run(self, actor: Actor, *, now: datetime | None = None) -> int:
        """Return how many events were deleted; less than `batch` when there are no more.

        Raises:
            Refusal: permission_missing.
        """
        check_permission(actor, None, Privilege.WORKER)
        # Without `unit_of_work`, which writes events last: triggers let the anchor move only after its event exists.
        with transaction.atomic(durable=True):
            newest = AuditHead.objects.select_for_update().filter(id=1).first()
            if newest is None:
                return 0
            begin = anchor()
            oldest = AuditEvent.objects.filter(sequence__gt=begin.sequence, sequence__lt=newest.sequence)
            batch = oldest.order_by("sequence")[: self.batch]
            old = list(takewhile(lambda event: event.at < self.before, batch))
            last, _fault = follow(begin, old)
            count = last.sequence - begin.sequence
            if count == 0:
                return 0
            at = time_of(now)
            _record_purge(actor, begin, last, at)
            AuditEvent.objects.filter(sequence__lte=last.sequence).delete()
        return count


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordExport:
    """Record an export of the log.

    Attributes:
        organization_id: whose log, None for the provider's with all organizations' events.
        form: `CSV` or `JSON Lines`.
        filtered_by: the filters as text, empty without any.
        events: the number of exported events.
    """

    organization_id: str | None
    form: str
    filtered_by: str
    events: int

    def run(self, actor: Actor, *, now: datetime | None = None) -> None:
        """Record the export.

        Raises:
            Refusal: not_found, permission_missing.
        """
        permission = Privilege.OPERATOR if self.organization_id is None else Permission.AUDIT_LOGS
        with unit_of_work(
            actor, self.organization_id, permission=permission, action="audit_log_exported", now=now
        ) as work:
            work.record(
                target=f"audit log as {self.form}"[:TARGET_MAX],
                changes={"filter": (None, self.filtered_by or None), "events": (None, self.events)},
            )


def _record_purge(actor: Actor, begin: Link, last: Link, now: datetime) -> None:
    event = append(
        Entry(
            at=now,
            organization=None,
            actor=actor.name,
            interface=actor.interface.value,
            address=actor.address,
            action=PURGED,
            target=f"events {begin.sequence + 1} to {last.sequence}",
            changes=purge_changes(begin.sequence + 1, last, last.sequence - begin.sequence),
        )
    )
    AuditAnchor.objects.update_or_create(
        id=1,
        defaults={"sequence": last.sequence, "hash": last.hash, "purged_at": now, "recorded_by": event.sequence},
    )
