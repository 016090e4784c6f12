"""Debian's Chromium driven by Playwright: a page that fails its test for console errors, CSP violations and strangers.

Elements are found by role and label, as a person or a screen reader finds them, never by class or position.
"""

from __future__ import annotations

import re
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from playwright.sync_api import Error, expect, sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, ConsoleMessage, Page, Request, StorageState

PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser")
"""The first takes a quarter of the processor time: it draws pages, but no window around them."""

KEPT = Path(__file__).resolve().parent.parent.parent / ".cache" / "browser"
WAIT_MILLISECONDS = 30_000

_ARGUMENTS = (
    "--no-sandbox",  # The tests may run as root in a container, where Chromium's sandbox cannot be set up.
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP *.api.example 127.0.0.1, MAP api.example 127.0.0.1",  # The names of gateways.
    "--disable-dev-shm-usage",  # Containers give 64 MB of shared memory; a tab may need more and would crash.
)
# Chromium logs this when a form is answered with its errors. That is a response, not a fault of the page.
_REFUSED_FORM = re.compile(r"Failed to load resource: the server responded with a status of (403|409|422) ")
# Pages of the browser itself and inline data are not the network.
_NO_NETWORK = frozenset({"about", "data", "blob"})


class BrowserMissingError(RuntimeError):
    """There is no Chromium here. This is an error, not a skip: a test that never runs protects nothing."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless Chromium for several tests.

    Raises:
        BrowserMissingError: the message says what to install.
    """
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        raise BrowserMissingError("Chromium is needed for the tests. Install it: apt-get install chromium")
    expect.set_options(timeout=WAIT_MILLISECONDS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, headless=True, args=_ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


class Watch:
    """The forbidden actions of a page of the portal."""

    def __init__(self, page: Page, origin: str) -> None:
        self._origin = origin
        self.faults: list[str] = []
        page.on("console", self._note_message)
        page.on("pageerror", lambda error: self.faults.append(f"uncaught: {error}"))
        page.on("request", self._note_request)

    def _note_message(self, message: ConsoleMessage) -> None:
        # Violations of the Content-Security-Policy arrive as errors too.
        if message.type in {"error", "warning"} and not _REFUSED_FORM.match(message.text):
            self.faults.append(f"console {message.type}: {message.text}")

    def _note_request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in _NO_NETWORK and f"{parts.scheme}://{parts.netloc}" != self._origin:
            self.faults.append(f"request to a stranger: {request.url}")


@contextmanager
def portal_page(
    browser: Browser,
    origin: str,
    *,
    name: str,
    scripts: bool = True,
    signed_in: StorageState | None = None,
    timezone_id: str = "UTC",
) -> Iterator[Page]:
    """A page in a profile of its own, with `origin` as base; on failure its picture and HTML stay in .cache/browser.

    Args:
        browser: from `chromium`.
        origin: the portal's, such as `http://127.0.0.1:8080`. Requests to any other are faults.
        name: of the files that are kept.
        scripts: False shows the page as it is without JavaScript.
        signed_in: the cookies of an earlier page's `context.storage_state()`.
        timezone_id: the person's time zone, such as `Asia/Kolkata`.
    """
    context = browser.new_context(
        base_url=origin,
        java_script_enabled=scripts,
        viewport={"width": 1280, "height": 900},
        locale="en-US",
        storage_state=signed_in,
        timezone_id=timezone_id,
        # As every browser with a window allows it to the page that a person has just clicked.
        permissions=["clipboard-write"],
    )
    context.set_default_timeout(WAIT_MILLISECONDS)
    page = context.new_page()
    watch = Watch(page, origin)
    try:
        yield page
        assert not watch.faults, "the page misbehaved: " + "; ".join(watch.faults)
    except BaseException:
        _keep(page, name)
        raise
    finally:
        context.close()


def _keep(page: Page, name: str) -> None:
    KEPT.mkdir(parents=True, exist_ok=True)
    safe = re.sub(r"[^A-Za-z0-9_.-]+", "-", name)
    # A page that has crashed cannot be kept; the test's own failure must not be hidden behind that.
    try:
        (KEPT / f"{safe}.html").write_text(page.content())
        page.screenshot(path=KEPT / f"{safe}.png", full_page=True)
    except Error as crashed:
        (KEPT / f"{safe}.txt").write_text(str(crashed))
