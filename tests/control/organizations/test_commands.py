from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import connections

from kit.people import NOW
from watchword.control.audit.models import AuditEvent
from watchword.control.base.actor import Actor, command_line
from watchword.control.base.refusals import Refusal
from watchword.control.fleet.models import TrustRecord
from watchword.control.organizations.commands import (
    CreateOrganization,
    Reinstate,
    RenewSubscription,
    SetSubscription,
    Suspend,
)
from watchword.control.organizations.models import Organization, Subscription, Suspension, SuspensionReason
from watchword.control.organizations.queries import entitlement_of
from watchword.control.organizations.rules import Situation

if TYPE_CHECKING:
    from pytest_django import DjangoAssertNumQueries

SUSPEND_ACME = Suspend(
    organization_id="acme",
    reason=SuspensionReason.API_CALL_THRESHOLD_EXCEEDED,
    public_text="1,200 of 1,000 calls.",
    private_note="Spoke to Alice.",
)


def test_a_new_organization_is_recorded_and_published_without_entitlement(initech: Organization) -> None:
    record = TrustRecord.objects.get(organization=initech)
    event = AuditEvent.objects.get(organization="initech")

    assert record.document["subscription"] is None
    assert record.document["revision"] == record.revision
    assert (event.action, event.target, event.actor) == ("organization_created", "Initech", "command line")
    assert entitlement_of("initech", NOW).situation is Situation.ABSENT


def test_organization_id_is_unique(acme: Organization, shell: Actor) -> None:
    with pytest.raises(Refusal) as refused:
        CreateOrganization(organization_id="acme", name="Another").run(shell)

    assert (refused.value.code, refused.value.status) == ("name_taken", 409)
    assert Organization.objects.get().name == "Acme"


@pytest.mark.django_db
def test_invalid_organization_gets_one_error_per_field(shell: Actor) -> None:
    with pytest.raises(Refusal) as refused:
        CreateOrganization(organization_id="ACME", name="").run(shell)

    assert refused.value.code == "fields_invalid"
    assert set(refused.value.field_errors) == {"organization_id", "name"}


def test_renewal_replaces_subscription_and_records_changes(acme: Organization, shell: Actor) -> None:
    before = TrustRecord.objects.get(organization=acme).revision

    SetSubscription(
        organization_id="acme",
        starts_at=NOW - timedelta(days=30),
        expires_at=NOW + timedelta(days=365),
        api_call_threshold=1000,
    ).run(shell)

    assert Subscription.objects.get(organization=acme).expires_at == NOW + timedelta(days=365)
    assert list(AuditEvent.objects.latest("sequence").changes) == ["expires_at"]
    record = TrustRecord.objects.get(organization=acme)
    assert record.revision == before + 1
    assert record.document["subscription"]["expires_at"] == int((NOW + timedelta(days=365)).timestamp())


def test_unchanged_trust_keeps_its_revision(acme: Organization, shell: Actor) -> None:
    before = TrustRecord.objects.get(organization=acme).revision

    SetSubscription(
        organization_id="acme",
        starts_at=NOW - timedelta(days=30),
        expires_at=NOW + timedelta(days=30),
        api_call_threshold=5,
    ).run(shell)

    assert TrustRecord.objects.get(organization=acme).revision == before


def test_first_subscription_from_a_page_that_showed_one_is_refused(initech: Organization, shell: Actor) -> None:
    month = timedelta(days=30)
    command = SetSubscription(organization_id="initech", starts_at=NOW, expires_at=NOW + month, expected_version=1)

    with pytest.raises(Refusal) as refused:
        command.run(shell)

    assert (refused.value.code, refused.value.details["who"]) == ("version_stale", "Another person")
    assert not Subscription.objects.filter(organization="initech").exists()


def test_invalid_subscription_is_refused(acme: Organization, shell: Actor) -> None:
    with pytest.raises(Refusal) as refused:
        SetSubscription(organization_id="acme", starts_at=NOW, expires_at=NOW).run(shell)

    assert set(refused.value.field_errors) == {"expires_at"}


def test_suspending_ends_entitlement_and_publishes_trust(acme: Organization, shell: Actor) -> None:
    suspension = SUSPEND_ACME.run(shell, now=NOW)

    standing = entitlement_of("acme", NOW)
    assert standing.suspended
    assert standing.banner is not None
    assert suspension.reference in standing.banner
    assert "1,200 of 1,000 calls." in standing.banner
    assert TrustRecord.objects.get(organization=acme).document["suspended"] is True


