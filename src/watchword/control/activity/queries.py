"""Reading the counts. No row has the sums over verifiers: these queries compute them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.db.models import Sum

from watchword.control.activity import rules
from watchword.control.activity.models import DailyCalls, ThresholdDay
from watchword.control.organizations.models import Subscription, Suspension

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date, datetime

LOOK_BACK: Final = timedelta(minutes=2)
"""How far back the worker looks for calls that a portal process could not review."""


def allowed_on(organization_id: str, day: date) -> int:
    """Allowed calls of one organization on one day."""
    return allowed_on_day([organization_id], day).get(organization_id, 0)


def allowed_on_day(organization_ids: Iterable[str], day: date) -> dict[str, int]:
    """Return the allowed calls by organization, without organizations that have none. One query."""
    sums = (
        DailyCalls.objects.filter(organization__in=list(organization_ids), day=day)
        .values("organization")
        .annotate(calls=Sum("allowed"))
    )
    return {row["organization"]: row["calls"] for row in sums}


def threshold_of(organization_id: str) -> int | None:
    """Return the API call threshold, None for no limit."""
    return Subscription.objects.filter(pk=organization_id).values_list("api_call_threshold", flat=True).first()


def is_suspended(organization_id: str) -> bool:
    return Suspension.objects.filter(organization=organization_id, lifted_at__isnull=True).exists()


def due_for_review(organization_ids: Iterable[str], now: datetime) -> list[str]:
    """Return the organizations that have reached a percentage that is not reported yet. At most four queries.

    It takes no lock, so `ReviewThreshold` checks again. A suspended organization is due when it has calls that still
    count, so that they are left out before it is reinstated.
    """
    ids = list(organization_ids)
    thresholds = dict(
        Subscription.objects.filter(pk__in=ids, api_call_threshold__isnull=False).values_list(
            "pk", "api_call_threshold"
        )
    )
    if not thresholds:
        return []
    day = rules.today(now)
    calls = allowed_on_day(thresholds, day)
    days = {row.organization_id: row for row in ThresholdDay.objects.filter(organization__in=thresholds, day=day)}
    suspended = set(
        Suspension.objects.filter(organization__in=thresholds, lifted_at__isnull=True).values_list(
            "organization", flat=True
        )
    )
    due = []
    for organization_id, threshold in thresholds.items():
        row = days.get(organization_id) or ThresholdDay(base=0, reported_percent=0, threshold=threshold)
        made = calls.get(organization_id, 0)
        reported = row.reported_percent if row.threshold == threshold else 0
        is_due = (
            made > row.base if organization_id in suspended else rules.reached(made - row.base, threshold) > reported
        )
        if is_due:
            due.append(organization_id)
    return sorted(due)


def recently_called(now: datetime) -> list[str]:
    """Return the organizations with calls in the last minutes. One query."""
    return list(
        DailyCalls.objects.filter(updated_at__gte=now - LOOK_BACK, day=rules.today(now))
        .order_by()
        .values_list("organization", flat=True)
        .distinct()
    )
