"""What operators do to the fleet of verifiers. The only writers besides `publish_trust`."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.db import IntegrityError, transaction
from django.db.models import F

from watchword.control.base.actor import Privilege
from watchword.control.base.refusals import Refusal, RefusalReason
from watchword.control.base.unit_of_work import unit_of_work
from watchword.control.fleet.credentials import SECRET_PREFIX, secret_hash
from watchword.control.fleet.models import FeedState, VerifierCredential, new_epoch
from watchword.control.fleet.pg_notify import announce

if TYPE_CHECKING:
    from datetime import datetime

    from watchword.control.base.actor import Actor

_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_SECRET_BYTES: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateVerifier:
    """Give a verifier the right to read the feed. Returns its secret, which is not kept and cannot be shown again."""

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
    """Take the right back. The next request with the secret is refused, and one that waits is answered at once."""

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
    """Begin a new epoch of the feed, after a backup was restored. Returns it.

    Revisions that were given out after the backup are about to be given out again for other trust. The new epoch
    makes every verifier start over instead of mixing the two histories.
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
