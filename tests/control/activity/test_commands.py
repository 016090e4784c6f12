from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from kit.people import NOW
from kit.usage import KEPT_DAYS, CountingVerifier, line
from watchword.control.activity.commands import ReviewThreshold, purge, review_thresholds
from watchword.control.activity.models import DailyCalls, ThresholdDay, UsageLine, UsageStream
from watchword.control.activity.queries import allowed_on
from watchword.control.activity.rules import today
from watchword.control.audit.models import AuditEvent
from watchword.control.base.actor import SYSTEM
from watchword.control.base.refusals import Refusal
from watchword.control.organizations.commands import (
    ChangeThreshold,
    Reinstate,
    RenewSubscription,
    SetSubscription,
    Suspend,
)
from watchword.control.organizations.models import Suspension, SuspensionReason
from watchword.control.organizations.queries import entitlement_of

if TYPE_CHECKING:
    from watchword.control.base.actor import Actor
    from watchword.control.organizations.models import Organization

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("committing")]

# Noon, so that an hour more or less is the same day.
NOON = NOW.replace(hour=12, minute=0, second=0)
HOUR = timedelta(hours=1)


@pytest.fixture
def verifier(db: None) -> CountingVerifier:
    return CountingVerifier()


def notices(organization_id: str = "acme") -> list[int]:
    events = AuditEvent.objects.filter(organization=organization_id, action="threshold_reached").order_by("sequence")
    return [event.changes["percent"][1] for event in events]


def live(organization_id: str = "acme") -> Suspension | None:
    return Suspension.objects.filter(organization=organization_id, lifted_at__isnull=True).first()


# -------------------------------------------------------------------- adding up


def test_calls_are_added_up_by_day_and_by_hour(verifier: CountingVerifier, acme: Organization) -> None:
    verifier.send(NOON, line(NOON, 3), line(NOON, 2, outcome="token_expired"))
    verifier.send(NOON + HOUR, line(NOON + timedelta(minutes=5), 4), line(NOON + HOUR, 1))

    day = DailyCalls.objects.get()
    assert (day.organization_id, day.day, day.allowed, day.denied) == ("acme", today(NOON), 8, 2)
    assert allowed_on("acme", today(NOON)) == 8
    allowed = UsageLine.objects.filter(outcome__isnull=True).order_by("hour")
    assert [(row.hour, row.calls, row.last_at) for row in allowed] == [
        (NOON, 7, NOON + timedelta(minutes=5)),
        (NOON + HOUR, 1, NOON + HOUR),
    ]
    assert (allowed[0].issuer, allowed[0].client_claim) == ("https://login.acme.example/", "cid")


def test_a_batch_that_comes_again_adds_nothing(verifier: CountingVerifier, acme: Organization) -> None:
    verifier.send(NOON, line(NOON, 3))

    assert verifier.send_again(NOON, line(NOON, 3)).again
    verifier.send(NOON, line(NOON, 1))
    verifier.sequence = 1
    assert verifier.send_again(NOON, line(NOON, 3)).again
    assert allowed_on("acme", today(NOON)) == 4


def test_each_process_numbers_its_own_batches(verifier: CountingVerifier, acme: Organization) -> None:
    verifier.send(NOON, line(NOON, 1))
    verifier.boot, verifier.sequence = "f" * 32, 0
    verifier.send(NOON, line(NOON, 1))
    CountingVerifier("edge-2").send(NOON, line(NOON, 1))

    assert UsageStream.objects.count() == 3
    assert allowed_on("acme", today(NOON)) == 3
    assert DailyCalls.objects.count() == 2


def test_skipped_batch_number_does_not_block(verifier: CountingVerifier, acme: Organization) -> None:
    verifier.send(NOON, line(NOON, 1))
    verifier.sequence = 41
    verifier.send(NOON, line(NOON, 1))

    assert allowed_on("acme", today(NOON)) == 2
    assert UsageStream.objects.get().applied == 42


