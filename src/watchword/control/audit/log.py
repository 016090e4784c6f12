"""Appending to the audit log, and proving that nobody tampered with it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC
from typing import TYPE_CHECKING, Final

from django.db import transaction

from watchword.control.audit.models import AuditEvent, AuditHead

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

Scalar = str | int | bool | None

GENESIS: Final = "0" * 64
SUCCESS: Final = "success"
REFUSED: Final = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One event to record.

    Attributes:
        organization: whose log it belongs to, None for the provider's own.
        actor, interface, address: who, by which way in, and from which IP address (None where there is none).
        action: what was done, snake_case, such as `server_added`.
        target: what it was done to, such as the name of a server; never a secret.
        changes: for each changed field its value before and after. No floats: PostgreSQL would give 1 back for 1.0,
            and the hash would no longer fit.
    """

    at: datetime
    organization: str | None
    actor: str
    interface: str
    address: str | None
    action: str
    target: str
    result: str = SUCCESS
    changes: Mapping[str, Sequence[Scalar]] = field(default_factory=dict)


def append(entry: Entry) -> AuditEvent:
    """Add the event, inside the caller's transaction. Locks the head, so events are ordered as they commit."""
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("an audit event belongs into the transaction of what it records")
    AuditHead.objects.get_or_create(id=1, defaults={"hash": GENESIS})
    head = AuditHead.objects.select_for_update().get(id=1)
    event = AuditEvent(
        sequence=head.sequence + 1,
        at=entry.at,
        organization=entry.organization,
        actor=entry.actor,
        interface=entry.interface,
        address=entry.address,
        action=entry.action,
        target=entry.target,
        result=entry.result,
        changes={name: list(values) for name, values in entry.changes.items()},
        previous_hash=head.hash,
    )
    event.hash = hash_of(event)
    event.save(force_insert=True)
    head.sequence, head.hash = event.sequence, event.hash
    head.save(update_fields=["sequence", "hash"])
    return event


def hash_of(event: AuditEvent) -> str:
    """SHA-256, hexadecimal, over all fields but the hash itself, as canonical JSON."""
    fields = {
        "sequence": event.sequence,
        "at": event.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "organization": event.organization,
        "actor": event.actor,
        "interface": event.interface,
        "address": event.address,
        "action": event.action,
        "target": event.target,
        "result": event.result,
        "changes": event.changes,
        "previous_hash": event.previous_hash,
    }
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def verify_chain() -> str | None:
    """Walk the whole chain. Returns None when it is whole, else a sentence that names the first fault."""
    head = AuditHead.objects.filter(id=1).first()
    expected_sequence, previous_hash = 1, GENESIS
    for event in AuditEvent.objects.order_by("sequence").iterator(chunk_size=1000):
        if event.sequence != expected_sequence:
            return f"Event {expected_sequence} is missing."
        if event.previous_hash != previous_hash:
            return f"Event {event.sequence} does not follow event {event.sequence - 1}."
        if event.hash != hash_of(event):
            return f"Event {event.sequence} was changed."
        expected_sequence, previous_hash = event.sequence + 1, event.hash
    if head is None:
        return None if expected_sequence == 1 else "The head of the chain is missing."
    if (head.sequence, head.hash) != (expected_sequence - 1, previous_hash):
        return f"The chain ends at event {expected_sequence - 1}, but its head is at event {head.sequence}."
    return None
