"""Reading what was counted. Sums are made here: no row holds them."""

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

LOOKED_BACK: Final = timedelta(minutes=2)
"""The worker looks at what was called in so long: whatever a portal process had to leave unreviewed is in it."""


def allowed_on(organization_id: str, day: date) -> int:
    """Allowed calls of one organization on one day."""
    return allowed_on_day([organization_id], day).get(organization_id, 0)


def allowed_on_day(organization_ids: Iterable[str], day: date) -> dict[str, int]:
    """Allowed calls by organization; those without any are left out. One query."""
    sums = (
        DailyCalls.objects.filter(organization__in=list(organization_ids), day=day)
        .values("organization")
        .annotate(calls=Sum("allowed"))
    )
    return {row["organization"]: row["calls"] for row in sums}


def threshold_of(organization_id: str) -> int | None:
    """The API call threshold, None for no limit."""
    return Subscription.objects.filter(pk=organization_id).values_list("api_call_threshold", flat=True).first()


def is_suspended(organization_id: str) -> bool:
    return Suspension.objects.filter(organization=organization_id, lifted_at__isnull=True).exists()


def due_for_review(organization_ids: Iterable[str], now: datetime) -> list[str]:
    """Which of the organizations have reached what they were not told of yet. At most four queries, without a lock.

    What it says may be out of date at once; `ReviewThreshold` looks again. An organization that is suspended is due
    when it has more calls than were left out of account, so that they do not count after it was reinstated.
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
        row = days.get(organization_id) or ThresholdDay(base=0, told=0, threshold=threshold)
        made = calls.get(organization_id, 0)
        told = row.told if row.threshold == threshold else 0
        if (made > row.base) if organization_id in suspended else (rules.reached(made - row.base, threshold) > told):
            due.append(organization_id)
    return sorted(due)


def called_lately(now: datetime) -> list[str]:
    """The organizations with calls in the last minutes. One query."""
    return list(
        DailyCalls.objects.filter(updated_at__gte=now - LOOKED_BACK, day=rules.today(now))
        .order_by()
        .values_list("organization", flat=True)
        .distinct()
    )
