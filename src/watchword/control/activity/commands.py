"""Applying the verifiers' counts, and reviewing the API call thresholds. The only writers."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from django.db import transaction
from django.db.models import Max

from watchword.control.activity import queries, rules
from watchword.control.activity.models import DailyCalls, ThresholdDay, UsageAllowance, UsageLine, UsageStream
from watchword.control.activity.plausibility import Allowance, Implausible, fits_elapsed_time
from watchword.control.activity.refused_batches import BatchImplausible
from watchword.control.activity.rules import CallRate
from watchword.control.activity.upsert import upsert_sums
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
    """The result of a batch.

    Attributes:
        again: the batch was applied before; nothing was added.
        unknown: calls that were left out because their organization does not exist or their day is no longer kept.
        touched: organizations with allowed calls today.
    """

    again: bool
    unknown: int = 0
    touched: frozenset[str] = frozenset()


def apply_batch(verifier_id: int, batch: Batch, now: datetime, *, kept_days: int, known_since: datetime) -> Applied:
    """Add the counts of a batch exactly once. Counts and batch number are in one transaction.

    A verifier sends the next batch only after the response to the previous one. So a batch whose number is not higher
    than the last one was applied before, however late it arrives.

    Args:
        verifier_id: whose credential sent the batch.
        batch: the counts.
        now: when it arrived.
        kept_days: older counts are left out.
        known_since: when the credential was created; it cannot have counted anything before.

    Raises:
        BatchImplausible: no process with this credential can have counted it; nothing was added.
    """
    with transaction.atomic(durable=True):
        # Locked first, so that batches of one credential are applied one after the other.
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
        _update_call_rate(stream, counted)
        _add_days(verifier_id, counted, now)
        _add_lines(verifier_id, counted)
        touched = {
            kind.organization
            for (kind, minute) in counted.calls
            if kind.organization is not None and kind.outcome is None and rules.today(minute) == rules.today(now)
        }
        return Applied(again=False, unknown=counted.unknown, touched=frozenset(touched))


def _allowance(verifier_id: int, known_since: datetime) -> UsageAllowance:
    """Return the credential's locked row. A new one starts at the last report, or at the credential's creation."""
    row = UsageAllowance.objects.select_for_update().filter(pk=verifier_id).first()
    if row is not None:
        return row
    heard_at = UsageStream.objects.filter(verifier=verifier_id).aggregate(newest=Max("heard_at"))["newest"]
    UsageAllowance.objects.get_or_create(pk=verifier_id, defaults={"as_of": heard_at or known_since})
    return UsageAllowance.objects.select_for_update().get(pk=verifier_id)


def _spend(row: UsageAllowance, batch: Batch, now: datetime) -> None:
    left = Allowance(row.calls, row.as_of).at(now).without(sum(line.calls for line in batch.lines))
    if left is None or not fits_elapsed_time(batch.lines, now):
        raise BatchImplausible(Implausible.TOO_MANY_CALLS)
    row.calls, row.as_of = left.calls, left.as_of
    row.save(update_fields=["calls", "as_of"])


@dataclass(slots=True)
class _Sums:
    calls: Counter[tuple[Kind, datetime]]
    revisions: dict[Kind, int]
    unknown: int


def _counted(lines: Iterable[Counted], now: datetime, kept_days: int) -> _Sums:
    """Sum the lines by kind and minute, without unknown organizations and days that are no longer kept."""
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


def _update_call_rate(stream: UsageStream, counted: _Sums) -> None:
    rate = CallRate(stream.minute, stream.calls, stream.calls_before)
    for (_, minute), calls in sorted(counted.calls.items(), key=lambda entry: entry[0][1]):
        rate = rate.after(minute, calls)
    stream.minute, stream.calls, stream.calls_before = rate.minute, rate.calls, rate.calls_before
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
    upsert_sums(
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
    upsert_sums(
        UsageLine,
        list(lines.values()),
        key=("digest", "hour", "verifier"),
        sums=("calls",),
        newest=("revision", "last_at"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewThreshold:
    """Report the percentages that an organization's allowed calls have reached today; crossing 100 % suspends it.

    Concurrent reviews wait for each other at the organization's row, and each reads the state again there.
    """

    organization_id: str

    def run(self, actor: Actor, *, now: datetime | None = None) -> int:
        """Return the highest percentage that this run reported, 0 for none."""
        with unit_of_work(
            actor, self.organization_id, permission=Privilege.WORKER, action="threshold_reached", now=now
        ) as work:
            day, _ = ThresholdDay.objects.get_or_create(organization_id=work.organization_id, day=rules.today(work.now))
            reported = _report(work, day)
            if reported != rules.CROSSED:
                work.skip_publishing()
            return reported


def _report(work: UnitOfWork, day: ThresholdDay) -> int:
    organization_id = work.organization_id
    calls = queries.allowed_on(organization_id, day.day)
    threshold = queries.threshold_of(organization_id)
    if queries.is_suspended(organization_id):
        # Calls until now must not count again after an operator reinstates the organization.
        day.base = calls
        day.save(update_fields=["base"])
        return 0
    if day.threshold != threshold:
        day.reported_percent, day.threshold = 0, threshold
    reached = rules.reached(calls - day.base, threshold)
    if reached <= day.reported_percent:
        day.save(update_fields=["reported_percent", "threshold"])
        return 0
    for percent in rules.PERCENTAGES:
        if day.reported_percent < percent <= reached:
            work.record(
                target="API call threshold",
                changes={"percent": [None, percent], "calls": [None, calls], "api_call_threshold": [None, threshold]},
            )
    day.reported_percent = reached
    if reached == rules.CROSSED:
        suspend(
            work,
            SuspensionReason.API_CALL_THRESHOLD_EXCEEDED,
            public_text=f"More than {threshold:,} API calls on {day.day.day} {day.day:%B %Y} (UTC).",
        )
        day.base, day.reported_percent = calls, 0
    day.save(update_fields=["base", "reported_percent", "threshold"])
    return reached


def review_thresholds(organization_ids: Iterable[str], now: datetime) -> int:
    """Review the organizations that have a percentage to report or calls to leave out; returns how many."""
    ids = sorted(set(organization_ids))
    # A database statement has a limited number of parameters.
    parts = [ids[at : at + REVIEWED_AT_ONCE] for at in range(0, len(ids), REVIEWED_AT_ONCE)]
    due = [organization_id for part in parts for organization_id in queries.due_for_review(part, now)]
    for organization_id in due:
        ReviewThreshold(organization_id=organization_id).run(SYSTEM, now=now)
    return len(due)


def purge(now: datetime, *, kept_days: int) -> int:
    """Delete a batch of rows that are older than `kept_days`; returns how many.

    The batch number of a verifier process stays a day longer than the counts. A batch that arrives again even later has
    only counts that are no longer kept.
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
