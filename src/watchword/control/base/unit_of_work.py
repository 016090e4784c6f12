"""The one way to write: permission, entitlement, one transaction, audit event and trust revision in it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.utils import timezone

from watchword.control.base import hooks
from watchword.control.base.actor import Permission, Privilege
from watchword.control.base.audit_log import REFUSED, Entry, append
from watchword.control.base.audit_models import TARGET_MAX
from watchword.control.base.refusals import AccessLost, Refusal, RefusalReason

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from watchword.control.base.actor import Actor, Required
    from watchword.control.base.audit_log import Scalar

_NO_MATTER_OF_TRUST: Final = frozenset({Permission.ADMINISTRATORS, Permission.AUDIT_LOGS, Privilege.SELF})
"""Who the administrators are and what they read is nothing that a verifier must know. Every other change publishes,
unasked."""

_RIGHTS: Final = frozenset(
    {
        RefusalReason.PERMISSION_MISSING,
        RefusalReason.SESSION_ENDED,
        RefusalReason.SUBSCRIPTION_INACTIVE,
        RefusalReason.ORGANIZATION_SUSPENDED,
    }
)
"""Refusals of somebody who tried what they have no right to; the audit log tells of them."""


@dataclass(slots=True, kw_only=True)
class UnitOfWork:
    """What a command does inside its transaction.

    Attributes:
        actor: who acts, with the rights that the database granted under the lock. A command decides by this one, never
            by the actor that it was called with.
        now: the time of the whole transaction.
        action: the default action of `record`.
        locked: the id of the organization whose row is locked until the end of the transaction.
        entries, to_publish: kept for the end of the transaction; commands use the methods.
    """

    actor: Actor
    now: datetime
    action: str
    locked: str | None
    entries: list[Entry] = field(default_factory=list)
    to_publish: set[str] = field(default_factory=set)

    @property
    def organization_id(self) -> str:
        """The organization, its row locked until the end of the transaction."""
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
            target: what was changed, in the words of the one who reads the log.
            changes: `{field: [before, after]}`; values of secrets are never in it.
            action: where it differs from the action of the change.
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
            )
        )

    def begin(self, organization_id: str) -> None:
        """Go on with an organization that this very transaction has made.

        Nobody else sees its row before the transaction ends, so it needs no lock.
        """
        if self.locked is not None:
            raise RuntimeError("this change is about another organization already")
        self.locked = organization_id
        self.to_publish.add(organization_id)

    def publish(self, organization_id: str) -> None:
        """Publish the trust of another organization than that of the change."""
        self.to_publish.add(organization_id)

    def keep_trust(self) -> None:
        """Publish nothing: nothing that a verifier needs has changed. For the worker's key sets alone."""
        if self.actor.interface is not self.actor.interface.WORKER:
            raise RuntimeError("only the worker may leave the trust as it is")
        self.to_publish.clear()


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

    An organization's servers are changed under Permission.API_KEY_MANAGEMENT, which no operator holds, and only
    while the organization is entitled. Everything else (people, subscriptions, suspensions, the worker's key sets)
    stays possible without entitlement: an expired organization must be renewable and its keys kept fresh.

    Args:
        actor: who acts.
        organization_id: whose data is changed, None for the provider's own.
        permission: what the actor must hold.
        action: what is done, for the audit log, snake_case in the past tense, such as `server_added`.
        now: the time of the change; the clock's once the lock is held when left out.

    Yields:
        The work, with the locked organization. A block that changes something calls `record` at least once; the
        worker alone may go without.

    Raises:
        Refusal: not_found, permission_missing, subscription_inactive, organization_suspended.
        AccessLost: session_ended, or a right that the actor had when the request began.
        RuntimeError: a change inside a change, or one without a record; a fault of ours, nothing is written.
    """
    with admitted(actor, organization_id, permission=permission, action=action, now=now) as admission:
        changes_trust = permission not in _NO_MATTER_OF_TRUST
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
    """Attributes: the actor with the rights of now, and the time of the transaction."""

    actor: Actor
    now: datetime


@contextmanager
def admitted(
    actor: Actor, organization_id: str | None, *, permission: Required, action: str, now: datetime | None = None
) -> Iterator[Admission]:
    """Open a transaction, lock, and only then ask for the rights of the actor: the one place where this is done.

    For what is no change and writes all the same, such as a validation; commands use `change`, which is built on it.
    """
    known = actor
    try:
        # Before the lock as well, so that a stranger cannot make an organization's own changes wait.
        check_permission(actor, organization_id, permission)
        # Durable refuses to be nested: a change inside a change could be rolled back after it was reported as done.
        with transaction.atomic(durable=True):
            _lock(organization_id)
            # The clock is read under the lock: a limit that passed while waiting for it has passed.
            at = timezone.now() if now is None else now
            try:
                known = hooks.current_rights(actor, permission, at)
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
    """Refuse an actor without the permission; what lies outside its organization does not exist for it.

    Raises:
        Refusal: not_found or permission_missing.
    """
    if organization_id is not None and not actor.reaches(organization_id):
        raise Refusal(RefusalReason.NOT_FOUND)
    if not actor.may(permission, organization_id):
        label = permission.value if isinstance(permission, Permission) else permission.value.capitalize()
        raise Refusal(RefusalReason.PERMISSION_MISSING, permission=label)


def record_refused(
    actor: Actor,
    organization_id: str | None,
    action: str,
    refusal: Refusal,
    *,
    target: str | None = None,
    now: datetime | None = None,
) -> None:
    """Write down, in a transaction of its own, what somebody tried without the right to it.

    A mistyped field or a stale version is no such attempt. What was tried on an organization out of the actor's reach
    is told to the provider alone: its own log would show strangers to it, and the actor's would show that it exists.

    Args:
        actor: who tried.
        organization_id: whose data it was about, None for the provider's own.
        action: what was tried, as `change` has it.
        refusal: why it was refused.
        target: what it was about; the organization when left out.
        now: the time of the attempt; the clock's when left out.
    """
    out_of_reach = organization_id is not None and not actor.reaches(organization_id)
    if refusal.reason not in _RIGHTS and not out_of_reach:
        return
    with transaction.atomic(durable=True):
        append(
            Entry(
                at=timezone.now() if now is None else now,
                organization=None if out_of_reach else organization_id,
                actor=actor.name,
                interface=actor.interface.value,
                address=actor.address,
                action=action,
                target=(target or organization_id or "provider")[:TARGET_MAX],
                result=REFUSED,
                changes={"reason": [None, refusal.code]},
            )
        )


def _lock(organization_id: str | None) -> None:
    """Lock the organization, or for the provider's own changes the operators: these wait for each other too."""
    if organization_id is None:
        hooks.lock_operators()
    elif not hooks.lock_organization(organization_id):
        raise Refusal(RefusalReason.NOT_FOUND)


def _finish(work: UnitOfWork, permission: Required) -> None:
    if not work.entries and permission is not Privilege.WORKER:
        raise RuntimeError("a change must be recorded")
    for entry in work.entries:
        append(entry)
    for organization_id in sorted(work.to_publish):
        hooks.publish_trust(organization_id)
