"""The people and organizations of all control plane tests."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from django.utils import timezone

from kit import people
from kit.module_rows import module_rows
from watchword.control.base.actor import Permission, command_line
from watchword.control.entrance.middleware import StaticFiles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from pytest_django import Settings

    from watchword.control.base.actor import Actor
    from watchword.control.identity.models import Person
    from watchword.control.organizations.models import Organization

__all__ = ["module_rows"]

HERE: Final = Path(__file__).parent
ANY_DATABASE: Final = {
    "fleet/test_listeners.py",
    "organizations/test_locks_hold.py",
    "servers/test_bound_tokens.py",
    "servers/test_ca_bundle.py",
    "servers/test_shown_location.py",
    "test_access_matrix.py",
    "test_csrf.py",
    "test_surroundings.py",
    "web",
}
"""Folders and files about pages, forms and rules: these are the same on every database.

The queries, constraints and locks beneath them have tests of their own in the other folders.
"""

EVERY_DATABASE: Final = {
    "web/activity/test_pages.py",
    "web/audit/test_pages.py",
    "web/console/test_fleet.py",
    "web/console/test_operators.py",
    "web/console/test_organization.py",
    "web/console/test_organizations.py",
    "web/people/test_people_pages.py",
    "web/servers/test_form_to_feed.py",
    "web/servers/test_rotation_watch.py",
}
"""Except for these: no test in another folder runs the queries of these pages with rows that matter."""


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark what `make test` runs on one database alone; this hook is called for the tests of this folder only."""
    assert isinstance(item, pytest.Function)
    without = item.get_closest_marker("django_db") is None and not {"db", "transactional_db"} & set(item.fixturenames)
    place = item.path.relative_to(HERE)
    names = {place.as_posix(), *(folder.as_posix() for folder in place.parents)}
    if without or (names & ANY_DATABASE and not names & EVERY_DATABASE):
        item.add_marker(pytest.mark.any_database)


@pytest.fixture(autouse=True, scope="session")
def _static_files_are_read_once() -> Iterator[None]:
    """Each `Client` builds the middleware again, which would find and read the same files each time."""
    found: dict[str, object] = {}
    find = StaticFiles.add_files_from_finders

    def once(middleware: StaticFiles) -> None:
        if not found:
            find(middleware)
            found.update(middleware.files)
        middleware.files.update(found)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(StaticFiles, "add_files_from_finders", once)
        yield


@pytest.fixture(autouse=True)
def _fast_passwords(settings: Settings) -> None:
    """Argon2id with little memory and one pass; its cost is not what these tests are about."""
    settings.PASSWORD_HASHERS = ["kit.fast_argon2.FastArgon2"]


@pytest.fixture
def acme(db: None) -> Organization:
    return people.organization("acme")


@pytest.fixture
def globex(db: None) -> Organization:
    return people.organization("globex")


@pytest.fixture
def initech(db: None) -> Organization:
    """Without an API subscription."""
    return people.organization("initech", entitled=False)


@pytest.fixture
def alice(acme: Organization) -> Person:
    """Administrator of Acme with every permission."""
    return people.administrator("alice", "acme", *Permission)


@pytest.fixture
def bob(acme: Organization) -> Person:
    """Administrator of Acme who may read the audit log and nothing else."""
    return people.administrator("bob", "acme", Permission.AUDIT_LOGS)


@pytest.fixture
def charlie(globex: Organization) -> Person:
    """Administrator of Globex with every permission."""
    return people.administrator("charlie", "globex", *Permission)


@pytest.fixture
def operator(db: None) -> Person:
    return people.operator()


@pytest.fixture
def shell() -> Actor:
    """A person at the command line."""
    return command_line()


@pytest.fixture
def acting_alice(alice: Person) -> Actor:
    return people.acting(alice, address="192.0.2.1")


@pytest.fixture
def acting_bob(bob: Person) -> Actor:
    return people.acting(bob, address="192.0.2.2")


@pytest.fixture
def acting_charlie(charlie: Person) -> Actor:
    return people.acting(charlie, address="192.0.2.3")


@pytest.fixture
def advance(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """Move the clock of the control plane."""
    real = timezone.now
    moved = timedelta()

    def now() -> datetime:
        return real() + moved

    def by(step: timedelta) -> None:
        nonlocal moved
        moved += step

    monkeypatch.setattr(timezone, "now", now)
    return by


@pytest.fixture
def no_time_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    """For delays that begin with a second: on a busy machine one would be over before the next request."""
    at = timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: at)
