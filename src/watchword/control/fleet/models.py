"""The feed's state, the trust that it publishes, and the verifiers' credentials."""

from __future__ import annotations

import hashlib
import secrets
from typing import Final

from django.db import models
from django.db.models import Q

SECRET_PREFIX: Final = "wwv_"  # noqa: S105 - the part of a secret that is public.
"""Lets secret scanners recognise a verifier's credential that was committed by mistake."""

SECRET_MAX: Final = 200


def secret_hash(secret: str) -> str:
    """Return the hexadecimal SHA-256. A plain hash is enough: a secret has 256 random bits and cannot be guessed."""
    return hashlib.sha256(secret.encode()).hexdigest()


def new_epoch() -> str:
    return secrets.token_hex(8)


class FeedState(models.Model):
    """The single row with the counter of revisions.

    Attributes:
        epoch: identifies one history of revisions. Operators change it after restoring a backup, because the restored
            feed reuses revisions for other trust.
        revision: the newest one. Incrementing it locks the row until the transaction ends, so revisions become visible
            in their order.
        revocations: the number of revoked credentials; when it rises, waiting requests are checked again.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    epoch = models.CharField(max_length=32, default=new_epoch)
    revision = models.PositiveBigIntegerField(default=0)
    revocations = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [models.CheckConstraint(name="fleet_state_is_single", condition=Q(id=1))]

    def __str__(self) -> str:
        return f"{self.epoch}/{self.revision}"


class TrustRecord(models.Model):
    """The newest trust of one organization as the feed sends it, without its revision."""

    organization = models.OneToOneField(
        "organizations.Organization", primary_key=True, on_delete=models.PROTECT, related_name="trust_record"
    )
    revision = models.PositiveBigIntegerField(unique=True)
    document = models.JSONField()

    class Meta:
        constraints = [models.CheckConstraint(name="fleet_revision_from_1", condition=Q(revision__gte=1))]

    def __str__(self) -> str:
        return f"trust of {self.organization_id} at {self.revision}"


class VerifierCredential(models.Model):
    """One verifier's right to read the feed. Only the SHA-256 of its secret is stored.

    Attributes:
        rotated_at: when the newest secret was created; None while the verifier has its first one.
        is_newest_used: whether a request has come with the newest secret since it was rotated.
        previous_secret_hash: of the secret before, which the feed accepts until `previous_until`.
        last_seen_at, last_revision, node, version: from the verifier's last request, for the console.
        not_understood: the first organizations whose trust it cannot read.
        not_understood_count: the number of all of them.
        revocations: of FeedState when `verifier_of_secret` read the credential.
        presented_hash: of the secret by which `verifier_of_secret` found it.
    """

    name = models.CharField(max_length=64, unique=True)
    secret_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    rotated_at = models.DateTimeField(null=True)
    is_newest_used = models.BooleanField(default=False)
    previous_secret_hash = models.CharField(max_length=64, unique=True, null=True)
    previous_until = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    last_seen_at = models.DateTimeField(null=True)
    last_revision = models.PositiveBigIntegerField(null=True)
    node = models.CharField(max_length=64, null=True)
    version = models.CharField(max_length=64, null=True)
    not_understood = models.JSONField(default=list)
    not_understood_count = models.PositiveIntegerField(default=0)
    revocations: int
    presented_hash: str

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="fleet_verifier_name_form", condition=Q(name__regex=r"\A[A-Za-z0-9._-]{1,64}\Z")
            ),
            models.CheckConstraint(
                name="fleet_previous_secret_ends",
                condition=Q(previous_secret_hash__isnull=True, previous_until__isnull=True)
                | Q(previous_secret_hash__isnull=False, previous_until__isnull=False, rotated_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.name
