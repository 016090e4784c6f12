"""Appends events to the audit log. `audit/chain.py` verifies them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final

from django.db import transaction

from watchword.control.base.audit_models import AuditEvent, AuditHead

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
        organization: the organization whose log it belongs to, None for the provider's own.
        actor, interface, address: who, through which interface, from which IP address (None if there is none).
        action: what was done, snake_case, such as `server_added`.
        target: what it was done to, such as the name of a server; never a secret.
        changes: for each changed field its value before and after. No floats: PostgreSQL returns 1 for 1.0, and the
            hash would no longer match.
        client: the client ID of the access token that the management API received; None for all other events.
        request_id: the management API's id of the request; None for all other events.
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
    client: str | None = None
    request_id: str | None = None


def append(entry: Entry) -> AuditEvent:
    """Append the event in the caller's transaction. Locks the head row, so events have the order of their commits."""
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("an audit event needs the transaction of the change that it records")
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
        client=entry.client,
        request_id=entry.request_id,
        previous_hash=head.hash,
    )
    event.hash = hash_of(event)
    event.save(force_insert=True)
    head.sequence, head.hash = event.sequence, event.hash
    head.save(update_fields=["sequence", "hash"])
    return event


def difference(
    before: Mapping[str, Scalar], after: Mapping[str, Scalar], *, always: frozenset[str] = frozenset()
) -> dict[str, list[Scalar]]:
    """Return the pairs of before and after that differ, and those named in `always`."""
    names = [*before, *(name for name in after if name not in before)]
    pairs = {name: [before.get(name), after.get(name)] for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1] or name in always}


def canonical(event: AuditEvent) -> dict[str, Any]:
    """Return all fields except the hash, as both the hash and the JSON Lines export use them.

    `client` and `request_id` are left out where they are null: events from before these fields keep their hash.
    """
    of_api = {"client": event.client, "request_id": event.request_id}
    return {
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
        **{name: value for name, value in of_api.items() if value is not None},
    }


def hash_of(event: AuditEvent) -> str:
    """Return the hexadecimal SHA-256 of the canonical JSON that docs/audit-log.md describes."""
    return hashlib.sha256(canonical_json(canonical(event)).encode("ascii")).hexdigest()


def canonical_json(fields: Mapping[str, Any]) -> str:
    return json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