def test_organization_never_sees_private_note(acme: Organization, shell: Actor) -> None:
    SUSPEND_ACME.run(shell, now=NOW)

    banner = entitlement_of("acme", NOW).banner
    events = list(AuditEvent.objects.filter(organization="acme").values_list("changes", flat=True))
    assert "Spoke to Alice" not in f"{banner}{events}{TrustRecord.objects.get(organization=acme).document}"


def test_a_second_suspension_is_refused(acme: Organization, shell: Actor) -> None:
    SUSPEND_ACME.run(shell)

    with pytest.raises(Refusal) as refused:
        SUSPEND_ACME.run(shell)

    assert refused.value.code == "already_suspended"


def test_a_text_too_long_is_refused(acme: Organization, shell: Actor) -> None:
    with pytest.raises(Refusal) as refused:
        Suspend(organization_id="acme", reason=SuspensionReason.TERMS_VIOLATED, public_text="x" * 501).run(shell)

    assert set(refused.value.field_errors) == {"public_text"}


def test_reinstated_organization_can_be_suspended_again(acme: Organization, shell: Actor) -> None:
    SUSPEND_ACME.run(shell, now=NOW)

    lifted = Reinstate(organization_id="acme").run(shell, now=NOW)

    assert lifted.lifted_by == "command line"
    assert entitlement_of("acme", NOW).may_change
    assert TrustRecord.objects.get(organization=acme).document["suspended"] is False
    assert AuditEvent.objects.latest("sequence").action == "organization_reinstated"
    SUSPEND_ACME.run(shell, now=NOW)
    assert Suspension.objects.filter(organization=acme).count() == 2


def test_suspension_is_not_lifted_before_its_start_by_slow_clock(acme: Organization, shell: Actor) -> None:
    started = SUSPEND_ACME.run(shell, now=NOW)

    lifted = Reinstate(organization_id="acme").run(shell, now=NOW - timedelta(minutes=5))

    assert lifted.lifted_at == started.started_at


def test_reinstating_needs_a_suspension(acme: Organization, shell: Actor) -> None:
    with pytest.raises(Refusal) as refused:
        Reinstate(organization_id="acme").run(shell)

    assert refused.value.code == "not_suspended"


def test_m_08_administrator_can_neither_reinstate_nor_renew(
    acme: Organization, shell: Actor, acting_alice: Actor
) -> None:
    SUSPEND_ACME.run(shell)

    for command in (
        Reinstate(organization_id="acme"),
        SetSubscription(organization_id="acme", starts_at=NOW, expires_at=NOW + timedelta(days=1)),
        SUSPEND_ACME,
    ):
        with pytest.raises(Refusal) as refused:
            command.run(acting_alice)
        assert refused.value.code == "permission_missing"
    assert entitlement_of("acme", NOW).suspended


def test_field_p_renewal_and_setting_begin_a_new_term(acme: Organization, shell: Actor) -> None:
    end = Subscription.objects.get(pk="acme").expires_at
    month = timedelta(days=30)
    RenewSubscription(organization_id="acme", expires_at=end + month).run(shell)
    assert Subscription.objects.get(pk="acme").term_starts_at == end
    RenewSubscription(organization_id="acme", expires_at=end + 2 * month).run(shell)
    assert Subscription.objects.get(pk="acme").term_starts_at == end + month
    SetSubscription(organization_id="acme", starts_at=NOW, expires_at=NOW + month).run(shell, now=NOW)
    assert Subscription.objects.get(pk="acme").term_starts_at is None


def test_m_08_renewal_keeps_suspension(acme: Organization, shell: Actor) -> None:
    SUSPEND_ACME.run(shell, now=NOW)

    SetSubscription(organization_id="acme", starts_at=NOW, expires_at=NOW + timedelta(days=900)).run(shell, now=NOW)

    assert entitlement_of("acme", NOW).suspended
    assert TrustRecord.objects.get(organization=acme).document["suspended"] is True


def test_the_budget_of_queries(
    acme: Organization, shell: Actor, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_max_num_queries(24):
        SUSPEND_ACME.run(shell)


@pytest.mark.django_db(transaction=True)
def test_one_of_many_concurrent_suspensions_succeeds(shell: Actor) -> None:
    CreateOrganization(organization_id="acme", name="Acme").run(shell)
    together = threading.Barrier(6)

    def suspend(_: int) -> str:
        together.wait(timeout=10)
        try:
            SUSPEND_ACME.run(command_line())
        except Refusal as refusal:
            return refusal.code
        else:
            return "suspended"
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as pool:
        outcomes = sorted(pool.map(suspend, range(6)))

    assert outcomes == ["already_suspended"] * 5 + ["suspended"]
    assert Suspension.objects.filter(lifted_at__isnull=True).count() == 1
