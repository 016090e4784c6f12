"""The only way to write: checks, changes, audit event and trust revision in one transaction.

Between transactions a request can release its database connection.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from django.db import connection, transaction
from django.utils import timezone

from watchword.control.base import hooks
from watchword.control.base.actor import Actor, Permission, Privilege, Required
from watchword.control.base.audit_log import REFUSED, Entry, Scalar, append
from watchword.control.base.audit_models import TARGET_MAX
from watchword.control.base.refusals import AccessLost, Refusal, RefusalReason, right_missing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

_WITHOUT_TRUST: Final = frozenset(
    {Permission.ADMINISTRATORS, Permission.AUDIT_LOGS, Privilege.API_ROLES, Privilege.SELF}
)
"""Changes under these rights concern no verifier. Every other change publishes the organization's trust."""

_MISSING_RIGHT: Final = frozenset(
    {
        RefusalReason.PERMISSION_MISSING,
        RefusalReason.SESSION_ENDED,
        RefusalReason.API_KEY_UNUSABLE,
        RefusalReason.INSUFFICIENT_SCOPE,
        RefusalReason.SUBSCRIPTION_INACTIVE,
        RefusalReason.ORGANIZATION_SUSPENDED,
    }
)
"""Refusals because of a missing right; they go into the audit log."""


@dataclass(slots=True, kw_only=True)
class UnitOfWork:
    """The transaction of one command.

    Attributes:
        actor: who acts, with the rights that the database granted under the lock. Commands decide by this actor, never
            by the one of the request.
        now: the time of the whole transaction.
        action: the default action of `record`.
        locked: the id of the organization whose row is locked until the end of the transaction.
        entries, to_publish: written at the end of the transaction; commands use the methods.
    """

    actor: Actor
    now: datetime
    action: str
    locked: str | None
    entries: list[Entry] = field(default_factory=list)
    to_publish: set[str] = field(default_factory=set)

    @property
    def organization_id(self) -> str:
        """The organization; its row is locked until the end of the transaction."""
        if self.locked is None:
            raise RuntimeError("this change is not about one organization")
        return self.locked

    def record(
        self,
        *,
        target: str,
        changes: Mapping[str, Sequence[Scalar]] | None = None,
        action: str | None = None,
    ) -> None:
        """Note an audit event, written when the block ends.

        Args:
            target: what was changed, as the log's readers know it.
            changes: `{field: [before, after]}`, never with secrets.
            action: if it differs from the action of the change.
        """
        self.entries.append(
            Entry(
                at=self.now,
                organization=self.locked,
                actor=self.actor.name,
                interface=self.actor.interface.value,
                address=self.actor.address,
                action=action if action is not None else self.action,
                target=target,
                changes=changes or {},
                client=self.actor.client,
                request_id=self.actor.request_id,
            )
        )

    def begin(self, organization_id: str) -> None:
        """Continue with an organization that this transaction has created.

        No other transaction sees its row before the commit, so it needs no lock.
        """
        if self.locked is not None:
            raise RuntimeError("this change is already about an organization")
        self.locked = organization_id
        self.to_publish.add(organization_id)

    def publish(self, organization_id: str) -> None:
        """Publish the trust of another organization as well."""
        self.to_publish.add(organization_id)

    def skip_publishing(self) -> None:
        """Publish nothing, because the trust has not changed. For the worker's key sets only."""
        if self.actor.interface is not self.actor.interface.WORKER:
            raise RuntimeError("only the worker may skip publishing")
        self.to_publish.clear()


def time_of(now: datetime | None) -> datetime:
    """Return `now`, by default the clock's time. Read it again after each wait, so that the wait counts."""
    return timezone.now() if now is None else now


@contextmanager
def unit_of_work(
    actor: Actor,
    organization_id: str | None,
    *,
    permission: Required,
    action: str,
    now: datetime | None = None,
) -> Iterator[UnitOfWork]:
    """Open the transaction of one command.

    Changes of an organization's servers need Permission.API_KEY_MANAGEMENT, which no operator holds, and an entitled
    organization. All other changes (people, subscriptions, suspensions, the worker's key sets) are possible without
    entitlement: operators must be able to renew an expired organization, and its keys must stay fresh.

    Args:
        actor: who acts.
        organization_id: the organization to change, None for the provider's own data.
        permission: the right that the actor needs.
        action: for the audit log, snake_case in the past tense, such as `server_added`.
        now: the time of the change; by default the clock's under the lock.

    Yields:
        The work, with the locked organization. The block must call `record` at least once, except in the worker.

    Raises:
        Refusal: not_found, permission_missing, subscription_inactive, organization_suspended.
        AccessLost: session_ended, proof_required, or a right that the actor had when the request began.
        RuntimeError: a change inside a change, or one without a record. Nothing is written.
    """
    with admitted(actor, organization_id, permission=permission, action=action, now=now) as admission:
        changes_trust = permission not in _WITHOUT_TRUST
        work = UnitOfWork(
            actor=admission.actor,
            now=admission.now,
            action=action,
            locked=organization_id,
            to_publish={organization_id} if organization_id is not None and changes_trust else set(),
        )
        yield work
        _finish(work, permission)


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """The actor with present rights, and the time of the transaction."""

    actor: Actor
    now: datetime


