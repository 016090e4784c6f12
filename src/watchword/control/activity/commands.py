"""The only writers: adding up what verifiers have counted, and what follows when a threshold is crossed."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from django.db import transaction
from django.db.models import Max

from watchword.control.activity import queries, rules
from watchword.control.activity.models import DailyCalls, ThresholdDay, UsageAllowance, UsageLine, UsageStream
from watchword.control.activity.plausibility import Allowance, Implausible, fit_their_time
from watchword.control.activity.refused_batches import BatchImplausible
from watchword.control.activity.rules import Pace
from watchword.control.activity.summing import add_up
from watchword.control.base.actor import SYSTEM, Privilege
from watchword.control.base.unit_of_work import unit_of_work
from watchword.control.organizations.commands import suspend
from watchword.control.organizations.models import Organization, SuspensionReason

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date, datetime

    from watchword.control.activity.batches import Batch, Counted, Kind
    from watchword.control.base.actor import Actor
    from watchword.control.base.unit_of_work import UnitOfWork

PURGE_BATCH: Final = 5_000
REVIEWED_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of a batch.

    Attributes:
        again: it had been applied before, and nothing was added.
        unknown: calls left out because their organization does not exist, or their day is no longer kept.
        touched: the organizations that have had allowed calls today.
    """

    again: bool
    unknown: int = 0
    touched: frozenset[str] = frozenset()


def apply_batch(verifier_id: int, batch: Batch, now: datetime, *, kept_days: int, known_since: datetime) -> Applied:
    """Add a batch up, unless that has been done: one transaction, in which its number is taken.

    A verifier sends no batch before the fate of the one before it is known to it. So a number that is not higher than
    the last one belongs to a batch that was applied, however late it arrives.

    Args:
        verifier_id: whose credential the batch came with.
        batch: what was counted.
        now: when it arrived.
        kept_days: older counts are left out.
        known_since: when the credential was created; it cannot have counted anything before.

    Raises:
        BatchImplausible: no process with this credential can have counted it; nothing was added.
    """
    with transaction.atomic(durable=True):
        # Locked first, so that batches of one credential come one after the other.
        allowance = _allowance(verifier_id, known_since)
        process = {"node": batch.node, "boot": batch.boot}
        stream, _ = UsageStream.objects.get_or_create(**process, defaults={"verifier_id": verifier_id, "heard_at": now})
        if stream.applied >= batch.sequence:
            return Applied(again=True)
        if stream.verifier_id != verifier_id:
            raise BatchImplausible(Implausible.FOREIGN_STREAM)
        _spend(allowance, batch, now)
        stream.applied, stream.heard_at = batch.sequence, now
        counted = _counted(batch.lines, now, kept_days)
        _keep_pace(stream, counted)
        _add_days(verifier_id, counted, now)
        _add_lines(verifier_id, counted)
        touched = {
            kind.organization
            for (kind, minute) in counted.calls
            if kind.organization is not None and kind.outcome is None and rules.today(minute) == rules.today(now)
        }
        return Applied(again=False, unknown=counted.unknown, touched=frozenset(touched))


def _allowance(verifier_id: int, known_since: datetime) -> UsageAllowance:
    """The credential's row, locked; all its time counts at first, except what its processes have reported before."""
    row = UsageAllowance.objects.select_for_update().filter(pk=verifier_id).first()
    if row is not None:
        return row
    heard_at = UsageStream.objects.filter(verifier=verifier_id).aggregate(newest=Max("heard_at"))["newest"]
    UsageAllowance.objects.get_or_create(pk=verifier_id, defaults={"as_of": heard_at or known_since})
    return UsageAllowance.objects.select_for_update().get(pk=verifier_id)


def _spend(row: UsageAllowance, batch: Batch, now: datetime) -> None:
    left = Allowance(row.calls, row.as_of).at(now).without(sum(line.calls for line in batch.lines))
    if left is None or not fit_their_time(batch.lines, now):
        raise BatchImplausible(Implausible.TOO_MANY_CALLS)
    row.calls, row.as_of = left.calls, left.as_of
    row.save(update_fields=["calls", "as_of"])


@dataclass(slots=True)
class _Sums:
    calls: Counter[tuple[Kind, datetime]]
    revisions: dict[Kind, int]
    unknown: int


def _counted(lines: Iterable[Counted], now: datetime, kept_days: int) -> _Sums:
    """The lines by kind and minute; a verifier can neither invent an organization nor change a day long gone."""
    lines = tuple(lines)
    named = {line.kind.organization for line in lines if line.kind.organization is not None}
    known = {None, *Organization.objects.filter(pk__in=named).values_list("pk", flat=True)}
    sums = _Sums(Counter(), defaultdict(int), 0)
    for line in lines:
        minute = rules.counted_at(line.begins, now, kept_days)
        if minute is None or line.kind.organization not in known:
            sums.unknown += line.calls
            continue
        sums.calls[line.kind, minute] += line.calls
        sums.revisions[line.kind] = max(sums.revisions[line.kind], line.revision)
    return sums


