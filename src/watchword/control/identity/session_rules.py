"""Rules about sessions: how long one lasts, and how pages name its browser. Pure."""

from __future__ import annotations

import re
from datetime import timedelta
from enum import Enum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime

IDLE: Final = timedelta(minutes=30)
ABSOLUTE: Final = timedelta(hours=12)
SEEN_STEP: Final = timedelta(minutes=1)
"""How often the time of the last request is written, so that not every request writes."""

KEPT_AFTERWARDS: Final = timedelta(days=1)
"""How long an ended session stays in the table, so that the sign-in page can say why it ended."""

LIVE_MAX: Final = 20
"""Sessions of one person. Without a bound, a script that signs in repeatedly would fill the table."""

BROWSER_MAX: Final = 40
UNKNOWN_BROWSER: Final = "Unknown browser"

_SEARCHED: Final = 512
"""Characters of a User-Agent that are searched; real ones have about 120, clients may send any number."""

# The first match counts: most browsers also name the browsers that they are compatible with.
_BROWSERS: Final = (
    ("Edge", r"\bEdgA?(?:iOS)?/"),
    ("Opera", r"\bOPR/"),
    ("Samsung Internet", r"\bSamsungBrowser/"),
    ("Firefox", r"\b(?:Firefox|FxiOS)/"),
    ("Chrome", r"\b(?:Chrome|CriOS|HeadlessChrome)/"),
    ("Safari", r"\bVersion/[0-9.]+ .*\bSafari/"),
    ("curl", r"\Acurl/"),
)
_SYSTEMS: Final = (
    ("iPhone", r"\biPhone\b"),
    ("iPad", r"\biPad\b"),
    ("Android", r"\bAndroid\b"),
    ("ChromeOS", r"\bCrOS\b"),
    ("Windows", r"\bWindows\b"),
    ("macOS", r"\bMac(?:intosh| OS X)\b"),
    ("Linux", r"\bLinux\b"),
)


class SessionEnd(Enum):
    """Why a session ended without a sign-out in it.

    Attributes:
        IDLE, ABSOLUTE: it reached a time limit.
        GONE: the person ended it elsewhere or set a new password, or was deactivated.
    """

    IDLE = "idle"
    ABSOLUTE = "absolute"
    GONE = "gone"


def session_end(started_at: datetime, seen_at: datetime, now: datetime) -> SessionEnd | None:
    """Return which limit ended the session; None while it is alive."""
    if now - started_at >= ABSOLUTE:
        return SessionEnd.ABSOLUTE
    return SessionEnd.IDLE if now - seen_at >= IDLE else None


def browser_name(user_agent: str) -> str:
    """A short name for people to tell their sessions apart by, such as "Firefox on Linux".

    It consists of the words above only, so the client cannot put text on the page. It proves nothing: any client can
    send any User-Agent.
    """
    searched = user_agent[:_SEARCHED]
    browser = _first(_BROWSERS, searched)
    system = _first(_SYSTEMS, searched)
    if browser is None:
        return UNKNOWN_BROWSER if system is None else f"{UNKNOWN_BROWSER} on {system}"
    return browser if system is None else f"{browser} on {system}"


def _first(table: tuple[tuple[str, str], ...], text: str) -> str | None:
    return next((name for name, pattern in table if re.search(pattern, text)), None)
