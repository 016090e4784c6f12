from __future__ import annotations

from datetime import timedelta

import pytest

from kit.people import NOW
from watchword.control.identity.session_rules import BROWSER_MAX, SessionEnd, browser_name, session_end

SECOND = timedelta(seconds=1)
HALF_HOUR = timedelta(minutes=30)
HALF_DAY = timedelta(hours=12)


@pytest.mark.parametrize(
    ("age", "unused", "ended"),
    [
        (HALF_HOUR, HALF_HOUR - SECOND, None),
        (HALF_HOUR, HALF_HOUR, SessionEnd.IDLE),
        (HALF_DAY - SECOND, SECOND, None),
        (HALF_DAY, SECOND, SessionEnd.ABSOLUTE),
        (HALF_DAY * 3, HALF_DAY * 2, SessionEnd.ABSOLUTE),
    ],
)
def test_a_session_ends_after_half_an_hour_without_use_and_after_half_a_day(
    age: timedelta, unused: timedelta, ended: SessionEnd | None
) -> None:
    assert session_end(NOW - age, NOW - unused, NOW) is ended


MOZILLA = "Mozilla/5.0"
WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
MAC = f"{MOZILLA} (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)"
WINDOWS = f"{MOZILLA} (Windows NT 10.0; Win64; x64) {WEBKIT}"
CHROMEBOOK = f"{MOZILLA} (X11; CrOS x86_64) {WEBKIT} Chrome/142.0.0.0 Safari/537.36"  # codespell:ignore
IPHONE = f"{MOZILLA} (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        (f"{MOZILLA} (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0", "Firefox on Linux"),
        (f"{WINDOWS} Chrome/142.0.0.0 Safari/537.36", "Chrome on Windows"),
        (f"{WINDOWS} Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0", "Edge on Windows"),
        (f"{WINDOWS} Chrome/142.0.0.0 Safari/537.36 OPR/124.0.0.0", "Opera on Windows"),
        (f"{MAC} Version/18.1 Safari/605.1.15", "Safari on macOS"),
        (f"{IPHONE} Version/18.1 Mobile/15E148 Safari/604.1", "Safari on iPhone"),
        (f"{IPHONE} CriOS/142.0 Mobile/15E148 Safari/604.1", "Chrome on iPhone"),
        (f"{IPHONE} FxiOS/145.0 Mobile/15E148 Safari/605.1.15", "Firefox on iPhone"),
        (f"{MOZILLA} (Linux; Android 15) {WEBKIT} Chrome/142.0.0.0 Mobile Safari/537.36", "Chrome on Android"),
        (
            f"{MOZILLA} (Linux; Android 15) {WEBKIT} SamsungBrowser/28.0 Chrome/130.0 Mobile Safari/537.36",
            "Samsung Internet on Android",
        ),
        (CHROMEBOOK, "Chrome on ChromeOS"),
        ("curl/8.14.1", "curl"),
        (f"{MOZILLA} (X11; Linux x86_64) Something/1.0", "Unknown browser on Linux"),
        ("", "Unknown browser"),
        ("<script>alert(1)</script>", "Unknown browser"),
        ("Firefox/<b>1</b> \r\nSet-Cookie: x=1 Linux", "Firefox on Linux"),
        # Beyond what is looked at.
        (" " * 600 + "Firefox/145.0", "Unknown browser"),
    ],
)
def test_browser_name_uses_known_words_only(user_agent: str, name: str) -> None:
    assert browser_name(user_agent) == name
    assert len(name) <= BROWSER_MAX
