"""Times in the sentences of the server. Pure."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime, timedelta


def duration(span: timedelta) -> str:
    """Return the remaining time in full units, rounded down: `12 days`, `31 hours`, `5 minutes`."""
    minutes = int(span.total_seconds()) // 60
    if minutes < 1:
        return "less than a minute"
    if minutes < 120:  # noqa: PLR2004 - two hours; below, minutes are more precise.
        return "1 minute" if minutes == 1 else f"{minutes} minutes"
    hours = minutes // 60
    return f"{hours} hours" if hours < 48 else f"{hours // 24} days"  # noqa: PLR2004 - two days.


def spoken(instant: datetime) -> str:
    """Return a date and time in UTC such as `31 December 2026, 23:59 UTC`."""
    utc = instant.astimezone(UTC)
    return f"{utc.day} {utc:%B %Y, %H:%M} UTC"
