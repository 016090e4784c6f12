"""The portal's states that are looked at: as pictures by `make screenshots`, by axe in test_axe.py.

Each part of the portal lists its states in a file of its own, tests/browser/states_<part>.py, as `STATES`.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from django.urls import reverse

from kit import sample_portal
from kit.browser import Watch
from kit.client import request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, Page

    from kit.client import Answer
    from watchword.control.identity.models import Person

FOLDER: Final = Path(__file__).resolve().parent
PICTURE_TIME: Final = datetime(2026, 11, 24, 14, 30, tzinfo=UTC)
"""What every clock of a picture shows, so that nothing but a change of the portal changes a picture."""
WAIT_MILLISECONDS: Final = 30_000
# Colours change by transitions, if only of a millisecond; they begin with the next frame.
_AT_REST: Final = """() => new Promise(requestAnimationFrame).then(() => new Promise(requestAnimationFrame)).then(
    () => Promise.allSettled(document.getAnimations().map(animation => animation.finished)))"""


def servers_page() -> str:
    return reverse("servers:list", args=[sample_portal.ACME])


@dataclass(frozen=True)
class State:
    """One state of one page.

    Attributes:
        name: of the pictures; unique among all states.
        prepare: fills an empty database and returns who is signed in. Runs in the portal's process.
        act: what is done in the browser once the page is open.
        whole: the picture shows the page to its end instead of what fits on the screen.
        path: the address to open. Runs after `prepare`, in the portal's process.
        sentence: what there is to see, for the index of the pictures.
        settings: what the provider set, if it differs from `stage.ADDRESSES`.
    """

    name: str
    prepare: Callable[[], Person | None]
    act: Callable[[Page], None] = lambda _page: None
    whole: bool = False
    path: Callable[[], str] = servers_page
    sentence: str = ""
    settings: dict[str, Any] = field(default_factory=dict)


def states() -> dict[str, State]:
    """Every state of every states_<part>.py, by its name. Django must be set up."""
    found: dict[str, State] = {}
    for file in sorted(FOLDER.glob("states_*.py")):
        for state in importlib.import_module(f"browser.{file.stem}").STATES:
            if state.name in found:
                raise ValueError(f"Two states are called {state.name}; one of them is in {file.name}.")
            found[state.name] = state
    return found


class Stage:
    """The portal's process, see stage.py: it prepares a state by its name and serves it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.origin = str(self._answer()["origin"])

    def prepare(self, state: State) -> tuple[str, dict[str, str]]:
        """Lay out the state; the address of its page, and the cookies of who is signed in."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{state.name}\n")
        self._process.stdin.flush()
        answer = self._answer()
        return answer["path"], answer["cookies"]

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("The portal of the pictures has ended; its error is above.")
        answer: dict[str, Any] = json.loads(line)
        if "fault" in answer:
            raise RuntimeError(answer["fault"])
        return answer


class Studio:
    """A live portal and a browser. Every state is shown as if nothing else had ever happened."""

    def __init__(self, browser: Browser, stage: Stage) -> None:
        self._stage = stage
        # One profile and one tab for all states, so that styles and scripts are fetched once and no process is started
        # for each. What tells people apart is the cookies.
        self._context = browser.new_context(base_url=stage.origin, locale="en-US", reduced_motion="reduce")
        self._context.set_default_timeout(WAIT_MILLISECONDS)
        self._context.clock.set_fixed_time(PICTURE_TIME)
        self._page = self._context.new_page()
        self._watch = Watch(self._page, stage.origin)

    @contextmanager
    def showing(self, state: State, *, width: int, height: int) -> Iterator[Page]:
        """The state, acted out, in the system's theme, which is light until `dress` says otherwise."""
        page = self._page
        # What the last state still asked for must not reach this one's database.
        page.goto("about:blank")
        self._watch.faults.clear()
        path, cookies = self._stage.prepare(state)
        self._context.clear_cookies()
        self._context.add_cookies(
            [{"name": name, "value": value, "url": self._stage.origin} for name, value in cookies.items()]
        )
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme="light")
        page.goto(path)
        state.act(page)
        # With the pointer on it, the last pressed element would be drawn as hovered.
        page.mouse.move(0, 0)
        yield page
        # The status of a page that says what went wrong, and values in an address that no field can hold.
        meant = ("console error: Failed to load resource: the server responded with a status of", "console warning: ")
        faults = [fault for fault in self._watch.faults if not fault.startswith(meant)]
        assert not faults, f"{state.name} misbehaved: " + "; ".join(faults)

    def answered(self, state: State) -> Answer:
        """The state's page as the portal sends it, without a browser."""
        if self._page.url != "about:blank":
            # As above.
            self._page.goto("about:blank")
        path, cookies = self._stage.prepare(state)
        cookie = "; ".join(f"{name}={value}" for name, value in cookies.items())
        return request(f"{self._stage.origin}{path}", headers={"Cookie": cookie}, timeout=WAIT_MILLISECONDS / 1000)

    def close(self) -> None:
        self._context.close()


def dress(page: Page, theme: str) -> None:
    """Set light or dark as the system's theme, and wait for animations to end."""
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    page.evaluate(_AT_REST)


@contextmanager
def studio(browser: Browser) -> Iterator[Studio]:
    """Start the portal; it ends with this context.

    It is a process of its own: Django refuses to use the database where Playwright's loop runs, and its clocks and
    chances are fixed, which nothing else in a process of tests would survive.
    """
    environment = {**os.environ, "PYTHONPATH": str(FOLDER.parent), "DJANGO_SETTINGS_MODULE": "kit.settings"}
    # The pictures' database is a file that can be put back.
    environment.pop("WATCHWORD_TEST_DATABASE_URL", None)
    command = [sys.executable, "-m", "browser.stage"]
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            opened = Studio(browser, Stage(process))
            try:
                yield opened
            finally:
                opened.close()
        finally:
            # The end of its input ends it.
            process.communicate(timeout=20)