@contextmanager
def admitted(
    actor: Actor, organization_id: str | None, *, permission: Required, action: str, now: datetime | None = None
) -> Iterator[Admission]:
    """Open a transaction, lock the organization, then check the actor's present rights.

    For writes that are no change, such as a validation. Commands use `unit_of_work`, which is built on this.
    """
    known = actor
    try:
        # Also before the lock, so that other people's requests cannot delay an organization's changes.
        check_permission(actor, organization_id, permission)
        # `durable` forbids nesting: an outer transaction could roll back a change that was reported as done.
        with transaction.atomic(durable=True):
            _lock(organization_id)
            # Read under the lock, so that a time limit counts that passed during the wait.
            at = time_of(now)
            try:
                known = hooks.current_rights(actor, permission, action, at)
                check_permission(known, organization_id, permission)
            except Refusal as refusal:
                raise AccessLost(refusal) from None
            if organization_id is not None and permission is Permission.API_KEY_MANAGEMENT:
                hooks.check_entitlement(organization_id, at)
            yield Admission(actor=known, now=at)
    except Refusal as refusal:
        record_refused(known, organization_id, action, refusal, now=now)
        raise
    except AccessLost as lost:
        record_refused(known, organization_id, action, lost.refusal, now=now)
        raise


def check_permission(actor: Actor, organization_id: str | None, permission: Required) -> None:
    """Refuse an actor without the permission. Other organizations are not found.

    Raises:
        Refusal: not_found or permission_missing.
    """
    if organization_id is not None and not actor.reaches(organization_id):
        raise Refusal(RefusalReason.NOT_FOUND)
    if not actor.may(permission, organization_id):
        raise right_missing(actor, permission)


def record_refused(
    actor: Actor,
    organization_id: str | None,
    action: str,
    refusal: Refusal,
    *,
    target: str | None = None,
    now: datetime | None = None,
) -> None:
    """Record an attempt without the right to it, in a separate transaction.

    Other refusals, such as an invalid field, are not recorded. An attempt on another organization goes into the
    provider's log only: the other organization should not see strangers, nor the actor that it exists.

    Args:
        actor: who tried.
        organization_id: the organization concerned, None for the provider's own data.
        action: as in `unit_of_work`.
        refusal: why it was refused.
        target: by default the organization.
        now: by default the clock's time.
    """
    out_of_reach = organization_id is not None and not actor.reaches(organization_id)
    if refusal.reason not in _MISSING_RIGHT and not out_of_reach:
        return
    with transaction.atomic(durable=True):
        append(
            Entry(
                at=time_of(now),
                organization=None if out_of_reach else organization_id,
                actor=actor.name,
                interface=actor.interface.value,
                address=actor.address,
                action=action,
                target=(target or organization_id or "provider")[:TARGET_MAX],
                result=REFUSED,
                changes={"reason": [None, refusal.code]},
                client=actor.client,
                request_id=actor.request_id,
            )
        )


def _lock(organization_id: str | None) -> None:
    """Lock the organization, or the operators for the provider's own changes."""
    if organization_id is None:
        hooks.lock_operators()
    elif not hooks.lock_organization(organization_id):
        raise Refusal(RefusalReason.NOT_FOUND)


def _finish(work: UnitOfWork, permission: Required) -> None:
    if not work.entries and permission is not Privilege.WORKER:
        raise RuntimeError("a change must be recorded")
    # The feed's row is locked before the audit log's, as in the commands about the fleet: in the other order two
    # commands could wait for each other, and PostgreSQL would end one of them.
    for organization_id in sorted(work.to_publish):
        hooks.publish_trust(organization_id)
    for entry in work.entries:
        append(entry)


def release_connection() -> None:
    """Release the database connection, so that other pages can use it while a slow server responds."""
    if not connection.in_atomic_block:
        connection.close()
