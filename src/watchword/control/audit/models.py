"""The state of the whole audit log: where it begins after a purge, and how far it is verified."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from watchword.control.base.audit_models import AuditEvent, AuditHead

__all__ = ["AuditAnchor", "AuditCheckpoint", "AuditEvent", "AuditHead"]


class AuditAnchor(models.Model):
    """The single row with the chain's beginning after a purge; no row before the first purge.

    Triggers let it move only forward, to an existing event that is older than the one that records the purge.

    Attributes:
        sequence, hash: of the last purged event.
        purged_at: when.
        recorded_by: the sequence of the event `audit_events_purged`.
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
    """The single row with the worker's verification state, for the page.

    Attributes:
        sequence, hash: the newest verified event.
        verified_at: when it was last verified.
        walked_sequence, walked_hash: the position of the present walk over the whole chain.
        whole_at: when a walk last found the whole chain intact.
        fault: the sentence of `verify_chain`, until a walk finds the chain intact again.
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
