"""The audit log: pages of it, and the whole as JSON Lines."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Final, Self

from django.core.handlers.asgi import ASGIRequest
from django.http import StreamingHttpResponse
from django.utils import timezone
from ninja import Query, Router
from pydantic import BaseModel, Field

from watchword.control.api.cursors import Cursor, Limit, cursor_of, position_of
from watchword.control.api.operation import Answer, Call, operation
from watchword.control.api.problems import Fault, Invalid, fault
from watchword.control.api.types import GivenTime, Resource
from watchword.control.audit.chain import head
from watchword.control.audit.commands import RecordExport
from watchword.control.audit.export import FORMS, pieces, pieces_asynchronously
from watchword.control.audit.filters import Filters
from watchword.control.audit.queries import log_of, matching, page_of
from watchword.control.base.actor import Permission, Privilege
from watchword.control.base.audit_log import canonical

if TYPE_CHECKING:
    from watchword.control.audit.models import AuditEvent

router: Final = Router(tags=["Audit log"])

_FORM: Final = FORMS["jsonl"]
_OF_ORGANIZATION: Final = "/organizations/{slug:organization}/audit-events"
_PARAMETERS: Final = {"who": "actor"}
"""The parameter for each filter that the portal calls otherwise."""


class EventFilters(BaseModel):
    """Which events. All filters must fit."""

    since: GivenTime | None = None
    """From this time on."""
    until: GivenTime | None = None
    """Before this time."""
    actor: str | None = Field(None, description="A part of the actor's name; case does not matter.")
    action: str | None = None
    target: str | None = Field(None, description="A part of the target; case does not matter.")
    result: str | None = None
    interface: str | None = None

    def checked(self, **more: str | None) -> Filters:
        """Return them as the queries take them.

        Raises:
            Problem: query_invalid.
        """
        given = {"who": self.actor, "action": self.action, "target": self.target, "result": self.result}
        given |= {"interface": self.interface, **more}
        filters = Filters.of(
            {n: v for n, v in given.items() if v is not None}, with_organization="organization" in more
        )
        faults = dict(filters.faults)
        if self.since is not None and self.until is not None and self.since >= self.until:
            faults["until"] = "This must be after `since`."
        if faults:
            raise fault(
                Fault.QUERY_INVALID,
                errors=[Invalid(f"/{_PARAMETERS.get(name, name)}", detail, "query") for name, detail in faults.items()],
            )
        times = {"from": self.since, "to": self.until}
        typed = dict(filters.typed) | {name: at.isoformat() for name, at in times.items() if at is not None}
        return replace(filters, typed=typed, since=self.since, until=self.until)


class Event(Resource):
    """Who did what, to what, from where, and with which result."""

    sequence: int
    at: datetime
    organization: str | None
    """null for the provider's own events."""
    actor: str
    interface: str
    address: str | None
    client: str | None
    """The client ID of the access token, for a request to this API."""
    request_id: str | None
    action: str
    target: str
    result: str
    changes: dict[str, list[Any]]
    """For each changed field its value before and after."""
    previous_hash: str
    hash: str

    @classmethod
    def of(cls, event: AuditEvent) -> Self:
        always = {"client": None, "request_id": None}
        return cls.model_validate({**always, **canonical(event), "hash": event.hash})


class Events(Resource):
    """A page of events, the newest first."""

    items: list[Event]
    next_cursor: str | None
    """null at the end. A page of a filtered list can be short or empty although it has a next one."""


@operation(router, "GET", _OF_ORGANIZATION, reads=Permission.AUDIT_LOGS, returns=Events)
def list_audit_events(
    call: Call, filters: Annotated[EventFilters, Query()], limit: Limit = 50, cursor: Cursor = None
) -> Answer:
    """List an organization's audit events, the newest first."""
    return _page(call.organization, filters.checked(), limit, cursor)


@operation(
    router, "GET", f"{_OF_ORGANIZATION}.jsonl",
    changes=(Permission.AUDIT_LOGS, "audit_log_exported"), produces="application/jsonl",
)  # fmt: skip
def export_audit_events(call: Call, filters: Annotated[EventFilters, Query()]) -> StreamingHttpResponse:
    """Export an organization's audit events as JSON Lines, the oldest first. The export is an audit event itself."""
    return _export(call, call.organization, filters.checked())


@operation(router, "GET", "/audit-events", reads=Privilege.OPERATOR, returns=Events)
def list_all_audit_events(
    call: Call,  # noqa: ARG001 - every handler gets it.
    filters: Annotated[EventFilters, Query()],
    organization: str | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Answer:
    """List the audit events of the provider and of all organizations; `organization=-` are the provider's own."""
    return _page(None, filters.checked(organization=organization), limit, cursor)


@operation(
    router, "GET", "/audit-events.jsonl",
    changes=(Privilege.OPERATOR, "audit_log_exported"), produces="application/jsonl",
)  # fmt: skip
def export_all_audit_events(
    call: Call, filters: Annotated[EventFilters, Query()], organization: str | None = None
) -> StreamingHttpResponse:
    """Export the audit events of the provider and of all organizations as JSON Lines, the oldest first."""
    return _export(call, None, filters.checked(organization=organization))


def _page(organization: str | None, filters: Filters, limit: int, cursor: str | None) -> Answer:
    listing = f"audit-events/{organization}"
    position = position_of(listing, filters.typed, cursor)
    before = None if position is None else int(position)
    page = page_of(log_of(organization), filters, before=before, length=limit)
    older = None if page.older is None else str(page.older)
    items = [Event.of(event) for event in page.events]
    return Answer(body=Events(items=items, next_cursor=cursor_of(listing, filters.typed, older)))


def _export(call: Call, organization: str | None, filters: Filters) -> StreamingHttpResponse:
    events = matching(log_of(organization), filters)
    newest = head()
    upto = 0 if newest is None else newest.sequence
    RecordExport(
        organization_id=organization,
        form=_FORM.label,
        filtered_by=str(filters),
        events=events.filter(sequence__lte=upto).count(),
    ).run(call.actor, now=timezone.now())
    text = pieces_asynchronously if isinstance(call.request, ASGIRequest) else pieces
    return StreamingHttpResponse(text(events, _FORM, upto), content_type=_FORM.content_type)
