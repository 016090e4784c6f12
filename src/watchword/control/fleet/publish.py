"""Publishing an organization's trust: one increment of the counter, one record, in the caller's transaction."""

from __future__ import annotations

from dataclasses import replace

from django.db import transaction

from watchword.control.fleet.models import FeedState, TrustRecord
from watchword.control.fleet.pg_notify import announce
from watchword.control.servers.trust import trust_of
from watchword.feed import encode_trust


def publish_trust(organization_id: str) -> None:
    """Give the organization's trust the next revision, unless verifiers already have exactly this trust.

    The counter's row stays locked until the transaction ends, so a revision becomes visible only when all lower
    ones are; and trust is read after the lock was taken, so that the newest revision carries the newest trust.
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("trust is published in the transaction of the change")
    FeedState.objects.get_or_create(id=1)
    state = FeedState.objects.select_for_update().get(id=1)
    trust = trust_of(organization_id)
    record = TrustRecord.objects.filter(organization_id=organization_id).first()
    if record is not None and record.document == encode_trust(replace(trust, revision=record.revision)):
        return
    state.revision += 1
    state.save(update_fields=["revision"])
    document = encode_trust(replace(trust, revision=state.revision))
    TrustRecord.objects.update_or_create(
        organization_id=organization_id, defaults={"revision": state.revision, "document": document}
    )
    announce()
