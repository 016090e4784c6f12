"""What an Audit Logs page shows, an organization's and the provider's."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.conf import settings
from django.urls import reverse

from watchword.control.audit.actions import ACTIONS, INTERFACES, RESULTS
from watchword.control.audit.filters import OWN, Filters
from watchword.control.audit.models import AuditCheckpoint
from watchword.control.audit.presentation import ChainState, EventRow
from watchword.control.audit.queries import EventPage, log_of, page_of
from watchword.control.base.actor import Permission
from watchword.control.web.shell.page import OrganizationPage, Page, ProviderPage

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Log(Page):
    """One log, opened by a person who may read it."""

    template: ClassVar[str] = "audit/page.html"
    content: ClassVar[str] = "audit/content.html"
    export_route: ClassVar[str]

    filters: Filters = field(default_factory=Filters, kw_only=True)
    events: EventPage = field(default_factory=lambda: EventPage(()), kw_only=True)

    @property
    def whose(self) -> str | None:
        """The organization whose log it is; None for the provider's, which holds every organization's events."""
        return self.place.get("organization")

    def read(self, query: Mapping[str, str]) -> Self:
        """The log with the filters and the page that the address asks for."""
        filters = Filters.of(query, with_organization=self.whose is None)
        before, after = _sequence(query.get("before")), _sequence(query.get("after"))
        events = page_of(log_of(self.whose), filters, before=before, after=after)
        return replace(self, filters=filters, events=events)

    @property
    def export_url(self) -> str:
        """The address that exports what is shown; it contains the filters."""
        return f"{reverse(self.export_route, kwargs=self.place)}{self.filters.address()}"

    def context(self) -> dict[str, Any]:
        """All that `audit/content.html` and the frame around it need."""
        filters, events = self.filters, self.events
        return super().context() | {
            "filters": filters,
            "choices": {"action": ACTIONS, "result": RESULTS, "interface": INTERFACES},
            "chips": [(active, f"{self.home}{filters.address(without=active.name)}") for active in filters.active],
            "every_organization": self.whose is None,
            "own": OWN,
            "rows": [EventRow(event) for event in events.events],
            "newer_url": None if events.newer is None else f"{self.home}{filters.address(after=events.newer)}",
            "older_url": None if events.older is None else f"{self.home}{filters.address(before=events.older)}",
            "searched_to": events.searched_to,
            "export_url": self.export_url,
            "chain": ChainState(AuditCheckpoint.objects.filter(id=1).first(), self.frame.now),
            "kept_days": settings.WATCHWORD.audit_kept_days,
        }


@dataclass(frozen=True)
class OrganizationLog(Log, OrganizationPage):
    """An organization's own."""

    route: ClassVar[str] = "audit:list"
    export_route: ClassVar[str] = "audit:export"
    permission: ClassVar[Permission] = Permission.AUDIT_LOGS


@dataclass(frozen=True)
class ProviderLog(Log, ProviderPage):
    """The provider's."""

    route: ClassVar[str] = "audit:provider"
    export_route: ClassVar[str] = "audit:provider-export"


def _sequence(text: str | None) -> int | None:
    """A place in the log, None for none. No database column holds more than 18 digits."""
    return int(text) if text is not None and text.isascii() and text.isdecimal() and len(text) <= 18 else None  # noqa: PLR2004
