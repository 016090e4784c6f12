"""Fixtures for tests that commit, so that other threads see the changes. A conftest imports them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.db import connection

from watchword.control.audit import triggers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django.plugin import DjangoDbBlocker


@pytest.fixture(scope="module")
def append_only_again(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Leave the audit log append-only for later tests."""
    yield
    with django_db_blocker.unblock():
        triggers.remove(connection)
        triggers.install(connection)
        connection.close()


@pytest.fixture
def committing(append_only_again: None, transactional_db: None) -> Iterator[None]:
    """Let the test commit. Afterwards the database is emptied, although the audit log is append-only."""
    triggers.remove(connection)
    triggers.install(connection)
    yield
    triggers.remove(connection)
