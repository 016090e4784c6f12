"""Rules about sessions: how long one lives, and what a browser is called. Pure."""

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
"""How often the time of the last request is written; a write per request would make every read a write."""

KEPT_AFTERWARDS: Final = timedelta(days=1)
"""A session that is over is kept for so long, to tell whoever comes back to it why they must sign in again."""

LIVE_MAX: Final = 20
"""Sessions of one person. More than anybody works in; without a bound a script with the password fills the table."""

BROWSER_MAX: Final = 40
UNKNOWN_BROWSER: Final = "Unknown browser"

_LOOKED_AT: Final = 512
"""Characters of a User-Agent; real ones have about 120, and anybody may send a novel."""

# The first that matches counts: most browsers also claim to be those that came before them.
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


class Ended(Enum):
    """Why a session is over although nobody signed out in it.

    Attributes:
        IDLE, ABSOLUTE: it ran out.
        GONE: ended from elsewhere: by the person, with a new password, or because the person was deactivated.
    """

    IDLE = "idle"
    ABSOLUTE = "absolute"
    GONE = "gone"


def ended_by(started_at: datetime, seen_at: datetime, now: datetime) -> Ended | None:
    """Which limit has ended the session; None while it lives."""
    if now - started_at >= ABSOLUTE:
        return Ended.ABSOLUTE
    return Ended.IDLE if now - seen_at >= IDLE else None


def browser_name(user_agent: str) -> str:
    """A short name for people to tell their sessions apart by, such as "Firefox on Linux".

    It is made of the words above and nothing else, whatever the browser sent. It proves nothing: anybody may claim to
    be any browser.
    """
    looked_at = user_agent[:_LOOKED_AT]
    browser = _first(_BROWSERS, looked_at)
    system = _first(_SYSTEMS, looked_at)
    if browser is None:
        return UNKNOWN_BROWSER if system is None else f"{UNKNOWN_BROWSER} on {system}"
    return browser if system is None else f"{browser} on {system}"


def _first(table: tuple[tuple[str, str], ...], text: str) -> str | None:
    return next((name for name, pattern in table if re.search(pattern, text)), None)
