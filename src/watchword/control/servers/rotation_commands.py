"""What the rotation watch writes: what was seen of a key set, once each, for the list page and the audit log.

The functions that take a `work` belong into the transaction of the fetch that they are about; its caller saves the
state.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Q

from watchword.control.base.actor import WORKER, Privilege
from watchword.control.base.times import spoken
from watchword.control.base.unit_of_work import unit_of_work
from watchword.control.servers import rotation
from watchword.control.servers.models import KeyHistory
from watchword.core.jwk import is_kid

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from watchword.control.base.audit_log import Scalar
    from watchword.control.base.unit_of_work import UnitOfWork
    from watchword.control.servers.key_sets import KeyChange
    from watchword.control.servers.models import KeySetState


def note_certificate(work: UnitOfWork, state: KeySetState, expires_at: datetime | None) -> None:
    """Keep the expiry of the certificate that this fetch met, and tell the audit log once when it is near.

    Only a later expiry than the one told last is told again: servers behind one name may present certificates in turn.
    """
    if expires_at is None:
        return
    state.certificate_expires_at = expires_at
    told = state.certificate_expiry_reported
    if (
        state.server.verify_certificate
        and rotation.certificate_ends_soon(expires_at, work.now)
        and (told is None or told < expires_at)
    ):
        state.certificate_expiry_reported = expires_at
        work.record(
            target=state.server.name, action="certificate_expiring", changes={"expires_at": [None, spoken(expires_at)]}
        )


def note_failing(work: UnitOfWork, state: KeySetState) -> None:
    """Tell the audit log that a run of failed fetches lasts, once for the whole run."""
    if state.failing_reported_at is None and rotation.failing_long(state.failing_since, work.now):
        state.failing_reported_at = work.now
        work.record(target=state.server.name, action="fetches_failing", changes=_failing_since(state, before=False))


def note_recovery(work: UnitOfWork, state: KeySetState) -> None:
    """Tell the audit log that a run of failed fetches which it was told of has ended; before the state forgets it."""
    if state.failing_reported_at is not None:
        work.record(target=state.server.name, action="fetches_recovered", changes=_failing_since(state, before=True))


def note_replacement(work: UnitOfWork, state: KeySetState, difference: KeyChange) -> dict[str, list[Scalar]]:
    """Keep when not one key stayed. Returns what the event of the changed keys says of it."""
    if not difference.abrupt:
        return {}
    state.replaced_at = work.now
    return {"keys_replaced_at_once": [None, True]}


def note_asked_for(pairs: Iterable[tuple[str, str]], now: datetime) -> int:
    """Note which withdrawn keys are named by tokens that still arrive; returns how many rows were written.

    What is reported was typed by whoever sent the token. So nothing of it is kept: it only ever marks a key of the
    organization's own history that was withdrawn lately, at most once a minute, and the audit log hears of each
    withdrawal once. A made-up kid costs no write.

    Args:
        pairs: (organization id, kid) as reported.
        now: the time of the report.
    """
    reported = frozenset((organization_id, kid) for organization_id, kid in pairs if is_kid(kid))
    rows = _watched(reported, now)
    first = [row for row in rows if row.asked_at is None]
    again = [row.pk for row in rows if row.asked_at is not None and rotation.may_note(row.asked_at, now)]
    # The conditions once more: a fetch may have brought a key back meanwhile, another report have noted it.
    due = Q(asked_at__lte=now - rotation.ASKED_EVERY) | Q(asked_at__gt=now)
    written = (
        KeyHistory.objects.filter(due, pk__in=again, withdrawn_at__isnull=False).update(asked_at=now) if again else 0
    )
    for server_id in {row.server_id for row in first}:
        written += _note_first([row for row in first if row.server_id == server_id], now)
    return written


def purge_history(now: datetime) -> int:
    """Delete keys that were withdrawn long ago; returns how many."""
    deleted, _ = KeyHistory.objects.filter(withdrawn_at__lt=now - rotation.HISTORY_KEPT).delete()
    return deleted


def _watched(reported: frozenset[tuple[str, str]], now: datetime) -> list[KeyHistory]:
    """The withdrawn keys that are named, of enabled servers; none whose kid another key has taken over."""
    if not reported:
        return []
    rows = KeyHistory.objects.select_related("server").filter(
        server__organization_id__in={organization_id for organization_id, _ in reported},
        server__enabled=True,
        kid__in={kid for _, kid in reported},
    )
    named = [row for row in rows if (row.server.organization_id, row.kid) in reported]
    in_use = {(row.server_id, row.kid) for row in named if row.withdrawn_at is None}
    return [
        row for row in named if (row.server_id, row.kid) not in in_use and rotation.is_watched(row.withdrawn_at, now)
    ]


def _note_first(rows: list[KeyHistory], now: datetime) -> int:
    """Mark keys of one server that no token had named since their withdrawal."""
    server = rows[0].server
    with unit_of_work(
        WORKER, server.organization_id, permission=Privilege.WORKER, action="withdrawn_keys_named", now=now
    ) as work:
        work.skip_publishing()
        unmarked = Q(asked_at__isnull=True, withdrawn_at__isnull=False)
        marked = [row for row in rows if KeyHistory.objects.filter(unmarked, pk=row.pk).update(asked_at=now) == 1]
        if marked:
            names = ", ".join(sorted(f"{row.kid} ({row.thumbprint})" for row in marked))
            work.record(target=server.name, changes={"keys": [None, names]})
    return len(marked)


def _failing_since(state: KeySetState, *, before: bool) -> dict[str, list[Scalar]]:
    since = None if state.failing_since is None else spoken(state.failing_since)
    if before:
        return {"failing_since": [since, None]}
    return {"failing_since": [None, since], "problem": [None, state.problem]}
