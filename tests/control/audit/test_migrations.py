"""Events from before the fields of the management API keep their hash, and the log stays append-only."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.core.management import call_command
from django.db import DatabaseError, transaction

from kit.audit_events import write
from kit.committing import append_only_again, committing
from watchword.control.audit.chain import verify_chain
from watchword.control.audit.models import AuditEvent

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["append_only_again", "committing"]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("committing")]


@pytest.fixture
def earlier_version(committing: None) -> Iterator[None]:
    """Two events in a database without the columns `client` and `request_id`."""
    write("One")
    write("Two")
    call_command("migrate", "audit", "0001", verbosity=0)
    try:
        yield
    finally:
        call_command("migrate", verbosity=0)


def test_upgrade_keeps_the_chain_and_the_triggers(earlier_version: None) -> None:
    call_command("migrate", verbosity=0)

    assert verify_chain() is None
    assert AuditEvent.objects.count() == 2
    for change in (lambda: AuditEvent.objects.update(client="x"), lambda: AuditEvent.objects.all().delete()):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            change()
    write("Three", client="terraform", request_id="r-1")
    assert verify_chain() is None
