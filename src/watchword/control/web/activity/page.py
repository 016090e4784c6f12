"""What the Activity page shows, gathered once per request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.urls import reverse

from watchword.control.activity import figure_queries, queries
from watchword.control.base.actor import Permission
from watchword.control.web.activity import presentation
from watchword.control.web.shell.frame import OrganizationFrame

if TYPE_CHECKING:
    from datetime import datetime

    from watchword.control.base.actor import Actor

ROUTE: Final = "activity:list"


@dataclass(frozen=True, slots=True)
class Page:
    """The calls of one organization."""

    template: ClassVar[str] = "activity/page.html"
    content: ClassVar[str] = "activity/content.html"

    frame: OrganizationFrame

    @classmethod
    def of(cls, actor: Actor, organization: str) -> Page:
        """Open it.

        Raises:
            Refusal: not_found, permission_missing.
        """
        return cls(OrganizationFrame.of(actor, organization, route=ROUTE, permission=Permission.ACTIVITY))

    @property
    def home(self) -> str:
        return reverse(ROUTE, args=[self.frame.organization.pk])

    def context(self) -> dict[str, Any]:
        """All that `activity/content.html` and the frame around it need."""
        organization_id, now = self.frame.organization.pk, self.frame.now
        counts = figure_queries.outcomes(organization_id, now)
        return (
            self.frame.context()
            | calls_context(organization_id, queries.threshold_of(organization_id), now)
            | {
                "home": self.home,
                "suspended": self.frame.standing.suspended,
                "allowed_lately": sum(count.calls for count in counts if count.outcome is None),
                "refused_lately": sum(count.calls for count in counts if count.outcome is not None),
                "refused": presentation.refused(counts),
                "profiles": [presentation.shown(seen) for seen in figure_queries.profiles(organization_id, now)],
                "profiles_shown": figure_queries.PROFILES_SHOWN,
            }
        )


def calls_context(organization_id: str, threshold: int | None, now: datetime) -> dict[str, Any]:
    """What `activity/calls.html` needs: today against the threshold, and the last days. Two queries."""
    days = figure_queries.last_days(organization_id, now)
    today = figure_queries.told_today(organization_id, now)
    return {
        "gauge": presentation.gauge(days[-1].allowed, threshold),
        "threshold": threshold,
        "today": days[-1],
        "chart": presentation.chart(days, threshold),
        "counted_anew_from": 0 if today is None else today.base,
    }