def test_unknown_organization_is_not_counted(verifier: CountingVerifier, acme: Organization) -> None:
    applied = verifier.send(NOON, line(NOON, 5, organization="nowhere"), line(NOON, 1))

    assert (applied.unknown, applied.touched) == (5, frozenset({"acme"}))
    assert list(DailyCalls.objects.values_list("organization", flat=True)) == ["acme"]


def test_requests_to_missing_organizations_have_no_organization(verifier: CountingVerifier, acme: Organization) -> None:
    verifier.send(NOON, line(NOON, 5, organization=None, outcome="organization_unknown", profile=None, server=None))

    assert not DailyCalls.objects.exists()
    row = UsageLine.objects.get()
    assert (row.organization_id, row.outcome, row.calls, row.read) == (None, "organization_unknown", 5, "nothing")


def test_counts_older_than_kept_days_are_dropped(verifier: CountingVerifier, acme: Organization) -> None:
    applied = verifier.send(NOON, line(NOON - timedelta(days=KEPT_DAYS, minutes=1), 5))

    assert applied.unknown == 5
    assert not DailyCalls.objects.exists()


def test_one_batch_may_name_a_kind_twice(verifier: CountingVerifier, acme: Organization) -> None:
    verifier.send(NOON, line(NOON, 1, revision=2), line(NOON, 2, revision=9), line(NOON, 3, revision=5))

    row = UsageLine.objects.get()
    assert (row.calls, row.revision) == (6, 9)


def test_stream_stores_its_call_rate(verifier: CountingVerifier, acme: Organization) -> None:
    verifier.send(NOON, line(NOON, 120))
    verifier.send(NOON, line(NOON + timedelta(minutes=1), 3))
    # Its clock runs ahead, so for the control plane all of it was now.
    assert UsageStream.objects.get().calls == 123

    verifier.send(NOON + timedelta(minutes=1), line(NOON + timedelta(minutes=1), 3))
    stream = UsageStream.objects.get()
    assert (stream.minute, stream.calls, stream.calls_before) == (NOON + timedelta(minutes=1), 3, 123)


# -------------------------------------------------------------------- the threshold


def test_notices_come_at_50_80_and_100_percent_and_the_last_one_suspends_once(
    verifier: CountingVerifier, acme: Organization
) -> None:
    for calls, told in ((499, []), (1, [50]), (299, [50]), (1, [50, 80]), (200, [50, 80]), (1, [50, 80, 100])):
        verifier.send(NOON, line(NOON, calls))
        assert notices() == told
        assert (live() is not None) == (100 in told)

    suspension = live()
    assert suspension is not None
    assert (suspension.reason, suspension.started_by) == ("api_call_threshold_exceeded", "system")
    assert entitlement_of("acme", NOON).suspended
    verifier.send(NOON, line(NOON, 5000))
    assert Suspension.objects.count() == 1
    assert notices() == [50, 80, 100]
    suspended = AuditEvent.objects.get(action="organization_suspended")
    assert (suspended.actor, suspended.organization, suspended.target) == ("system", "acme", suspension.reference)
    assert "More than 1,000 API calls" in suspended.changes["public_text"][1]


def test_jump_reports_every_percentage(verifier: CountingVerifier, acme: Organization) -> None:
    verifier.send(NOON, line(NOON, 1001))

    assert notices() == [50, 80, 100]


def test_only_allowed_calls_count(verifier: CountingVerifier, acme: Organization) -> None:
    verifier.send(NOON, line(NOON, 10_000, outcome="token_expired"))

    assert notices() == []
    assert live() is None


def test_the_calls_of_all_verifiers_count_together(verifier: CountingVerifier, acme: Organization) -> None:
    verifier.send(NOON, line(NOON, 600))
    CountingVerifier("edge-2").send(NOON, line(NOON, 401))

    assert live() is not None


