"""Reading organizations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchword.control.organizations.models import Subscription, Suspension
from watchword.control.organizations.rules import (
    Entitlement,
    SubscriptionTerms,
    SuspensionNotice,
    entitlement,
)

if TYPE_CHECKING:
    from datetime import datetime


def entitlement_of(organization_id: str, now: datetime) -> Entitlement:
    """The organization's standing at `now`. Two queries."""
    return entitlement(
        subscription=subscription_terms(organization_id), suspension=live_suspension(organization_id), now=now
    )


def subscription_terms(organization_id: str) -> SubscriptionTerms | None:
    return terms_of(Subscription.objects.filter(pk=organization_id).first())


def live_suspension(organization_id: str) -> SuspensionNotice | None:
    return notice_of(Suspension.objects.filter(organization_id=organization_id, lifted_at__isnull=True).first())


def terms_of(row: Subscription | None) -> SubscriptionTerms | None:
    if row is None:
        return None
    return SubscriptionTerms(starts_at=row.starts_at, expires_at=row.expires_at, term_starts_at=row.term_starts_at)


def notice_of(row: Suspension | None) -> SuspensionNotice | None:
    """What the organization is told of the suspension."""
    if row is None:
        return None
    return SuspensionNotice(
        reason=row.get_reason_display(),
        public_text=row.public_text,
        reference=row.reference,
        started_at=row.started_at,
    )
