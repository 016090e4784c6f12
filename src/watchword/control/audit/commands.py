"""Purging old events, and noting that somebody took a copy of the log."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.utils import timezone

from watchword.control.audit.chain import PURGED, Link, anchor, follow, purge_changes
from watchword.control.audit.models import AuditAnchor, AuditEvent, AuditHead
from watchword.control.base.actor import Permission, Privilege
from watchword.control.base.audit_log import Entry, append
from watchword.control.base.audit_models import TARGET_MAX
from watchword.control.base.unit_of_work import check_permission, unit_of_work

if TYPE_CHECKING:
    from datetime import datetime

    from watchword.control.base.actor import Actor

PURGE_BATCH: Final = 2000
"""Events per transaction. Nobody can change anything meanwhile, so it must be a matter of a tenth of a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeAuditEvents:
    """Delete one batch of the events from before a time, oldest first.

    The newest event stays, however old it is. An event that does not verify stays too, with all that come after it:
    it is the evidence that somebody tampered with the log.
    """

    before: datetime
    batch: int = PURGE_BATCH

    def run(self, actor: Actor, *, now: datetime | None = None) -> int:
        """How many events were deleted; less than `batch` when there are no more.

        Raises:
            Refusal: permission_missing.
        """
        check_permission(actor, None, Privilege.WORKER)
        # Not by `change`, which writes its events last: triggers let the anchor move only after the event is there.
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
            at = timezone.now() if now is None else now
            _record_purge(actor, begin, last, at)
            AuditEvent.objects.filter(sequence__lte=last.sequence).delete()
        return count


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordExport:
    """Write down that somebody takes a copy of the log away.

    Attributes:
        organization_id: whose log, None for the provider's with all organizations' events.
        form: `CSV` or `JSON Lines`.
        filtered_by: the filters in words, empty when there are none.
        events: how many the copy holds.
    """

    organization_id: str | None
    form: str
    filtered_by: str
    events: int

    def run(self, actor: Actor, *, now: datetime | None = None) -> None:
        """Record it.

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
