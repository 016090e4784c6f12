"""What the Activity page shows, gathered once per request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from django.views.decorators.http import require_safe

from watchword.control.activity import queries, usage_queries
from watchword.control.base.actor import Permission
from watchword.control.web.activity import presentation
from watchword.control.web.shell.page import OrganizationPage
from watchword.control.web.shell.page_responses import guarded_by, show

if TYPE_CHECKING:
    from datetime import datetime

    from django.http import HttpRequest, HttpResponse

    from watchword.control.base.actor import Actor


@dataclass(frozen=True)
class ActivityPage(OrganizationPage):
    """The calls of one organization."""

    template: ClassVar[str] = "activity/page.html"
    content: ClassVar[str] = "activity/content.html"
    route: ClassVar[str] = "activity:list"
    permission: ClassVar[Permission] = Permission.ACTIVITY

    def context(self) -> dict[str, Any]:
        """All that `activity/content.html` and the frame around it need."""
        organization_id, now = self.organization_id, self.frame.now
        counts = usage_queries.outcomes(organization_id, now)
        return (
            super().context()
            | calls_context(organization_id, queries.threshold_of(organization_id), now)
            | {
                "suspended": self.frame.standing.suspended,
                "allowed_lately": sum(count.calls for count in counts if count.outcome is None),
                "refused_lately": sum(count.calls for count in counts if count.outcome is not None),
                "refused": presentation.refused(counts),
                "profiles": [presentation.shown(seen) for seen in usage_queries.profiles(organization_id, now)],
                "profiles_shown": usage_queries.PROFILES_SHOWN,
            }
        )


def calls_context(organization_id: str, threshold: int | None, now: datetime) -> dict[str, Any]:
    """What `activity/calls.html` needs: today against the threshold, and the last days. Two queries."""
    days = usage_queries.last_days(organization_id, now)
    today = usage_queries.threshold_day(organization_id, now)
    return {
        "gauge": presentation.gauge(days[-1].allowed, threshold),
        "threshold": threshold,
        "today": days[-1],
        "chart": presentation.chart(days, threshold),
        "counted_anew_from": 0 if today is None else today.base,
    }


@require_safe
@guarded_by(ActivityPage)
def listing(request: HttpRequest, _actor: Actor, page: ActivityPage) -> HttpResponse:
    """What was called today and in the last days, and why tokens were refused."""
    return show(request, page)
