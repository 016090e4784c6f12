"""Organizations, their API subscriptions and suspensions."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from watchword.control.organizations.rules import ID_MAX, NAME_MAX, PUBLIC_TEXT_MAX
from watchword.core.trust import ORGANIZATION_ID


class Organization(models.Model):
    """A customer of the API's provider. The `id` is part of URLs and never changes."""

    id = models.CharField(primary_key=True, max_length=ID_MAX)
    name = models.CharField(max_length=NAME_MAX)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            # \A and \Z, because $ would accept a trailing line break.
            models.CheckConstraint(name="organizations_id_form", condition=Q(id__regex=rf"\A{ORGANIZATION_ID}\Z")),
            models.CheckConstraint(name="organizations_has_a_name", condition=~Q(name="")),
        ]

    def __str__(self) -> str:
        return self.name


class Subscription(models.Model):
    """The API subscription, the half-open interval [starts_at, expires_at). An organization without a row has none.

    Attributes:
        term_starts_at: when the present term began, if with a renewal; NULL if it began with the subscription.
        api_call_threshold: allowed API calls per day, NULL for no limit.
        version: counts the changes; a change made from an older version is stale.
        updated_at, updated_by: of the last change.
    """

    organization = models.OneToOneField(
        Organization, primary_key=True, on_delete=models.PROTECT, related_name="subscription"
    )
    starts_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    term_starts_at = models.DateTimeField(null=True)
    api_call_threshold = models.PositiveBigIntegerField(null=True)
    version = models.PositiveIntegerField(default=1)
    updated_at = models.DateTimeField(null=True)
    updated_by = models.CharField(max_length=254, null=True)

    class Meta:
        # For pages of the list of organizations by end or start of the subscription.
        indexes = [
            models.Index(name="organizations_by_expiry", fields=["expires_at", "organization"]),
            models.Index(name="organizations_by_start", fields=["starts_at", "organization"]),
        ]
        constraints = [
            models.CheckConstraint(
                name="organizations_subscription_ends_after_start", condition=Q(expires_at__gt=F("starts_at"))
            ),
            models.CheckConstraint(
                name="organizations_threshold_is_positive",
                condition=Q(api_call_threshold__isnull=True) | Q(api_call_threshold__gte=1),
            ),
        ]

    def __str__(self) -> str:
        return f"API subscription of {self.organization_id}"


class SuspensionReason(models.TextChoices):
    API_CALL_THRESHOLD_EXCEEDED = "api_call_threshold_exceeded", "API call threshold exceeded"
    TERMS_VIOLATED = "terms_violated", "terms and conditions violated"
    OTHER = "other", "other reason"


class Suspension(models.Model):
    """The provider's lock on an organization. It is live while `lifted_at` is NULL; rows are kept as history.

    Attributes:
        public_text: shown to the organization.
        private_note: shown to operators only.
        reference: for the organization to quote to support.
    """

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="suspensions")
    reason = models.CharField(max_length=40, choices=SuspensionReason.choices)
    public_text = models.CharField(max_length=PUBLIC_TEXT_MAX, blank=True, default="")
    private_note = models.TextField(blank=True, default="")
    reference = models.CharField(max_length=32)
    started_at = models.DateTimeField()
    started_by = models.CharField(max_length=254)
    lifted_at = models.DateTimeField(null=True)
    lifted_by = models.CharField(max_length=254, null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="organizations_one_live_suspension",
                fields=["organization"],
                condition=Q(lifted_at__isnull=True),
            ),
            models.CheckConstraint(
                name="organizations_suspension_reason", condition=Q(reason__in=SuspensionReason.values)
            ),
            # Both NULL or neither, in full: a comparison with NULL is unknown, and a constraint that is unknown holds.
            models.CheckConstraint(
                name="organizations_lifting_is_whole",
                condition=Q(lifted_at__isnull=True, lifted_by__isnull=True)
                | Q(lifted_at__isnull=False, lifted_by__isnull=False, lifted_at__gte=F("started_at")),
            ),
        ]

    def __str__(self) -> str:
        return f"suspension of {self.organization_id}"
