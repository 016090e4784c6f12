"""What is known of the audit log as a whole: where it begins since a purge, and how far it was verified."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from watchword.control.base.audit_models import AuditEvent, AuditHead

__all__ = ["AuditAnchor", "AuditCheckpoint", "AuditEvent", "AuditHead"]


class AuditAnchor(models.Model):
    """The single row that says where the chain begins since old events were purged; no row before the first purge.

    Triggers let it only move forward, onto an event that is there and older than the one that records the purge.

    Attributes:
        sequence, hash: of the last purged event.
        purged_at: when.
        recorded_by: the sequence of the event `audit_events_purged` that says so.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    sequence = models.PositiveBigIntegerField()
    hash = models.CharField(max_length=64)
    purged_at = models.DateTimeField()
    recorded_by = models.PositiveBigIntegerField()

    class Meta:
        constraints = [
            models.CheckConstraint(name="audit_anchor_is_single", condition=Q(id=1)),
            models.CheckConstraint(name="audit_anchor_is_recorded", condition=Q(recorded_by__gt=F("sequence"))),
        ]

    def __str__(self) -> str:
        return f"anchor at {self.sequence}"


class AuditCheckpoint(models.Model):
    """The single row with what the worker has verified so far, for the page.

    Attributes:
        sequence, hash: the last event that was verified when it was new.
        verified_at: when that was last done.
        walked_sequence, walked_hash: how far the present walk through the whole chain has come.
        whole_at: when such a walk last reached the end and found the chain whole.
        fault: what was found, until a walk finds the chain whole again; the sentence of `verify_chain`.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    sequence = models.PositiveBigIntegerField()
    hash = models.CharField(max_length=64)
    verified_at = models.DateTimeField()
    walked_sequence = models.PositiveBigIntegerField()
    walked_hash = models.CharField(max_length=64)
    whole_at = models.DateTimeField(null=True)
    fault = models.CharField(max_length=254, null=True)

    class Meta:
        constraints = [models.CheckConstraint(name="audit_checkpoint_is_single", condition=Q(id=1))]

    def __str__(self) -> str:
        return f"checkpoint at {self.sequence}"
