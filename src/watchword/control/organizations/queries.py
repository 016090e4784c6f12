"""Reading organizations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchword.control.base.refusals import Refusal
from watchword.control.organizations.models import Organization, Subscription, Suspension
from watchword.control.organizations.rules import (
    Entitlement,
    SubscriptionTerms,
    SuspensionNotice,
    entitlement,
)

if TYPE_CHECKING:
    from datetime import datetime


def lock_organization(organization_id: str) -> bool:
    """Lock the organization's row until the transaction ends; False if there is none."""
    # no_key: changes of one organization wait for each other, but rows that refer to it can be inserted.
    # SQLite has no row locks and needs none: IMMEDIATE transactions run one after the other.
    rows = Organization.objects.select_for_update(no_key=True).filter(pk=organization_id)
    return rows.values_list("pk", flat=True).first() is not None


def check_entitlement(organization_id: str, now: datetime) -> None:
    """Refuse changes to the servers of an organization without entitlement.

    Raises:
        Refusal: subscription_inactive or organization_suspended, with the banner's sentence.
    """
    current = entitlement_of(organization_id, now)
    if current.refusal is not None:
        raise Refusal(current.refusal, banner=current.banner)


def entitlement_of(organization_id: str, now: datetime) -> Entitlement:
    """Return the organization's entitlement at `now`. Two queries."""
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
    """Return what the organization sees of the suspension."""
    if row is None:
        return None
    return SuspensionNotice(
        reason=row.get_reason_display(),
        public_text=row.public_text,
        reference=row.reference,
        started_at=row.started_at,
    )