def _keep_pace(stream: UsageStream, counted: _Sums) -> None:
    pace = Pace(stream.minute, stream.calls, stream.calls_before)
    for (_, minute), calls in sorted(counted.calls.items(), key=lambda entry: entry[0][1]):
        pace = pace.after(minute, calls)
    stream.minute, stream.calls, stream.calls_before = pace.minute, pace.calls, pace.calls_before
    stream.save(update_fields=["applied", "heard_at", "minute", "calls", "calls_before"])


def _add_days(verifier_id: int, counted: _Sums, now: datetime) -> None:
    days: dict[tuple[str, date], dict[str, Any]] = {}
    for (kind, minute), calls in counted.calls.items():
        if kind.organization is None:
            continue
        day = rules.today(minute)
        row = days.setdefault(
            (kind.organization, day),
            {
                "organization": kind.organization,
                "day": day,
                "verifier": verifier_id,
                "allowed": 0,
                "denied": 0,
                "updated_at": now,
            },
        )
        row["allowed" if kind.outcome is None else "denied"] += calls
    add_up(
        DailyCalls,
        list(days.values()),
        key=("organization", "day", "verifier"),
        sums=("allowed", "denied"),
        newest=("updated_at",),
    )


def _add_lines(verifier_id: int, counted: _Sums) -> None:
    lines: dict[tuple[Kind, datetime], dict[str, Any]] = {}
    for (kind, minute), calls in counted.calls.items():
        hour = minute.replace(minute=0)
        row = lines.setdefault(
            (kind, hour),
            {
                "digest": kind.digest,
                "hour": hour,
                "verifier": verifier_id,
                "organization": kind.organization,
                "revision": counted.revisions[kind],
                "calls": 0,
                "last_at": minute,
                **kind.values(),
            },
        )
        row["calls"] += calls
        row["last_at"] = max(row["last_at"], minute)
    add_up(
        UsageLine,
        list(lines.values()),
        key=("digest", "hour", "verifier"),
        sums=("calls",),
        newest=("revision", "last_at"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewThreshold:
    """Give the notices that today's allowed calls of an organization have earned; the last one suspends it.

    Any number may run at once: they wait for each other at the organization's row, and each looks anew there.
    """

    organization_id: str

    def run(self, actor: Actor, *, now: datetime | None = None) -> int:
        """The highest percentage that was told of now, 0 for none."""
        with unit_of_work(
            actor, self.organization_id, permission=Privilege.WORKER, action="threshold_reached", now=now
        ) as work:
            day, _ = ThresholdDay.objects.get_or_create(organization_id=work.organization_id, day=rules.today(work.now))
            told = _told(work, day)
            if told != rules.CROSSED:
                work.skip_publishing()
            return told


def _told(work: UnitOfWork, day: ThresholdDay) -> int:
    organization_id = work.organization_id
    calls = queries.allowed_on(organization_id, day.day)
    threshold = queries.threshold_of(organization_id)
    if queries.is_suspended(organization_id):
        # What is counted by now will not count again after the operator has reinstated the organization.
        day.base = calls
        day.save(update_fields=["base"])
        return 0
    if day.threshold != threshold:
        day.told, day.threshold = 0, threshold
    reached = rules.reached(calls - day.base, threshold)
    if reached <= day.told:
        day.save(update_fields=["told", "threshold"])
        return 0
    for percent in rules.PERCENTAGES:
        if day.told < percent <= reached:
            work.record(
                target="API call threshold",
                changes={"percent": [None, percent], "calls": [None, calls], "api_call_threshold": [None, threshold]},
            )
    day.told = reached
    if reached == rules.CROSSED:
        suspend(
            work,
            SuspensionReason.API_CALL_THRESHOLD_EXCEEDED,
            public_text=f"More than {threshold:,} API calls on {day.day.day} {day.day:%B %Y} (UTC).",
        )
        day.base, day.told = calls, 0
    day.save(update_fields=["base", "told", "threshold"])
    return reached


def review(organization_ids: Iterable[str], now: datetime) -> int:
    """Review those of the organizations for which there is something to tell or to suspend; returns how many."""
    ids = sorted(set(organization_ids))
    # A statement takes so many parameters and no more.
    parts = [ids[at : at + REVIEWED_AT_ONCE] for at in range(0, len(ids), REVIEWED_AT_ONCE)]
    due = [organization_id for part in parts for organization_id in queries.due_for_review(part, now)]
    for organization_id in due:
        ReviewThreshold(organization_id=organization_id).run(SYSTEM, now=now)
    return len(due)


def purge(now: datetime, *, kept_days: int) -> int:
    """Delete what is older than the days kept, some rows at once; returns how many were deleted.

    The last number of a verifier process is kept a day longer than all that its batches could count for. If that batch
    comes again even later, it holds nothing that is counted any more.
    """
    before = now - timedelta(days=kept_days)
    deleted = 0
    for old in (
        UsageLine.objects.filter(hour__lt=before),
        DailyCalls.objects.filter(day__lt=rules.today(before)),
        ThresholdDay.objects.filter(day__lt=rules.today(before)),
        UsageStream.objects.filter(heard_at__lt=before - timedelta(days=1)),
    ):
        some = list(old.values_list("pk", flat=True)[:PURGE_BATCH])
        deleted += old.filter(pk__in=some).delete()[0]
    return deleted
