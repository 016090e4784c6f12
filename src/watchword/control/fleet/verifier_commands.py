"""Verifiers' credentials: created, rotated without a gap, revoked. The only writers."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.db import IntegrityError, transaction
from django.db.models import F

from watchword.control.base.actor import Privilege
from watchword.control.base.refusals import Refusal, RefusalReason
from watchword.control.base.unit_of_work import unit_of_work
from watchword.control.fleet.models import SECRET_PREFIX, FeedState, VerifierCredential, secret_hash
from watchword.control.fleet.pg_notify import announce
from watchword.control.fleet.rules import LONGEST_OVERLAP, OVERLAP, has_previous_secret

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
            secret = _new_secret()
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
class RotateVerifier:
    """Give a verifier a new secret. Returns it; it is not stored and cannot be shown again.

    The secret that the verifier uses now stays valid for `overlap`, from 0 to 7 days. If no request has come with the
    newest secret yet, the verifier still uses the one before: that one stays, and the unused one ends.
    """

    name: str
    overlap: timedelta = OVERLAP

    def run(self, actor: Actor, *, now: datetime | None = None) -> str:
        with unit_of_work(actor, None, permission=Privilege.OPERATOR, action="verifier_rotated", now=now) as work:
            if not timedelta(0) <= self.overlap <= LONGEST_OVERLAP:
                fault = f"Enter 0 to {LONGEST_OVERLAP // timedelta(hours=1)} hours."
                raise Refusal(RefusalReason.FIELDS_INVALID, field_errors={"overlap": fault})
            row = _locked(self.name)
            if row.is_newest_used or not has_previous_secret(row.previous_until, work.now):
                row.previous_secret_hash = row.secret_hash
            secret = _new_secret()
            row.secret_hash, row.rotated_at, row.is_newest_used = secret_hash(secret), work.now, False
            row.previous_until = work.now + self.overlap
            row.save()
            _end_waits()
            work.record(target=self.name, changes={"previous_until": [None, row.previous_until.isoformat()]})
            return secret


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokePreviousSecret:
    """End the secret that a rotation left valid, before its time."""

    name: str

    def run(self, actor: Actor, *, now: datetime | None = None) -> None:
        with unit_of_work(
            actor, None, permission=Privilege.OPERATOR, action="verifier_previous_revoked", now=now
        ) as work:
            row = _locked(self.name)
            if not has_previous_secret(row.previous_until, work.now):
                raise Refusal(RefusalReason.NOT_FOUND)
            row.previous_secret_hash = row.previous_until = None
            row.save()
            _end_waits()
            work.record(target=self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokeVerifier:
    """Revoke a verifier. Requests with its secrets are refused, also one that waits."""

    name: str

    def run(self, actor: Actor, *, now: datetime | None = None) -> None:
        with unit_of_work(actor, None, permission=Privilege.OPERATOR, action="verifier_revoked", now=now) as work:
            revoked = VerifierCredential.objects.filter(name=self.name, revoked_at__isnull=True).update(
                revoked_at=work.now
            )
            if revoked != 1:
                raise Refusal(RefusalReason.NOT_FOUND)
            _end_waits()
            work.record(target=self.name)


def _new_secret() -> str:
    return SECRET_PREFIX + secrets.token_urlsafe(_SECRET_BYTES)


def _locked(name: str) -> VerifierCredential:
    """The row of a verifier that was not revoked, locked until the transaction ends.

    Raises:
        Refusal: not_found.
    """
    row = VerifierCredential.objects.select_for_update().filter(name=name, revoked_at__isnull=True).first()
    if row is None:
        raise Refusal(RefusalReason.NOT_FOUND)
    return row


def _end_waits() -> None:
    """Make all waiting requests be checked again."""
    FeedState.objects.get_or_create(id=1)
    FeedState.objects.filter(id=1).update(revocations=F("revocations") + 1)
    announce()
