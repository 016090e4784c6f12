"""What an Audit Logs page shows, an organization's and the provider's."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.conf import settings
from django.urls import reverse

from watchword.control.audit.actions import ACTIONS, INTERFACES, RESULTS
from watchword.control.audit.filters import OWN, Filters
from watchword.control.audit.models import AuditCheckpoint
from watchword.control.audit.presentation import ChainState, EventRow
from watchword.control.audit.queries import EventPage, log_of, page_of
from watchword.control.base.actor import Permission
from watchword.control.web.shell.frame import Frame, OrganizationFrame

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watchword.control.base.actor import Actor

ROUTE: Final = "audit:list"
PROVIDER_ROUTE: Final = "audit:provider"


@dataclass(frozen=True, slots=True)
class Log:
    """One log, opened by somebody who may read it.

    Attributes:
        organization_id: whose, None for the provider's, which holds every organization's events.
    """

    template: ClassVar[str] = "audit/page.html"
    content: ClassVar[str] = "audit/content.html"

    frame: Frame
    organization_id: str | None
    filters: Filters = field(default_factory=Filters)
    events: EventPage = field(default_factory=lambda: EventPage(()))

    @classmethod
    def of_organization(cls, actor: Actor, organization: str) -> Log:
        """Open an organization's.

        Raises:
            Refusal: not_found, permission_missing.
        """
        frame = OrganizationFrame.of(actor, organization, route=ROUTE, permission=Permission.AUDIT_LOGS)
        return cls(frame, frame.organization.pk)

    @classmethod
    def of_provider(cls, actor: Actor) -> Log:
        """Open the provider's.

        Raises:
            Refusal: permission_missing.
        """
        return cls(Frame.of_provider(actor, route=PROVIDER_ROUTE), None)

    def read(self, query: Mapping[str, str]) -> Log:
        """The log with the filters and the page that the address asks for."""
        filters = Filters.of(query, with_organization=self.organization_id is None)
        before, after = _sequence(query.get("before")), _sequence(query.get("after"))
        events = page_of(log_of(self.organization_id), filters, before=before, after=after)
        return replace(self, filters=filters, events=events)

    @property
    def home(self) -> str:
        return reverse(self.frame.route, args=self._place)

    @property
    def export_url(self) -> str:
        """Where a copy of what is shown is asked for; the filters are in it."""
        name = "audit:export" if self.organization_id is not None else "audit:provider-export"
        return f"{reverse(name, args=self._place)}{self.filters.address()}"

    def context(self) -> dict[str, Any]:
        """All that `audit/content.html` and the frame around it need."""
        filters, events = self.filters, self.events
        return self.frame.context() | {
            "home": self.home,
            "filters": filters,
            "choices": {"action": ACTIONS, "result": RESULTS, "interface": INTERFACES},
            "chips": [(active, f"{self.home}{filters.address(without=active.name)}") for active in filters.active],
            "every_organization": self.organization_id is None,
            "own": OWN,
            "rows": [EventRow(event) for event in events.events],
            "newer_url": None if events.newer is None else f"{self.home}{filters.address(after=events.newer)}",
            "older_url": None if events.older is None else f"{self.home}{filters.address(before=events.older)}",
            "searched_to": events.searched_to,
            "export_url": self.export_url,
            "chain": ChainState(AuditCheckpoint.objects.filter(id=1).first(), self.frame.now),
            "kept_days": settings.WATCHWORD.audit_kept_days,
        }

    @property
    def _place(self) -> list[str]:
        return [] if self.organization_id is None else [self.organization_id]


def _sequence(text: str | None) -> int | None:
    """A place in the log, None for none. No database column holds more than 18 digits."""
    return int(text) if text is not None and text.isascii() and text.isdecimal() and len(text) <= 18 else None  # noqa: PLR2004
