"""What becomes of batches that their verifier's credential cannot have counted: FK-06."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from kit.people import NOW
from kit.usage import CountingVerifier, batch, line
from watchword.control.activity.models import DailyCalls, UsageAllowance, UsageLine, UsageStream
from watchword.control.activity.plausibility import MARGIN_SECONDS, MOST_PER_SECOND, Implausible
from watchword.control.activity.queries import allowed_on
from watchword.control.activity.refused_batches import (
    QUIET,
    BatchImplausible,
    ReportRefusedBatch,
    batches_refused,
    report_refused,
)
from watchword.control.activity.rules import today
from watchword.control.audit.models import AuditEvent
from watchword.control.base.actor import SYSTEM

if TYPE_CHECKING:
    from watchword.control.organizations.models import Organization

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("committing")]

NOON = NOW.replace(hour=12, minute=0, second=0)
SECOND = timedelta(seconds=1)
MARGIN = MARGIN_SECONDS * MOST_PER_SECOND
HOUR = 3600 * MOST_PER_SECOND


@pytest.fixture
def thief(acme: Organization) -> CountingVerifier:
    verifier = CountingVerifier()
    UsageAllowance.objects.create(pk=verifier.id, as_of=NOON)
    return verifier


@pytest.mark.parametrize("calls", [MARGIN + 1, 10**12, 2**53, 2**63 - 1, 2**63, 10**30])
def test_fk_06_impossible_count_adds_nothing(thief: CountingVerifier, calls: int) -> None:
    with pytest.raises(BatchImplausible) as refused:
        thief.send(NOON, line(NOON, 1), line(NOON, calls))
    assert refused.value.problem is Implausible.TOO_MANY_CALLS
    assert not DailyCalls.objects.exists()
    assert not UsageLine.objects.exists()
    assert not UsageStream.objects.exists()


def test_fk_06_new_processes_bring_no_further_calls(thief: CountingVerifier) -> None:
    """Else each batch could claim to be the first of another process."""
    UsageAllowance.objects.update(calls=HOUR)
    ago = NOON - timedelta(hours=2)
    thief.apply(NOON, batch(1, line(ago, HOUR), boot="1" * 32))
    thief.apply(NOON, batch(1, line(ago, MARGIN), boot="2" * 32, node="edge-9"))
    with pytest.raises(BatchImplausible):
        thief.apply(NOON, batch(1, line(ago, MARGIN + 1), boot="3" * 32))


def test_fk_06_sums_stay_far_below_what_a_column_holds(thief: CountingVerifier) -> None:
    applied = 0
    for number in range(1, 10):
        try:
            thief.send(NOON + number * SECOND, *[line(NOON - timedelta(days=1), MARGIN // 100)] * 100)
            applied += 1
        except BatchImplausible:
            continue
    assert applied > 0
    assert sum(DailyCalls.objects.values_list("allowed", flat=True)) < 2**53


def test_fk_06_counts_that_waited_for_an_hour_all_arrive(thief: CountingVerifier) -> None:
    at = NOON + timedelta(hours=1)
    for number in range(60):
        # As fast as the fastest that was measured, in batches right after one another.
        thief.send(at + number * SECOND, line(NOON + timedelta(minutes=number), 60 * 100_000))
    assert allowed_on("acme", today(NOON)) == 3600 * 100_000


def test_fk_06_credential_without_an_allowance_starts_where_it_was_heard_of(acme: Organization) -> None:
    verifier = CountingVerifier()
    verifier.known_since = NOON - timedelta(hours=1)
    ago = NOON - timedelta(hours=2)
    verifier.send(NOON, line(ago, HOUR))
    UsageAllowance.objects.all().delete()
    with pytest.raises(BatchImplausible):
        verifier.send(NOON, line(ago, HOUR))


def test_fk_06_stream_belongs_to_the_credential_that_began_it(acme: Organization) -> None:
    owner, thief = CountingVerifier("edge-1"), CountingVerifier("edge-2")
    owner.send(NOON, line(NOON, 3))
    with pytest.raises(BatchImplausible) as refused:
        thief.apply(NOON, batch(2**52, line(NOON, 5), boot=owner.boot))
    assert refused.value.problem is Implausible.FOREIGN_STREAM
    owner.send(NOON, line(NOON, 4))
    assert allowed_on("acme", today(NOON)) == 7
    # A batch that the owner has brought already is known, whoever brings it again.
    assert thief.apply(NOON, batch(2, line(NOON, 4), boot=owner.boot)).again


def test_fk_06_operators_are_informed_once(thief: CountingVerifier) -> None:
    assert batches_refused() == 0

    def events() -> list[tuple[str, str, object]]:
        found = AuditEvent.objects.filter(action="usage_refused").order_by("sequence")
        return [(event.actor, event.target, event.changes["problem"]) for event in found]

    for second in range(5):
        report_refused(thief.id, "edge-1", Implausible.TOO_MANY_CALLS, NOON + second * SECOND)
    row = UsageAllowance.objects.get()
    assert (row.refused, row.problem, row.refused_at) == (5, "too_many_calls", NOON + 4 * SECOND)
    assert batches_refused() == 5
    assert events() == [("system", "edge-1", [None, "too_many_calls"])]
    report_refused(thief.id, "edge-1", Implausible.FOREIGN_STREAM, NOON)
    assert len(events()) == 2
    report_refused(thief.id, "edge-1", Implausible.FOREIGN_STREAM, NOON + QUIET)
    assert len(events()) == 3


def test_fk_06_two_processes_that_report_at_once_write_one_event(thief: CountingVerifier) -> None:
    report = ReportRefusedBatch(verifier_id=thief.id, name="edge-1", problem=Implausible.TOO_MANY_CALLS)
    report.run(SYSTEM, now=NOON)
    report.run(SYSTEM, now=NOON)
    assert batches_refused() == 2
    assert AuditEvent.objects.filter(action="usage_refused").count() == 1
