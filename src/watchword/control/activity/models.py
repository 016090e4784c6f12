"""API calls: counted by the verifiers, added up here.

Every row of counts belongs to one verifier, which sends one batch at a time. So no verifier waits for another one's
row, however many calls one organization makes. Queries compute sums over verifiers.
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
    """One verifier process and the number of its last applied batch.

    Attributes:
        verifier: whose credential sent the first batch; batches with another credential are refused.
        boot: identifies the process, 128 random bits; new with each start.
        applied: the number of the last applied batch. A batch with the same or a lower number was applied before.
        heard_at: when it was applied.
        minute: the newest minute with calls; NULL before the first.
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
    """How many calls one credential may still report, and its batches that were refused as impossible.

    Attributes:
        calls, as_of: see `plausibility.Allowance`.
        refused: the number of refused batches.
        refused_at, problem: of the last refused batch; NULL without one.
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
    """Calls of one organization on one day (UTC) that one verifier decided. The threshold applies to their sum.

    Attributes:
        updated_at: of the last addition, so that the worker reviews few rows.
    """

    day = models.DateField()
    organization = models.ForeignKey("organizations.Organization", on_delete=models.PROTECT, related_name="daily_calls")
    verifier = models.ForeignKey("fleet.VerifierCredential", on_delete=models.PROTECT, related_name="+")
    allowed = models.PositiveBigIntegerField(default=0)
    denied = models.PositiveBigIntegerField(default=0)
    updated_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [
            # In this order, so that the index finds an organization's days.
            models.UniqueConstraint(name="activity_daily_calls_once", fields=["organization", "day", "verifier"]),
        ]
        indexes = [models.Index(name="activity_daily_calls_by_day", fields=["day"])]

    def __str__(self) -> str:
        return f"{self.organization_id} on {self.day}: {self.allowed} allowed, {self.denied} denied"


class UsageLine(models.Model):
    """Calls of one hour that one verifier decided and that have all fields below in common.

    Attributes:
        digest: SHA-256 over organization, server, outcome and profile: a short unique key.
        organization: NULL for requests to organizations that do not exist.
        server: the id of the authorization server, which may be deleted by now; NULL if none was enabled.
        revision: the newest revision of the trust that decided.
        outcome: the reason's code; NULL for allowed.
        read: whether the verifier read a token, and whether it had room for the profile.
        issuer, audience, client_claim, client_id, kid, alg, typ: the token's claims and header. Those of refused
            tokens are unverified.
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
    """The use of one day's (UTC) API call threshold that was last reported.

    Attributes:
        base: allowed calls of the day that do not count towards the threshold, because an operator has reinstated the
            organization after them.
        reported_percent: the highest percentage that was reported, 0 for none.
        threshold: the threshold of that percentage.
    """

    organization = models.ForeignKey(
        "organizations.Organization", on_delete=models.PROTECT, related_name="threshold_days"
    )
    day = models.DateField(db_index=True)
    base = models.PositiveBigIntegerField(default=0)
    reported_percent = models.PositiveSmallIntegerField(default=0)
    threshold = models.PositiveBigIntegerField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="activity_one_threshold_day", fields=["organization", "day"]),
            models.CheckConstraint(
                name="activity_reported_percentages", condition=Q(reported_percent__in=(0, 50, 80, 100))
            ),
        ]

    def __str__(self) -> str:
        return f"{self.organization_id} on {self.day}: {self.reported_percent} %"
