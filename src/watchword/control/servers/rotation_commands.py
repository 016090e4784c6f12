"""Records key rotations, lasting failures and expiring certificates once each, for the list and the audit log.

Functions with a `work` run in the transaction of the fetch; the caller saves the state.
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
    """Store the expiry of the server's certificate, and record it once in the audit log when it is near.

    Only a later expiry is recorded again: servers behind one name may present different certificates in turn.
    """
    if expires_at is None:
        return
    state.certificate_expires_at = expires_at
    reported = state.certificate_expiry_reported
    if (
        state.server.verify_certificate
        and rotation.certificate_ends_soon(expires_at, work.now)
        and (reported is None or reported < expires_at)
    ):
        state.certificate_expiry_reported = expires_at
        work.record(
            target=state.server.name, action="certificate_expiring", changes={"expires_at": [None, spoken(expires_at)]}
        )


def note_failing(work: UnitOfWork, state: KeySetState) -> None:
    """Record once that fetches keep failing."""
    if state.failing_reported_at is None and rotation.failing_long(state.failing_since, work.now):
        state.failing_reported_at = work.now
        work.record(target=state.server.name, action="fetches_failing", changes=_failing_since(state, before=False))


def note_recovery(work: UnitOfWork, state: KeySetState) -> None:
    """Record the end of a recorded run of failed fetches. Call it before the state is reset."""
    if state.failing_reported_at is not None:
        work.record(target=state.server.name, action="fetches_recovered", changes=_failing_since(state, before=True))


def note_replacement(work: UnitOfWork, state: KeySetState, difference: KeyChange) -> dict[str, list[Scalar]]:
    """Store the time when no key stayed. Returns the changes to add to the event."""
    if not difference.abrupt:
        return {}
    state.replaced_at = work.now
    return {"keys_replaced_at_once": [None, True]}


def note_asked_for(pairs: Iterable[tuple[str, str]], now: datetime) -> int:
    """Mark withdrawn keys that tokens still name; returns how many rows were written.

    Clients choose the reported kids, so none is stored. A report only marks a recently withdrawn key of the
    organization's own history, at most once a minute, and is recorded once per withdrawal. A random kid costs no write.

    Args:
        pairs: (organization id, kid) as reported.
        now: the time of the report.
    """
    reported = frozenset((organization_id, kid) for organization_id, kid in pairs if is_kid(kid))
    rows = _watched(reported, now)
    first = [row for row in rows if row.asked_at is None]
    again = [row.pk for row in rows if row.asked_at is not None and rotation.may_note(row.asked_at, now)]
    # The conditions again: a fetch may have restored a key meanwhile, or another report may have marked it.
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
    """Return the named withdrawn keys of enabled servers, without kids that another key has now."""
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
    """Mark keys of one server that no token has named since their withdrawal."""
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
