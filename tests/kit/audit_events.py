"""Audit events by the hundred, and the rights of an attacker who owns the database."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import connection, transaction

from kit.people import NOW
from watchword.control.audit import triggers
from watchword.control.audit.models import AuditEvent, AuditHead
from watchword.control.base.audit_log import GENESIS, Entry, append, hash_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watchword.control.audit.chain import Link


def entry(target: str = "ProdOkta", **changes: Any) -> Entry:
    """Alice has added a server, with changes."""
    good: dict[str, Any] = {
        "at": NOW,
        "organization": "acme",
        "actor": "alice@acme.example",
        "interface": "portal",
        "address": "2001:db8::1",
        "action": "server_added",
        "target": target,
    }
    return Entry(**{**good, **changes})


def write(target: str = "ProdOkta", **changes: Any) -> AuditEvent:
    with transaction.atomic():
        return append(entry(target, **changes))


def write_aged(*ages: int) -> list[AuditEvent]:
    """Events that are this many days old, in this order."""
    return [write(f"{age} days old", at=NOW - timedelta(days=age)) for age in ages]


@contextmanager
def all_rights() -> Iterator[None]:
    """As an attacker who owns the database: without triggers until the end of the block."""
    triggers.remove(connection)
    try:
        yield
    finally:
        triggers.install(connection)


def rewrite_from(place: Link) -> None:
    """Forge: give every event after `place` the hash that now fits, and the head too."""
    previous = place.hash
    for event in AuditEvent.objects.filter(sequence__gt=place.sequence).order_by("sequence"):
        event.previous_hash = previous
        event.hash = previous = hash_of(event)
        event.save(force_update=True)
        AuditHead.objects.update(sequence=event.sequence, hash=event.hash)


def fill(count: int, organization: str | None = "acme", **changes: Any) -> None:
    """Many events at once, one a minute. They form no valid chain, which readers do not need."""
    first = (AuditEvent.objects.order_by("-sequence").values_list("sequence", flat=True).first() or 0) + 1
    event = entry(organization=organization, **changes)
    AuditEvent.objects.bulk_create(
        [
            AuditEvent(
                sequence=sequence,
                at=event.at + timedelta(minutes=sequence),
                organization=organization,
                actor=event.actor,
                interface=event.interface,
                address=event.address,
                action=event.action,
                target=event.target,
                result=event.result,
                previous_hash=GENESIS,
                hash=f"{sequence:064d}",
            )
            for sequence in range(first, first + count)
        ],
        batch_size=1000,
    )
    AuditHead.objects.update_or_create(id=1, defaults={"sequence": first + count - 1, "hash": GENESIS})
