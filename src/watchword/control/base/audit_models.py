"""The rows of the audit log. They are never changed, and each has the hash of the one before it.

They are in `base` and not in `audit`, because the commands of all rooms append to them.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from watchword.control.base.actor import CLIENT_MAX, REQUEST_ID_MAX

TARGET_MAX = 254


class AuditEvent(models.Model):
    """Who did what, to what, from where, and with which result. Triggers refuse UPDATE, and DELETE after the anchor.

    `organization` is no foreign key, because the record outlives the organization. `client` and `request_id` are of
    requests to the management API.
    """

    sequence = models.PositiveBigIntegerField(primary_key=True)
    at = models.DateTimeField(db_index=True)
    organization = models.CharField(max_length=32, null=True)
    actor = models.CharField(max_length=254)
    interface = models.CharField(max_length=16)
    address = models.CharField(max_length=45, null=True)
    action = models.CharField(max_length=64)
    target = models.CharField(max_length=TARGET_MAX)
    result = models.CharField(max_length=16)
    changes = models.JSONField(default=dict)
    client = models.CharField(max_length=CLIENT_MAX, null=True)
    request_id = models.CharField(max_length=REQUEST_ID_MAX, null=True)
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64, unique=True)

    class Meta:
        app_label = "audit"
        indexes = [
            models.Index(name="audit_by_organization", fields=["organization", "-sequence"]),
            models.Index(name="audit_by_organization_and_time", fields=["organization", "at"]),
        ]
        constraints = [
            models.CheckConstraint(name="audit_sequence_from_1", condition=Q(sequence__gte=1)),
            models.CheckConstraint(name="audit_result", condition=Q(result__in=["success", "refused"])),
        ]

    def __str__(self) -> str:
        return f"{self.sequence}: {self.action}"


class AuditHead(models.Model):
    """The single row with the newest event. Locking it puts all events into one order."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    sequence = models.PositiveBigIntegerField(default=0)
    hash = models.CharField(max_length=64)

    class Meta:
        app_label = "audit"
        constraints = [models.CheckConstraint(name="audit_head_is_single", condition=Q(id=1))]

    def __str__(self) -> str:
        return f"head at {self.sequence}"
