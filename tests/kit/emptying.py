"""Lets transactional tests empty the database although the audit log is append-only."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from django.db import connection
from django.test import TransactionTestCase

from watchword.control.audit import triggers

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def log_may_be_emptied() -> Iterator[None]:
    """Remove the triggers only while a transactional test's rows are deleted."""
    emptying = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined]

    def without_triggers(case: TransactionTestCase) -> None:
        triggers.remove(connection)
        try:
            emptying(case)
        finally:
            triggers.install(connection)

    TransactionTestCase._fixture_teardown = without_triggers  # type: ignore[attr-defined]
    try:
        yield
    finally:
        TransactionTestCase._fixture_teardown = emptying  # type: ignore[attr-defined]
