"""Batches that cannot be true: counted per verifier, and reported to operators once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.db.models import Sum

from watchword.control.activity.models import UsageAllowance
from watchword.control.base.actor import SYSTEM, Privilege
from watchword.control.base.unit_of_work import unit_of_work

if TYPE_CHECKING:
    from datetime import datetime

    from watchword.control.activity.plausibility import Implausible
    from watchword.control.base.actor import Actor

QUIET: Final = timedelta(days=1)
"""Time without a refused batch before the next one is an audit event, so that a thief cannot flood the log."""


class BatchImplausible(Exception):
    """No process with this credential can have counted the batch; nothing was added."""

    def __init__(self, problem: Implausible) -> None:
        super().__init__(problem.value)
        self.problem = problem


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportRefusedBatch:
    """Count a refused batch and record it, unless another process has just recorded one."""

    verifier_id: int
    name: str
    problem: Implausible

    def run(self, actor: Actor, *, now: datetime | None = None) -> None:
        with unit_of_work(actor, None, permission=Privilege.WORKER, action="usage_refused", now=now) as work:
            if _count(self.verifier_id, self.problem, work.now):
                work.record(target=self.name, changes={"problem": [None, self.problem.value]})


def report_refused(verifier_id: int, name: str, problem: Implausible, now: datetime) -> None:
    """Count a refused batch, and report it unless such a batch of this verifier was reported lately."""
    reported = UsageAllowance.objects.filter(pk=verifier_id, problem=problem.value, refused_at__gt=now - QUIET)
    if reported.exists():
        # Without the lock for which operators' changes wait.
        with transaction.atomic(durable=True):
            _count(verifier_id, problem, now)
    else:
        ReportRefusedBatch(verifier_id=verifier_id, name=name, problem=problem).run(SYSTEM, now=now)


def batches_refused() -> int:
    """Return the total since the database was created."""
    total: int | None = UsageAllowance.objects.aggregate(total=Sum("refused"))["total"]
    return total or 0


def _count(verifier_id: int, problem: Implausible, now: datetime) -> bool:
    """Count the batch; True if it must be reported."""
    UsageAllowance.objects.get_or_create(pk=verifier_id, defaults={"as_of": now})
    row = UsageAllowance.objects.select_for_update().get(pk=verifier_id)
    is_new = row.refused_at is None or row.problem != problem.value or row.refused_at <= now - QUIET
    row.refused += 1
    row.refused_at, row.problem = now, problem.value
    row.save(update_fields=["refused", "refused_at", "problem"])
    return is_new
