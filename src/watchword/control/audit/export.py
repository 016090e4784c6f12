"""The log as a file, CSV or JSON Lines, read and sent in batches."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from watchword.control.audit.presentation import EventRow
from watchword.control.audit.queries import next_batch
from watchword.control.base.audit_log import canonical, canonical_json

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from django.db.models import QuerySet

    from watchword.control.audit.models import AuditEvent

_COLUMNS: Final = (
    "Event", "Time (UTC)", "Organization", "Who", "What", "Action", "Target", "From", "Interface", "Result", "Changes",
    "Client ID", "Request ID", "Hash",
)  # fmt: skip

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Form:
    """A file format.

    Attributes:
        label: its name in the audit log.
        suffix: of the file's name.
        content_type: of the response.
        head: the beginning of the file.
        write: returns a batch of events as text.
    """

    label: str
    suffix: str
    content_type: str
    head: str
    write: Callable[[list[AuditEvent]], str]


def pieces(events: QuerySet[AuditEvent], form: Form, upto: int) -> Iterator[str]:
    """Yield the file's text, for a synchronous server."""
    yield form.head
    after = 0
    while batch := list(next_batch(events, after=after, upto=upto)):
        yield form.write(batch)
        after = batch[-1].sequence


async def pieces_asynchronously(events: QuerySet[AuditEvent], form: Form, upto: int) -> AsyncIterator[str]:
    """Yield the file's text, for an asynchronous server: it would collect a synchronous iterator before sending."""
    yield form.head
    after = 0
    while batch := [event async for event in next_batch(events, after=after, upto=upto)]:
        yield form.write(batch)
        after = batch[-1].sequence


def cell(text: str | None) -> str:
    """Return the cell's text; an apostrophe before formula characters keeps spreadsheets from running it."""
    if text is None:
        return ""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _csv(events: list[AuditEvent]) -> str:
    return _lines([_cells(EventRow(event)) for event in events])


def _cells(row: EventRow) -> list[str]:
    event = row.event
    changes = [
        f"{change.field}: {change.before or '(none)'} → {change.after or '(none)'}" for change in row.differences
    ]
    if row.why_refused is not None:
        changes.append(row.why_refused)
    texts = (
        str(event.sequence), f"{event.at:%Y-%m-%d %H:%M:%S.%f}", event.organization, event.actor, row.what,
        event.action, event.target, event.address, row.interface, row.result, "; ".join(changes),
        event.client, event.request_id, event.hash,
    )  # fmt: skip
    return [cell(text) for text in texts]


def _json_lines(events: list[AuditEvent]) -> str:
    return "".join(f"{canonical_json({**canonical(event), 'hash': event.hash})}\n" for event in events)


def _lines(rows: list[list[str]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


FORMS: Final = {
    "csv": Form("CSV", "csv", "text/csv; charset=utf-8", _lines([list(_COLUMNS)]), _csv),
    "jsonl": Form("JSON Lines", "jsonl", "application/jsonl; charset=utf-8", "", _json_lines),
}
