"""Publishing trust and the feed's epoch. With verifier_commands.py the only writers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from django.db import transaction

from watchword.control.base.actor import Privilege
from watchword.control.base.unit_of_work import unit_of_work
from watchword.control.fleet.models import FeedState, TrustRecord, new_epoch
from watchword.control.fleet.pg_notify import announce
from watchword.control.servers.trust import trust_of
from watchword.feed import encode_trust

if TYPE_CHECKING:
    from datetime import datetime

    from watchword.control.base.actor import Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class RotateEpoch:
    """Begin a new epoch of the feed after restoring a backup. Returns it.

    The restored feed reuses revisions that verifiers have seen with other trust. A new epoch makes every verifier
    start over instead of mixing the two histories.
    """

    def run(self, actor: Actor, *, now: datetime | None = None) -> str:
        with unit_of_work(actor, None, permission=Privilege.OPERATOR, action="feed_epoch_rotated", now=now) as work:
            FeedState.objects.get_or_create(id=1)
            state = FeedState.objects.select_for_update().get(id=1)
            before, state.epoch = state.epoch, new_epoch()
            state.save(update_fields=["epoch"])
            announce()
            work.record(target="feed", changes={"epoch": [before, state.epoch]})
            return state.epoch


def publish_trust(organization_id: str) -> None:
    """Give the organization's trust the next revision, unless verifiers already have exactly this trust.

    The counter's row stays locked until the transaction ends, so a revision becomes visible after all lower ones. Trust
    is read after taking the lock, so the newest revision has the newest trust.
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
