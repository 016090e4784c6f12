"""What was called: counted by the verifiers, added up here.

Every row that is added to belongs to one verifier, whose batches come one after the other. So no two verifiers ever
wait for each other's row, however many calls one organization makes; sums are made when they are read.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q

NODE_MAX = 64
BOOT_MAX = 32
SERVER_MAX = 64
OUTCOME_MAX = 32
VALUE_MAX = 256
DIGEST_LENGTH = 64


class UsageStream(models.Model):
    """The batches of one verifier process, and which of them have been applied: all up to `applied`.

    Attributes:
        verifier: whose credential it came with first; batches with another one are refused.
        boot: names the process, 128 random bits; another one after each start.
        applied: the number of the last batch that was applied. One with the same or a lower number was applied before.
        heard_at: when that was.
        minute: the newest minute of which calls were counted; NULL before the first.
        calls: in that minute so far.
        calls_before: in the minute before it.
    """

    verifier = models.ForeignKey("fleet.VerifierCredential", on_delete=models.PROTECT, related_name="streams")
    node = models.CharField(max_length=NODE_MAX)
    boot = models.CharField(max_length=BOOT_MAX)
    applied = models.PositiveBigIntegerField(default=0)
    heard_at = models.DateTimeField(db_index=True)
    minute = models.DateTimeField(null=True)
    calls = models.PositiveBigIntegerField(default=0)
    calls_before = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(name="activity_one_stream_per_process", fields=["node", "boot"])]

    def __str__(self) -> str:
        return f"{self.node}/{self.boot} up to {self.applied}"


class UsageAllowance(models.Model):
    """What one verifier credential may still report, and the batches that were refused as impossible.

    Attributes:
        calls, as_of: see `plausibility.Allowance`.
        refused: how many batches.
        refused_at, problem: the last of them; NULL if there is none.
    """

    verifier = models.OneToOneField(
        "fleet.VerifierCredential", primary_key=True, on_delete=models.PROTECT, related_name="usage_allowance"
    )
    calls = models.PositiveBigIntegerField(default=0)
    as_of = models.DateTimeField()
    refused = models.PositiveBigIntegerField(default=0)
    refused_at = models.DateTimeField(null=True)
    problem = models.CharField(max_length=16, null=True)

    def __str__(self) -> str:
        return f"{self.verifier_id}: {self.calls} calls, {self.refused} batches refused"


class DailyCalls(models.Model):
    """Calls of one organization on one day (UTC) that one verifier decided. The threshold is about their sum.

    Attributes:
        updated_at: when they were added to last, so that the worker need look at few.
    """

    day = models.DateField()
    organization = models.ForeignKey("organizations.Organization", on_delete=models.PROTECT, related_name="daily_calls")
    verifier = models.ForeignKey("fleet.VerifierCredential", on_delete=models.PROTECT, related_name="+")
    allowed = models.PositiveBigIntegerField(default=0)
    denied = models.PositiveBigIntegerField(default=0)
    updated_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [
            # In this order, so that its index finds an organization's days.
            models.UniqueConstraint(name="activity_daily_calls_once", fields=["organization", "day", "verifier"]),
        ]
        indexes = [models.Index(name="activity_daily_calls_by_day", fields=["day"])]

    def __str__(self) -> str:
        return f"{self.organization_id} on {self.day}: {self.allowed} allowed, {self.denied} denied"


class UsageLine(models.Model):
    """Calls of one hour that have everything below in common, as one verifier decided them.

    Attributes:
        digest: SHA-256 over organization, server, outcome and profile, so that one short key stands for all of them.
        organization: NULL for requests to organizations that do not exist.
        server: the id of the authorization server; NULL where none was enabled. It may have been deleted since.
        revision: the newest revision of the trust that decided.
        outcome: the code of the kernel's reason; NULL for allowed.
        read: whether a token was read, and if so whether there was a place for its profile.
        issuer, audience, client_claim, client_id, kid, alg, typ: what it said of itself. Of refused tokens nothing of
            it is verified.
        last_at: the newest minute.
    """

    class Read(models.TextChoices):
        NOTHING = "nothing", "no token read"
        PROFILE = "profile", "profile"
        OTHER = "other", "other"

    hour = models.DateTimeField(db_index=True)
    digest = models.CharField(max_length=DIGEST_LENGTH)
    organization = models.ForeignKey(
        "organizations.Organization", on_delete=models.PROTECT, null=True, related_name="usage_lines"
    )
    verifier = models.ForeignKey("fleet.VerifierCredential", on_delete=models.PROTECT, related_name="+")
    server = models.CharField(max_length=SERVER_MAX, null=True)
    revision = models.PositiveBigIntegerField()
    outcome = models.CharField(max_length=OUTCOME_MAX, null=True)
    read = models.CharField(max_length=10, choices=Read.choices)
    issuer = models.CharField(max_length=VALUE_MAX, null=True)
    audience = models.CharField(max_length=VALUE_MAX, null=True)
    client_claim = models.CharField(max_length=VALUE_MAX, null=True)
    client_id = models.CharField(max_length=VALUE_MAX, null=True)
    kid = models.CharField(max_length=VALUE_MAX, null=True)
    alg = models.CharField(max_length=VALUE_MAX, null=True)
    typ = models.CharField(max_length=VALUE_MAX, null=True)
    calls = models.PositiveBigIntegerField()
    last_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="activity_usage_line_once", fields=["digest", "hour", "verifier"]),
        ]
        indexes = [models.Index(name="activity_usage_by_organization", fields=["organization", "hour"])]

    def __str__(self) -> str:
        return f"{self.organization_id} at {self.hour}: {self.calls} calls, {self.outcome or 'allowed'}"


class ThresholdDay(models.Model):
    """How far the API call threshold of one day (UTC) is used up, as far as anybody was told.

    Attributes:
        base: allowed calls of the day that no longer count towards the threshold, because they were made before an
            operator reinstated the organization.
        told: the highest of the percentages that notices were given at, 0 for none.
        threshold: what that was a percentage of.
    """

    organization = models.ForeignKey(
        "organizations.Organization", on_delete=models.PROTECT, related_name="threshold_days"
    )
    day = models.DateField(db_index=True)
    base = models.PositiveBigIntegerField(default=0)
    told = models.PositiveSmallIntegerField(default=0)
    threshold = models.PositiveBigIntegerField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="activity_one_threshold_day", fields=["organization", "day"]),
            models.CheckConstraint(name="activity_told_percentages", condition=Q(told__in=(0, 50, 80, 100))),
        ]

    def __str__(self) -> str:
        return f"{self.organization_id} on {self.day}: {self.told} %"
