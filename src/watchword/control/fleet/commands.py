"""Publishing trust, verifier credentials and the feed's epoch. The only writers."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from django.db import IntegrityError, transaction
from django.db.models import F

from watchword.control.base.actor import Privilege
from watchword.control.base.refusals import Refusal, RefusalReason
from watchword.control.base.unit_of_work import unit_of_work
from watchword.control.fleet.models import (
    SECRET_PREFIX,
    FeedState,
    TrustRecord,
    VerifierCredential,
    new_epoch,
    secret_hash,
)
from watchword.control.fleet.pg_notify import announce
from watchword.control.servers.trust import trust_of
from watchword.feed import encode_trust

if TYPE_CHECKING:
    from datetime import datetime

    from watchword.control.base.actor import Actor

_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_SECRET_BYTES: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateVerifier:
    """Create a verifier's credential. Returns its secret, which is not stored and cannot be shown again."""

    name: str

    def run(self, actor: Actor, *, now: datetime | None = None) -> str:
        with unit_of_work(actor, None, permission=Privilege.OPERATOR, action="verifier_created", now=now) as work:
            if _NAME.fullmatch(self.name) is None:
                fault = "The name has 1 to 64 characters: letters A to Z and a to z, digits, dot, underscore, hyphen."
                raise Refusal(RefusalReason.FIELDS_INVALID, field_errors={"name": fault})
            secret = SECRET_PREFIX + secrets.token_urlsafe(_SECRET_BYTES)
            try:
                with transaction.atomic():
                    VerifierCredential.objects.create(
                        name=self.name, secret_hash=secret_hash(secret), created_at=work.now
                    )
            except IntegrityError:
                raise Refusal(RefusalReason.NAME_TAKEN, name=self.name) from None
            work.record(target=self.name)
            return secret


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokeVerifier:
    """Revoke a credential. Requests with its secret are refused, also one that waits."""

    name: str

    def run(self, actor: Actor, *, now: datetime | None = None) -> None:
        with unit_of_work(actor, None, permission=Privilege.OPERATOR, action="verifier_revoked", now=now) as work:
            revoked = VerifierCredential.objects.filter(name=self.name, revoked_at__isnull=True).update(
                revoked_at=work.now
            )
            if revoked != 1:
                raise Refusal(RefusalReason.NOT_FOUND)
            FeedState.objects.get_or_create(id=1)
            FeedState.objects.filter(id=1).update(revocations=F("revocations") + 1)
            announce()
            work.record(target=self.name)


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
