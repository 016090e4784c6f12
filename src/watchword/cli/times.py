"""Times on the command line: RFC 3339 in UTC, to the second."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, overload

import click


@overload
def iso(moment: datetime) -> str: ...
@overload
def iso(moment: datetime | None) -> str | None: ...
def iso(moment: datetime | None) -> str | None:
    """Such as `2026-05-04T12:00:00Z`; None stays None."""
    return None if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Moment(click.ParamType[datetime]):
    """A date, which means its first second in UTC, or a date and time with a time zone."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            moment = datetime.fromisoformat(value)
            if moment.tzinfo is None:
                return moment.replace(tzinfo=UTC)
            # The first and the last day that Python knows reach beyond its calendar in other time zones.
            return moment.astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is not a date such as 2027-01-31 or 2027-01-31T12:00:00Z.", param, ctx)