def test_a_batch_that_is_repeated_a_thousand_times_never_suspends(
    verifier: CountingVerifier, acme: Organization
) -> None:
    verifier.send(NOON, line(NOON, 400))
    for _ in range(30):
        verifier.send_again(NOON, line(NOON, 400))

    assert notices() == []


def test_late_calls_of_yesterday_count_for_yesterday_and_suspend_nobody(
    verifier: CountingVerifier, acme: Organization
) -> None:
    morning = NOON.replace(hour=0, minute=1)
    verifier.send(morning, line(morning - timedelta(minutes=2), 5000), line(morning, 1))

    assert allowed_on("acme", today(NOON) - timedelta(days=1)) == 5000
    assert allowed_on("acme", today(NOON)) == 1
    assert live() is None
    assert notices() == []


def test_new_day_resets_counts_but_not_the_suspension(verifier: CountingVerifier, acme: Organization) -> None:
    verifier.send(NOON, line(NOON, 1001))
    tomorrow = NOON + timedelta(days=1)
    verifier.send(tomorrow, line(tomorrow, 600))

    assert live() is not None
    assert notices() == [50, 80, 100]


def test_no_limit_is_never_crossed(verifier: CountingVerifier, acme: Organization, shell: Actor) -> None:
    ChangeThreshold(organization_id="acme", api_call_threshold=None).run(shell)
    verifier.send(NOON, line(NOON, 10**7))

    assert live() is None


def test_without_a_subscription_nothing_is_reviewed(verifier: CountingVerifier, initech: Organization) -> None:
    verifier.send(NOON, line(NOON, 10, organization="initech"))

    assert notices("initech") == []


def test_after_an_operators_reinstatement_the_same_calls_do_not_suspend_again(
    verifier: CountingVerifier, acme: Organization, shell: Actor
) -> None:
    verifier.send(NOON, line(NOON, 1001))
    # Still on the way when it was suspended.
    verifier.send(NOON, line(NOON, 300))
    Reinstate(organization_id="acme").run(shell, now=NOON)
    verifier.send(NOON, line(NOON, 1))
    assert live() is None

    verifier.send(NOON, line(NOON, 999))
    assert live() is None
    assert notices() == [50, 80, 100, 50, 80]
    verifier.send(NOON, line(NOON, 1))
    assert live() is not None
    assert Suspension.objects.count() == 2


def test_calls_during_a_suspension_for_another_reason_do_not_count_after_it(
    verifier: CountingVerifier, acme: Organization, shell: Actor
) -> None:
    Suspend(organization_id="acme", reason=SuspensionReason.TERMS_VIOLATED).run(shell, now=NOON)
    verifier.send(NOON, line(NOON, 5000))
    Reinstate(organization_id="acme").run(shell, now=NOON)
    verifier.send(NOON, line(NOON, 1))

    assert live() is None
    assert notices() == []


def test_raising_the_threshold_lifts_the_suspension(
    verifier: CountingVerifier, acme: Organization, shell: Actor
) -> None:
    verifier.send(NOON, line(NOON, 1001))
    ChangeThreshold(organization_id="acme", api_call_threshold=5000).run(shell, now=NOON)

    assert live() is None
    event = AuditEvent.objects.get(action="organization_reinstated")
    assert (event.actor, event.organization) == ("command line", "acme")
    verifier.send(NOON, line(NOON, 100))
    assert live() is None


def test_removing_the_threshold_lifts_the_suspension(
    verifier: CountingVerifier, acme: Organization, shell: Actor
) -> None:
    verifier.send(NOON, line(NOON, 1001))
    ChangeThreshold(organization_id="acme", api_call_threshold=None).run(shell, now=NOON)

    assert live() is None


