"""The states of the portal that pictures are taken of: who is signed in, what is stored, and what is pressed."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.management import call_command
from django.db import connections
from django.test.testcases import LiveServerThread
from django.urls import reverse

from kit import sample_portal
from kit.browser import chromium
from kit.sample_portal import PROD_OKTA, STANDBY
from watchword.control.access.actor import command_line
from watchword.control.organizations.commands import Suspend
from watchword.control.organizations.models import SuspensionReason
from watchword.control.servers import validate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, Page

    from watchword.control.access.models import Person


def servers_page() -> str:
    return reverse("servers:list", args=[sample_portal.ACME])


@dataclass(frozen=True)
class State:
    """One picture. `prepare` fills an empty database and returns who is signed in; `act` is done in the browser."""

    name: str
    prepare: Callable[[], Person | None]
    act: Callable[[Page], None] = lambda _page: None
    whole: bool = False
    path: Callable[[], str] = servers_page


def _empty() -> Person:
    sample_portal.acme()
    return sample_portal.alice()


def _one() -> Person:
    alice = _empty()
    sample_portal.age(sample_portal.add(sample_portal.acting(alice), PROD_OKTA), fetched_minutes_ago=2)
    return alice


def _two() -> Person:
    alice = _one()
    sample_portal.age(sample_portal.add(sample_portal.acting(alice), STANDBY), fetched_minutes_ago=4)
    return alice


def _failing() -> Person:
    alice = _empty()
    server = sample_portal.add(sample_portal.acting(alice), PROD_OKTA)
    sample_portal.age(server, fetched_minutes_ago=14, failing=True)
    return alice


def _suspended() -> Person:
    alice = _two()
    Suspend(organization_id=sample_portal.ACME, reason=SuspensionReason.API_CALL_THRESHOLD_EXCEEDED).run(command_line())
    return alice


def _expired() -> Person:
    alice = _one()
    sample_portal.expire()
    return alice


def _without_permission() -> Person:
    sample_portal.acme()
    return sample_portal.bob()


def _nobody() -> None:
    sample_portal.acme()


def _press_add(page: Page) -> None:
    page.get_by_role("button", name="Add Authorization Server").click()
    page.get_by_role("dialog").wait_for()


def _type(page: Page, location: str) -> None:
    _press_add(page)
    window = page.get_by_role("dialog")
    window.get_by_label("Name", exact=True).fill("ProdOkta")
    window.get_by_label("Description", exact=True).fill("Batch jobs and partner integrations")
    window.get_by_label("OAuth 2.0 JWKS Location").fill(location)
    window.get_by_role("button", name="Validate").click()
    window.get_by_role("group", name="Result of the validation").wait_for()


def _validate_well(page: Page) -> None:
    _type(page, sample_portal.LOCATION)


def _validate_to_save(page: Page) -> None:
    _validate_well(page)
    page.get_by_label("Audience URI").scroll_into_view_if_needed()
    page.get_by_label("Client ID").scroll_into_view_if_needed()


def _validate_badly(page: Page) -> None:
    _type(page, sample_portal.UNKNOWN_AUTHORITY)


def _refused(page: Page) -> None:
    _validate_well(page)
    page.get_by_label("Name", exact=True).fill("Prod Okta")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("alert").wait_for()


def _expand(page: Page) -> None:
    page.get_by_role("button", name="signing keys of ProdOkta").click()


def _edit(page: Page) -> None:
    page.get_by_role("button", name="Edit ProdOkta").click()
    page.get_by_role("dialog").wait_for()


def _delete(page: Page) -> None:
    page.get_by_role("button", name="Delete ProdOkta").click()
    page.get_by_role("alertdialog").wait_for()


def _enable(page: Page) -> None:
    page.get_by_role("button", name="Enable StandbyKeycloak").click()
    page.get_by_role("alertdialog").wait_for()


def _fail_to_sign_in(page: Page) -> None:
    page.get_by_label("E-mail").fill("alice@acme.example")
    page.get_by_label("Password").fill("not the password")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("alert").wait_for()


def _open_rail(page: Page) -> None:
    menu = page.get_by_role("button", name="Open the navigation")
    if menu.is_visible():
        menu.click()


STATES: Final = (
    State("list-empty", _empty, whole=True),
    State("list-one", _one, whole=True),
    State("list-two", _two),
    State("list-expanded", _two, _expand, whole=True),
    State("hero", _two, _expand),
    State("list-failing", _failing, _expand, whole=True),
    State("list-suspended", _suspended),
    State("list-expired", _expired),
    State("rail", _one, _open_rail),
    State("add-fresh", _one, _press_add),
    State("add-validated", _one, _validate_well),
    State("add-to-save", _empty, _validate_to_save),
    State("add-failed", _one, _validate_badly),
    State("add-refused", _one, _refused),
    State("edit", _two, _edit),
    State("delete", _two, _delete),
    State("enable", _two, _enable),
    State("sign-in", _nobody),
    State("sign-in-failed", _nobody, _fail_to_sign_in),
    State("no-permission", _without_permission),
)


class Studio:
    """A live portal and a browser. Every state starts from an empty, migrated database."""

    def __init__(self, browser: Browser, origin: str, empty: Path) -> None:
        self._browser = browser
        self._origin = origin
        self._empty = empty
        # Playwright's loop occupies the main thread, where Django therefore refuses to use the database.
        self._desk = ThreadPoolExecutor(1)

    def take(self, state: State, *, theme: str, width: int, height: int, path: Path) -> None:
        session = self._desk.submit(self._prepare, state).result()
        context = self._browser.new_context(
            base_url=self._origin, viewport={"width": width, "height": height}, locale="en-US", reduced_motion="reduce"
        )
        context.set_default_timeout(8_000)
        cookies = {"theme": theme, **({} if session is None else {settings.SESSION_COOKIE_NAME: session})}
        context.add_cookies([{"name": name, "value": value, "url": self._origin} for name, value in cookies.items()])
        try:
            page = context.new_page()
            page.goto(state.path())
            state.act(page)
            page.wait_for_timeout(150)
            path.parent.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=path, full_page=state.whole)
        finally:
            context.close()

    def _prepare(self, state: State) -> str | None:
        connections.close_all()
        shutil.copyfile(self._empty, settings.DATABASES["default"]["NAME"])
        person = state.prepare()
        session = None if person is None else sample_portal.session_of(person)
        connections.close_all()
        return session


@contextmanager
def studio() -> Iterator[Studio]:
    database = Path(settings.DATABASES["default"]["NAME"])
    call_command("migrate", verbosity=0)
    # One file without its write-ahead log beside it, so that it can be copied.
    with connections["default"].cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connections.close_all()
    empty = database.with_suffix(".empty")
    shutil.copyfile(database, empty)
    # The table of sample answers stands where the network would be.
    vars(validate)["probe"] = sample_portal.probe
    server = LiveServerThread("127.0.0.1", StaticFilesHandler)
    server.daemon = True
    server.start()
    server.is_ready.wait()
    if server.error:
        raise server.error
    settings.ALLOWED_HOSTS = ["127.0.0.1"]
    try:
        with chromium() as browser:
            yield Studio(browser, f"http://127.0.0.1:{server.port}", empty)
    finally:
        server.terminate()
