"""The log as a file: CSV for people, JSON Lines for programs, read and sent a batch at a time."""

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
    "Hash",
)  # fmt: skip

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Form:
    """One of the two forms.

    Attributes:
        label: as the audit log names it.
        suffix: of the file's name.
        content_type: of the answer.
        head: what the file begins with.
        write: makes text of a batch of events.
    """

    label: str
    suffix: str
    content_type: str
    head: str
    write: Callable[[list[AuditEvent]], str]


def pieces(events: QuerySet[AuditEvent], form: Form, upto: int) -> Iterator[str]:
    """The file's text for a server that works synchronously."""
    yield form.head
    after = 0
    while batch := list(next_batch(events, after=after, upto=upto)):
        yield form.write(batch)
        after = batch[-1].sequence


async def pieces_asynchronously(events: QuerySet[AuditEvent], form: Form, upto: int) -> AsyncIterator[str]:
    """The same for an asynchronous server, which would collect a synchronous iterator whole before it sends."""
    yield form.head
    after = 0
    while batch := [event async for event in next_batch(events, after=after, upto=upto)]:
        yield form.write(batch)
        after = batch[-1].sequence


def cell(text: str | None) -> str:
    """A cell that no spreadsheet takes for a formula: what begins like one gets an apostrophe in front."""
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
        event.action, event.target, event.address, row.interface, row.result, "; ".join(changes), event.hash,
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
