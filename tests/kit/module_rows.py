"""Rows that the tests of a module share: made once, and the same for each test, whose own changes are rolled back.

A conftest imports the fixture. A module with a test that commits (`transaction=True`) cannot use it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

import pytest
from django.db import transaction
from django.test import override_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django.plugin import DjangoDbBlocker

ModuleRows = Callable[[], AbstractContextManager[None]]


@pytest.fixture(scope="module")
def module_rows(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[ModuleRows]:
    """Insert in `with module_rows():`, in a fixture of the module that is used together with `db`."""

    @contextmanager
    def inserting() -> Iterator[None]:
        with django_db_blocker.unblock(), override_settings(PASSWORD_HASHERS=["kit.fast_argon2.FastArgon2"]):
            yield

    around = transaction.atomic()
    # As Django's own TestCase: commands refuse to run inside any other transaction.
    around._from_testcase = True  # type: ignore[attr-defined]
    with inserting():
        around.__enter__()
    yield inserting
    with inserting():
        transaction.set_rollback(True)
        around.__exit__(None, None, None)
