"""`watchword audit-events`: the audit log of an organization, read from anywhere."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import click

from watchword.cli.options import Moment
from watchword.cli.output import compose, iso
from watchword.cli.remote.session import connected, output_option, print_document, print_list, remote_options

if TYPE_CHECKING:
    from datetime import datetime

_PATH = "/audit-events"
_COLUMNS = {
    "at": "Time",
    "actor": "Actor",
    "interface": "Interface",
    "action": "Action",
    "target": "Target",
    "result": "Result",
}
_PAGE = 100

filter_options = compose(
    click.option("--since", type=Moment(), help="From this time on."),
    click.option("--until", type=Moment(), help="Before this time."),
    click.option("--actor", metavar="TEXT", help="A part of the actor's name."),
    click.option("--action", metavar="ACTION", help="Such as server_edited."),
    click.option("--target", metavar="TEXT", help="A part of the target's name."),
)


@click.group("audit-events")
def audit_events() -> None:
    """Read an organization's audit log.

    Uses the management API only, with the login of `watchword login`.
    """


@audit_events.command("list")
@filter_options
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="At most so many events.")
@output_option
@remote_options
def list_events(*, limit: int, form: str, organization: str | None, **filters: Any) -> None:
    """List audit events, the newest first."""
    from watchword.client.registration import UnexpectedResponse

    events: list[dict[str, Any]] = []
    query = _query(filters)
    cursor: str | None = None
    with connected(organization) as (api, _):
        while len(events) < limit:
            wanted = {**query, "limit": str(min(limit - len(events), _PAGE))} | (
                {} if cursor is None else {"cursor": cursor}
            )
            page = api.send("GET", f"{_PATH}?{urlencode(wanted)}")
            if not isinstance(page.get("items"), list):
                raise UnexpectedResponse
            events += page["items"]
            cursor = page.get("next_cursor")
            if cursor is None:
                break
    print_document(events, form, table=lambda: print_list(events, _COLUMNS, form, empty="There are no such events."))


@audit_events.command("export")
@filter_options
@remote_options
def export(*, organization: str | None, **filters: Any) -> None:
    """Print audit events as JSON Lines, the oldest first. The export itself becomes an audit event.

    Exit status 1 if the connection broke off; then the last lines are missing.
    """
    query = urlencode(_query(filters))
    with connected(organization) as (api, _):
        api.copy_lines(f"{_PATH}.jsonl" + (f"?{query}" if query else ""), _write)
    sys.stdout.flush()


def _write(line: bytes) -> None:
    sys.stdout.buffer.write(line + b"\n")


def _query(filters: dict[str, datetime | str | None]) -> dict[str, str]:
    return {
        name: value if isinstance(value, str) else str(iso(value))
        for name, value in filters.items()
        if value is not None
    }
