"""Claiming a key set for a fetch, and recording the fetch's result. The worker's commands.

They do not need entitlement: a suspended organization's keys stay fresh, so that it works again as soon as an operator
reinstates it.
"""

from __future__ import annotations

import random
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from typing import TYPE_CHECKING, Final

from django.db.models import F, Q

from watchword.control.base.actor import WORKER, Privilege
from watchword.control.base.unit_of_work import unit_of_work
from watchword.control.servers.forced_fetch_commands import ahead_of_background
from watchword.control.servers.key_sets import KeyChange, confirm_keys, from_unix, put_keys
from watchword.control.servers.models import KeySetState, Validation
from watchword.control.servers.receipt import RECEIPT_SECONDS
from watchword.control.servers.rotation_commands import (
    note_certificate,
    note_failing,
    note_recovery,
    note_replacement,
)
from watchword.control.servers.sources import KeySource
from watchword.jwks.schedule import (
    after_failure,
    extend_good_until,
    is_stale,
    next_due,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from uuid import UUID

    from watchword.control.base.unit_of_work import UnitOfWork
    from watchword.jwks.findings import Findings

LEASE: Final = timedelta(seconds=30)
"""Well above the 5 s that a fetch may take: a worker that holds a lease longer has died."""

CLOCK_STEP: Final = timedelta(minutes=1)
"""A time further in the future was written before the clock was set back. Clocks of two machines differ by less."""

FAULT_OF_OURS: Final = "internal_fault"
"""The problem code of a fetch that failed because of a bug in this service; not in the table of problems."""

_DICE: Final = random.SystemRandom()

_VALIDATION_KEPT: Final = timedelta(seconds=2 * RECEIPT_SECONDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The right to fetch one key set once. `fetch_number` distinguishes its result from older and newer ones.

    `ca_bundle` belongs to exactly this registration; None while its certificate is not validated. `failing`: the last
    fetch failed, so this one may take the full time limit.
    """

    server_id: UUID
    organization_id: str
    location: str
    verify_certificate: bool
    ca_bundle: str | None = field(repr=False)
    etag: str | None
    holder: str
    fetch_number: int
    failing: bool


class Recorded(Enum):
    """The result of recording a fetch."""

    CHANGED = "changed"
    UNCHANGED = "unchanged"
    FAILED = "failed"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshSettings:
    """The operator's settings in seconds: `interval` of the background refresh, `hard_limit` of the keys' age."""

    interval: int
    hard_limit: int


def claim_due(holder: str, now: datetime, limit: int, *, failing_limit: int | None = None) -> list[Claim]:
    """Lease key sets that are due, longest overdue first, those whose last fetch succeeded before the others.

    Args:
        holder: the worker's name, at most 100 characters.
        now: the time of the claim.
        limit: how many fetches the worker can begin of key sets whose last fetch succeeded.
        failing_limit: the same for key sets whose last fetch failed; by default `limit`.
    """
    candidates = [
        *_candidates(holder, now, limit, failing=False),
        *_candidates(holder, now, limit if failing_limit is None else failing_limit, failing=True),
    ]
    return [claim for claim in candidates if _take(claim, now)]


def record_findings(claim: Claim, findings: Findings, now: datetime, settings: RefreshSettings) -> Recorded:
    """Record what a fetch found, unless a newer fetch or a changed location supersedes it."""
    with _work_on(claim, now) as (work, state):
        if state is None:
            return Recorded.SUPERSEDED
        note_certificate(work, state, findings.certificate_expires_at)
        if findings.problem is None:
            return _record_success(work, state, findings, settings)
        return _record_failure(work, state, findings.problem.code, settings)


def record_fault(claim: Claim, now: datetime, settings: RefreshSettings) -> Recorded:
    """Record a fetch that failed because of a bug in this service, like any failure: good keys stay, it is retried."""
    with _work_on(claim, now) as (work, state):
        return Recorded.SUPERSEDED if state is None else _record_failure(work, state, FAULT_OF_OURS, settings)


def purge_validations(now: datetime) -> int:
    """Delete validations whose receipts have long expired; returns how many."""
    deleted, _ = Validation.objects.filter(created_at__lt=now - _VALIDATION_KEPT).delete()
    return deleted


def _is_due(now: datetime) -> Q:
    # After the clock was set back, the due time and the last attempt may be years in the future.
    return Q(due_at__lte=now) | Q(attempted_at__gt=now + CLOCK_STEP)


def _candidates(holder: str, now: datetime, limit: int, *, failing: bool) -> list[Claim]:
    """Return claims of key sets that are due and not leased; `_take` must confirm each."""
    if limit == 0:
        return []
    free = Q(lease_until__isnull=True) | Q(lease_until__lte=now) | Q(lease_until__gt=now + LEASE + CLOCK_STEP)
    kind = Q(failures__gt=0) if failing else Q(failures=0)
    rows = KeySetState.objects.filter(_is_due(now), free, kind).select_related("server").order_by("due_at")[:limit]
    return [
        Claim(
            server_id=state.server_id,
            organization_id=state.server.organization_id,
            location=source.location,
            verify_certificate=source.verify_certificate,
            ca_bundle=source.ca_bundle,
            etag=state.etag,
            holder=holder,
            fetch_number=state.fetch_number + 1,
            failing=failing,
        )
        for state in rows
        for source in (KeySource.of(state.server),)
    ]


def _take(claim: Claim, now: datetime) -> bool:
    # Only one of the workers that saw this candidate finds the number unchanged. A changed location increments it, so
    # the claim has the present location. A late result of an expired lease leaves the number unchanged, but then the
    # key set is no longer due.
    taken = KeySetState.objects.filter(
        _is_due(now), server_id=claim.server_id, fetch_number=claim.fetch_number - 1
    ).update(
        fetch_number=F("fetch_number") + 1, lease_holder=claim.holder, lease_until=now + LEASE, attempted_at=now
    )  # fmt: skip
    return taken == 1


@contextmanager
def _work_on(claim: Claim, now: datetime) -> Iterator[tuple[UnitOfWork, KeySetState | None]]:
    """Open the transaction of one result, with the key set's state; None if the claim is superseded."""
    with unit_of_work(
        WORKER, claim.organization_id, permission=Privilege.WORKER, action="keys_changed", now=now
    ) as work:
        work.skip_publishing()
        yield (
            work,
            KeySetState.objects.select_for_update(of=("self",))
            .select_related("server")
            .filter(server_id=claim.server_id, lease_holder=claim.holder, fetch_number=claim.fetch_number)
            .first(),
        )


def _record_success(work: UnitOfWork, state: KeySetState, findings: Findings, settings: RefreshSettings) -> Recorded:
    published_until = state.good_until
    note_recovery(work, state)
    good_until = _good_until(published_until, work.now, settings)
    difference = KeyChange(added=(), removed=())
    if findings.key_set is None:
        confirm_keys(state, fetched_at=work.now, good_until=good_until)
    else:
        keys = findings.key_set.keys
        difference = put_keys(state, keys, etag=findings.etag, fetched_at=work.now, good_until=good_until)
    due = next_due(work.now.timestamp(), max_age=findings.max_age, interval=settings.interval, jitter=_DICE.random())
    if not difference:
        _release(work, state, due, published_until)
        return Recorded.UNCHANGED
    state.good_until = _good_until(None, work.now, settings)
    replaced = note_replacement(work, state, difference)
    _release(work, state, due, published_until=None)
    work.record(target=state.server.name, changes=difference.as_changes() | replaced)
    return Recorded.CHANGED


def _record_failure(work: UnitOfWork, state: KeySetState, problem: str, settings: RefreshSettings) -> Recorded:
    now, published_until = work.now.timestamp(), state.good_until
    state.failures += 1
    state.failing_since = min(state.failing_since or work.now, work.now)
    state.problem = problem
    if state.fetched_at is not None and state.fetched_at > work.now:
        # The clock was set back since the last good fetch. Its keys must not stay trusted for the difference.
        state.fetched_at = work.now
        state.good_until = _good_until(state.good_until, work.now, settings)
    # Trust may end up to a third of the limit early. When failures last, publish the exact time once, so that good keys
    # stay usable for as long as promised.
    if state.fetched_at is not None and is_stale(now, state.fetched_at.timestamp()):
        state.good_until = _good_until(None, state.fetched_at, settings)
    note_failing(work, state)
    due = after_failure(now, state.failures, interval=settings.interval, jitter=_DICE.random())
    _release(work, state, due, published_until)
    return Recorded.FAILED


def _good_until(published: datetime | None, fetched_at: datetime, settings: RefreshSettings) -> datetime:
    return from_unix(
        extend_good_until(
            None if published is None else int(published.timestamp()),
            fetched_at=fetched_at.timestamp(),
            hard_limit=settings.hard_limit,
        )
    )


def _release(work: UnitOfWork, state: KeySetState, due: float, published_until: datetime | None) -> None:
    """Release the lease, save the state, and publish it if verifiers need it.

    Args:
        work: the transaction.
        state: complete except for the lease and the due time.
        due: when the next fetch is due, in Unix seconds.
        published_until: until when published trust allows the keys; None to publish in any case.
    """
    # A request during this fetch needs another fetch that begins after it. A stamp in the future, from before the clock
    # was set back, must not cause an endless series of fetches.
    begun_at = state.attempted_at or work.now
    requested_meanwhile = any(
        stamp is not None and begun_at < stamp <= work.now for stamp in (state.forced_at, state.requested_at)
    )
    state.due_at = ahead_of_background(work.now) if requested_meanwhile else from_unix(due)
    state.lease_until = None
    state.lease_holder = None
    state.save()
    # Trust contains only the enabled server.
    if state.server.enabled and state.good_until != published_until:
        work.publish(state.server.organization_id)
