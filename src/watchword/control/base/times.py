"""Times and durations as text. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime

MINUTE: Final = 60
HOUR: Final = 3600
DAY: Final = 86400


def elapsed(seconds: float) -> str:
    """Return a duration in its largest sensible unit: `under a minute`, `14 min`, `3 h`, `2 days`."""
    if seconds < MINUTE:
        return "under a minute"
    if seconds < HOUR:
        return f"{int(seconds // MINUTE)} min"
    if seconds < 2 * DAY:
        return f"{int(seconds // HOUR)} h"
    return f"{int(seconds // DAY)} days"


def relative(moment: datetime, now: datetime) -> str:
    """Return `just now`, `2 min ago`, `in 3 h`. `just now` also covers a clock that is a few seconds ahead."""
    seconds = (now - moment).total_seconds()
    if abs(seconds) < MINUTE:
        return "just now"
    return f"{elapsed(seconds)} ago" if seconds > 0 else f"in {elapsed(-seconds)}"