def test_lowering_renewing_or_setting_keeps_the_suspension(
    verifier: CountingVerifier, acme: Organization, shell: Actor
) -> None:
    verifier.send(NOON, line(NOON, 1001))
    ChangeThreshold(organization_id="acme", api_call_threshold=10).run(shell)
    RenewSubscription(organization_id="acme", expires_at=NOW + timedelta(days=90)).run(shell)
    until = NOW + timedelta(days=90)
    SetSubscription(organization_id="acme", starts_at=NOW, expires_at=until, api_call_threshold=5000).run(shell)

    assert live() is not None


def test_raising_the_threshold_lifts_no_suspension_for_another_reason(acme: Organization, shell: Actor) -> None:
    Suspend(organization_id="acme", reason=SuspensionReason.TERMS_VIOLATED).run(shell)
    ChangeThreshold(organization_id="acme", api_call_threshold=5000).run(shell)

    assert live() is not None


def test_changed_threshold_is_reported_again(verifier: CountingVerifier, acme: Organization, shell: Actor) -> None:
    verifier.send(NOON, line(NOON, 600))
    ChangeThreshold(organization_id="acme", api_call_threshold=10_000).run(shell)
    verifier.send(NOON, line(NOON, 1))
    assert notices() == [50]
    verifier.send(NOON, line(NOON, 4399))

    assert notices() == [50, 50]


def test_reported_percentage_is_not_reported_again(verifier: CountingVerifier, acme: Organization) -> None:
    verifier.send(NOON, line(NOON, 500))

    assert ReviewThreshold(organization_id="acme").run(SYSTEM, now=NOON) == 0
    assert notices() == [50]


def test_many_are_reviewed_part_by_part(
    verifier: CountingVerifier, acme: Organization, globex: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("watchword.control.activity.commands.REVIEWED_AT_ONCE", 1)
    verifier.send(NOON, line(NOON, 1001), line(NOON, 1001, organization="globex"))

    assert live("acme") is not None
    assert live("globex") is not None


def test_review_without_calls_does_nothing(acme: Organization, shell: Actor) -> None:
    assert review_thresholds([], NOON) == 0
    assert review_thresholds(["acme", "nowhere"], NOON) == 0
    with pytest.raises(Refusal):
        ReviewThreshold(organization_id="acme").run(shell)


# -------------------------------------------------------------------- what is kept


def test_rows_older_than_kept_days_are_purged(verifier: CountingVerifier, acme: Organization) -> None:
    verifier.send(NOON, line(NOON, 600))
    assert purge(NOON + timedelta(days=KEPT_DAYS), kept_days=KEPT_DAYS) == 0
    assert purge(NOON + timedelta(days=KEPT_DAYS, hours=12, minutes=1), kept_days=KEPT_DAYS) == 3
    assert (UsageLine.objects.count(), DailyCalls.objects.count(), ThresholdDay.objects.count()) == (0, 0, 0)

    # The number of the last batch is remembered for longer than any count that could come in it.
    assert UsageStream.objects.exists()
    assert purge(NOON + timedelta(days=KEPT_DAYS + 2), kept_days=KEPT_DAYS) == 1


def test_it_is_purged_in_batches(
    verifier: CountingVerifier, acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("watchword.control.activity.commands.PURGE_BATCH", 1)
    verifier.send(NOON, line(NOON), line(NOON, outcome="token_expired"))
    long_after = datetime(NOON.year + 1, 1, 1, tzinfo=UTC) + timedelta(days=90)

    assert purge(long_after, kept_days=KEPT_DAYS) == 3
    assert purge(long_after, kept_days=KEPT_DAYS) == 1


def test_process_is_the_same_under_another_credential(verifier: CountingVerifier, acme: Organization) -> None:
    verifier.send(NOON, line(NOON, 3))
    renewed = CountingVerifier("edge-1-renewed")
    renewed.boot, renewed.sequence = verifier.boot, verifier.sequence

    assert renewed.send_again(NOON, line(NOON, 3)).again
    assert allowed_on("acme", today(NOON)) == 3
