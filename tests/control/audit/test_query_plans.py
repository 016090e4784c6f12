"""No page of the audit log costs more as the log grows: by what the database says that it would do."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection

from kit.audit_events import entry, fill
from watchword.control.audit.queries import log_of

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from kit.module_rows import ModuleRows
    from watchword.control.audit.models import AuditEvent


def plan(events: QuerySet[AuditEvent, Any]) -> str:
    return events.explain()


@pytest.fixture(scope="module")
def shared_log(module_rows: ModuleRows) -> None:
    """Acme has few of many events, so that a query that reads the whole log for it is found out."""
    with module_rows():
        for _ in range(2):
            fill(4000, "globex")
            fill(20, "acme")
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")


@pytest.fixture
def long_log(shared_log: None, db: None) -> None:
    """The same rows for each test."""


def test_no_page_of_an_organization_reads_the_whole_log(long_log: None) -> None:
    acme = log_of("acme").order_by("-sequence")
    for events in (acme[:51], acme.filter(sequence__lt=5000)[:51], acme.filter(target__icontains="x")[:51]):
        steps = plan(events)
        assert "audit_by_organization" in steps, steps
        assert "Seq Scan" not in steps, steps


def test_no_page_of_the_provider_reads_the_whole_log(long_log: None) -> None:
    for events in (
        log_of(None).order_by("-sequence")[:51],
        log_of(None).filter(sequence__lt=9).order_by("-sequence")[:51],
    ):
        steps = plan(events)
        # SQLite walks the table itself in the order of its key, and stops after 51 rows.
        assert "Seq Scan" not in steps, steps
        assert "Sort" not in steps, steps
        assert "TEMP B-TREE" not in steps, steps


def test_days_are_found_by_their_index(long_log: None) -> None:
    times = log_of("acme").filter(at__lt=entry().at + timedelta(minutes=5000)).order_by("-at")
    steps = plan(times.values_list("sequence")[:1])
    assert "audit_by_organization_and_time" in steps, steps
