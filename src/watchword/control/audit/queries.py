"""Reading the audit log with keyset pagination, whose cost does not grow with the log."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from watchword.control.audit.filters import OWN
from watchword.control.audit.models import AuditEvent

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from watchword.control.audit.filters import Filters

PAGE: Final = 50

SEARCHED: Final = 10_000
"""Events that a filtered page searches at most. A rare match in a long log takes several steps, none slow."""

BATCH: Final = 500
"""Events that an export keeps in memory."""

_DISORDER: Final = timedelta(hours=1)
"""Events have the order of their commits. Their times are read earlier and may be out of order by less than this."""


@dataclass(frozen=True, slots=True)
class EventPage:
    """A page, newest first.

    Attributes:
        newer, older: the sequence to continue from; None at the end.
        searched_to: where the search stopped before the page was full although older events exist.
    """

    events: tuple[AuditEvent, ...]
    newer: int | None = None
    older: int | None = None
    searched_to: int | None = None


def log_of(organization: str | None) -> QuerySet[AuditEvent]:
    """Return the events of one organization; for None those of the provider and all organizations."""
    events = AuditEvent.objects.all()
    return events if organization is None else events.filter(organization=organization)


def matching(events: QuerySet[AuditEvent], filters: Filters) -> QuerySet[AuditEvent]:
    """Return the events that match the filters."""
    if filters.faults:
        return events.none()
    events = _of_organization(events, filters.value("organization"))
    for name in ("action", "result", "interface"):
        if filters.value(name):
            events = events.filter(**{name: filters.value(name)})
    if filters.value("who"):
        events = events.filter(actor__icontains=filters.value("who"))
    if filters.value("target"):
        events = events.filter(target__icontains=filters.value("target"))
    if filters.since is not None:
        events = events.filter(at__gte=filters.since)
    if filters.until is not None:
        events = events.filter(at__lt=filters.until)
    return events


def page_of(
    events: QuerySet[AuditEvent],
    filters: Filters,
    *,
    before: int | None = None,
    after: int | None = None,
    length: int = PAGE,
) -> EventPage:
    """Return the page before event `before`, or after event `after`, or else the newest; at most `length` events."""
    if filters.faults:
        return EventPage(())
    window = _in_time(_of_organization(events, filters.value("organization")), filters)
    if after is not None:
        found, end = _search(window.filter(sequence__gt=after), filters, length, forward=True)
        if len(found) > length or end is not None:
            shown = tuple(reversed(found[:length]))
            newest = shown[0].sequence if len(found) > length else end
            return EventPage(shown, newer=newest, older=shown[-1].sequence if shown else after + 1)
        # Show the newest page in full instead of the few newer events.
        before = None
    older = window if before is None else window.filter(sequence__lt=before)
    found, end = _search(older, filters, length, forward=False)
    shown = tuple(found[:length])
    newer = None if before is None else shown[0].sequence if shown else before - 1
    if len(found) > length:
        return EventPage(shown, newer=newer, older=shown[-1].sequence)
    return EventPage(shown, newer=newer, older=end, searched_to=end)


def next_batch(events: QuerySet[AuditEvent], *, after: int, upto: int) -> QuerySet[AuditEvent]:
    """Return the export's next events, oldest first."""
    return events.filter(sequence__gt=after, sequence__lte=upto).order_by("sequence")[:BATCH]


def _of_organization(events: QuerySet[AuditEvent], organization: str) -> QuerySet[AuditEvent]:
    if not organization:
        return events
    return events.filter(organization__isnull=True) if organization == OWN else events.filter(organization=organization)


def _in_time(events: QuerySet[AuditEvent], filters: Filters) -> QuerySet[AuditEvent]:
    """Turn the days into sequences, so that a search in the past does not start at the newest event."""
    if filters.until is not None:
        ending = events.filter(at__lt=filters.until + _DISORDER).order_by("-at").values_list("sequence", flat=True)
        events = events.filter(sequence__lte=ending.first() or 0)
    if filters.since is not None:
        beginning = events.filter(at__gte=filters.since - _DISORDER).order_by("at").values_list("sequence", flat=True)
        first = beginning.first()
        events = events.none() if first is None else events.filter(sequence__gte=first)
    return events


def _search(
    window: QuerySet[AuditEvent], filters: Filters, length: int, *, forward: bool
) -> tuple[list[AuditEvent], int | None]:
    """Return up to one event more than a page, and where the search stopped."""
    window = window.order_by("sequence" if forward else "-sequence")
    if not filters.typed:
        return list(window[: length + 1]), None
    end = window.values_list("sequence", flat=True)[SEARCHED : SEARCHED + 1].first()
    if end is not None:
        window = window.filter(sequence__lte=end) if forward else window.filter(sequence__gte=end)
    return list(matching(window, filters)[: length + 1]), end
