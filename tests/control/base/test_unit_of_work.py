from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import connections
from django.utils import timezone

from kit import people
from kit.people import NOW
from watchword.control.audit.chain import verify_chain
from watchword.control.audit.models import AuditEvent
from watchword.control.base.actor import WORKER, Actor, Interface, Permission, Privilege, command_line
from watchword.control.base.refusals import Refusal, RefusalReason
from watchword.control.base.unit_of_work import check_permission, unit_of_work
from watchword.control.fleet.models import FeedState, TrustRecord
from watchword.control.organizations.commands import SetSubscription, Suspend
from watchword.control.organizations.models import Organization, Subscription, SuspensionReason

if TYPE_CHECKING:
    from datetime import datetime

    from watchword.control.base.actor import Required
    from watchword.control.identity.models import Person

SERVERS = Permission.API_KEY_MANAGEMENT


@pytest.fixture
def acting_alice(alice: Person) -> Actor:
    return people.proven(people.acting(alice, address="192.0.2.1"), NOW)


def touch(
    actor: Actor, organization_id: str | None = "acme", permission: Required = SERVERS, now: datetime = NOW
) -> None:
    with unit_of_work(actor, organization_id, permission=permission, action="something_done", now=now) as work:
        if organization_id is not None:
            Organization.objects.filter(pk=work.organization_id).update(name="Changed")
        work.record(target="something", changes={"name": ["Acme", "Changed"]})


def refused(actor: Actor, organization_id: str | None = "acme", permission: Required = SERVERS) -> str:
    events = AuditEvent.objects.count()
    with pytest.raises(Refusal) as refusal:
        touch(actor, organization_id, permission)
    assert not Organization.objects.filter(name="Changed").exists()
    # Nothing but the attempt itself is written down, and that only where somebody lacked the right to it.
    told = [(event.action, event.result, event.actor) for event in AuditEvent.objects.order_by("sequence")[events:]]
    assert told in ([], [("something_done", "refused", actor.name)])
    return refusal.value.code


def test_change_is_recorded_with_actor_address_and_target(acting_alice: Actor) -> None:
    touch(acting_alice)

    event = AuditEvent.objects.latest("sequence")
    assert (event.organization, event.actor, event.interface) == ("acme", "alice@acme.example", "portal")
    assert (event.address, event.action, event.target) == ("192.0.2.1", "something_done", "something")
    assert event.changes == {"name": ["Acme", "Changed"]}
    assert event.at == NOW
    assert verify_chain() is None


@pytest.mark.django_db
def test_change_that_creates_organization_continues_with_it(shell: Actor) -> None:
    with unit_of_work(shell, None, permission=Privilege.OPERATOR, action="organization_created", now=NOW) as work:
        work.begin(Organization.objects.create(id="acme", name="Acme", created_at=NOW).pk)
        work.record(target="Acme")

    assert AuditEvent.objects.latest("sequence").organization == "acme"
    assert TrustRecord.objects.filter(organization="acme").exists()


def test_change_cannot_switch_to_another_organization(acme: Organization, shell: Actor) -> None:
    with (
        pytest.raises(RuntimeError, match="already about an organization"),
        unit_of_work(shell, "acme", permission=Privilege.OPERATOR, action="organization_created", now=NOW) as work,
    ):
        work.begin("globex")


def test_one_change_may_record_several_events(acting_alice: Actor) -> None:
    with unit_of_work(acting_alice, "acme", permission=SERVERS, action="server_enabled", now=NOW) as work:
        work.record(target="ProdOkta")
        work.record(target="TestOkta", action="server_disabled")

    assert list(AuditEvent.objects.order_by("-sequence").values_list("action", flat=True)[:2]) == [
        "server_disabled", "server_enabled",
    ]  # fmt: skip


def test_time_defaults_to_the_clock(acting_alice: Actor) -> None:
    actor = people.proven(acting_alice, timezone.now())
    with unit_of_work(actor, "acme", permission=SERVERS, action="something_done") as work:
        work.record(target="x")

    assert abs(work.now - NOW) < timedelta(hours=1)


def test_attempt_without_permission_is_in_organizations_log(acting_bob: Actor) -> None:
    refused(acting_bob)

    event = AuditEvent.objects.latest("sequence")
    assert (event.organization, event.target, event.address) == ("acme", "acme", "192.0.2.2")
    assert event.changes == {"reason": [None, "permission_missing"]}


def test_m_11_attempt_on_another_organization_is_in_providers_log_only(
    acme: Organization, acting_charlie: Actor
) -> None:
    for organization_id in ("acme", "nowhere", "n" * 300):
        refused(acting_charlie, organization_id)

        event = AuditEvent.objects.latest("sequence")
        assert (event.organization, event.actor, event.target) == (None, acting_charlie.name, organization_id[:254])


def test_invalid_input_is_not_recorded_as_attempt(acting_alice: Actor) -> None:
    with (
        pytest.raises(Refusal),
        unit_of_work(acting_alice, "acme", permission=SERVERS, action="something_done", now=NOW),
    ):
        raise Refusal(RefusalReason.SLOTS_USED_UP)

    assert not AuditEvent.objects.filter(result="refused").exists()


def test_a_role_without_the_permission_is_refused_by_name(acting_bob: Actor) -> None:
    assert refused(acting_bob) == "permission_missing"
    with pytest.raises(Refusal, match="“API Key Management”"):
        check_permission(acting_bob, "acme", SERVERS)


def test_m_11_another_organization_is_not_found(acme: Organization, acting_charlie: Actor) -> None:
    assert refused(acting_charlie, "acme") == "not_found"
    assert refused(acting_charlie, "nowhere") == "not_found"


def test_operator_does_not_find_missing_organization(shell: Actor, db: None) -> None:
    assert refused(shell, "nowhere", Privilege.OPERATOR) == "not_found"


def test_an_operator_cannot_edit_servers(acme: Organization, shell: Actor) -> None:
    assert refused(shell) == "permission_missing"


def test_only_operators_change_the_providers_data(acting_alice: Actor) -> None:
    assert refused(acting_alice, None, Privilege.OPERATOR) == "permission_missing"
    assert refused(acting_alice, "acme", Privilege.OPERATOR) == "permission_missing"
    assert refused(WORKER, "acme", Privilege.OPERATOR) == "permission_missing"


def test_only_worker_has_worker_privilege(acting_alice: Actor, shell: Actor) -> None:
    assert refused(acting_alice, "acme", Privilege.WORKER) == "permission_missing"
    assert refused(shell, "acme", Privilege.WORKER) == "permission_missing"


def test_self_privilege_needs_person_and_own_organization(
    acting_alice: Actor, acting_charlie: Actor, shell: Actor
) -> None:
    touch(acting_alice, "acme", Privilege.SELF)

    Organization.objects.update(name="Unchanged")
    assert refused(shell, None, Privilege.SELF) == "permission_missing"
    assert refused(acting_charlie, "acme", Privilege.SELF) == "not_found"
    assert refused(acting_charlie, None, Privilege.SELF) == "permission_missing"


def test_p_07_without_active_subscription_servers_cannot_be_changed(acting_alice: Actor) -> None:
    Subscription.objects.update(expires_at=NOW)

    assert refused(acting_alice) == "subscription_inactive"


def test_p_08_suspended_servers_cannot_be_changed(acting_alice: Actor, shell: Actor) -> None:
    Suspend(organization_id="acme", reason=SuspensionReason.TERMS_VIOLATED).run(shell)

    assert refused(acting_alice) == "organization_suspended"


def test_permission_is_checked_before_entitlement(acting_bob: Actor) -> None:
    Subscription.objects.all().delete()

    assert refused(acting_bob) == "permission_missing"


def test_people_and_key_sets_change_without_entitlement(acting_alice: Actor, shell: Actor) -> None:
    Suspend(organization_id="acme", reason=SuspensionReason.TERMS_VIOLATED).run(shell)

    touch(acting_alice, "acme", Permission.ADMINISTRATORS)
    touch(WORKER, "acme", Privilege.WORKER)


def break_off(actor: Actor) -> None:
    with unit_of_work(actor, "acme", permission=SERVERS, action="x", now=NOW) as work:
        Organization.objects.update(name="Changed")
        work.record(target="x")
        raise ZeroDivisionError


def test_failed_block_writes_nothing(acting_alice: Actor) -> None:
    revision = FeedState.objects.get().revision
    events = AuditEvent.objects.count()

    with pytest.raises(ZeroDivisionError):
        break_off(acting_alice)

    assert Organization.objects.get().name == "Acme"
    assert (FeedState.objects.get().revision, AuditEvent.objects.count()) == (revision, events)


def test_change_without_record_is_rolled_back(acting_alice: Actor) -> None:
    with (
        pytest.raises(RuntimeError, match="recorded"),
        unit_of_work(acting_alice, "acme", permission=SERVERS, action="x", now=NOW),
    ):
        Organization.objects.update(name="Changed")

    assert Organization.objects.get().name == "Acme"


def test_nested_change_is_refused(acting_alice: Actor) -> None:
    with (
        pytest.raises(RuntimeError, match="durable"),
        unit_of_work(acting_alice, "acme", permission=SERVERS, action="x", now=NOW),
    ):
        touch(acting_alice)


def test_a_provider_change_has_no_organization(shell: Actor, db: None) -> None:
    with unit_of_work(shell, None, permission=Privilege.OPERATOR, action="x", now=NOW) as work:
        work.record(target="x")
        with pytest.raises(RuntimeError, match="organization"):
            _ = work.organization_id


def test_trust_is_published_with_the_change(acting_alice: Actor) -> None:
    record = TrustRecord.objects.get(organization="acme")
    with unit_of_work(acting_alice, "acme", permission=SERVERS, action="x", now=NOW) as work:
        Subscription.objects.update(expires_at=NOW + timedelta(days=3))
        work.record(target="x")

    published = TrustRecord.objects.get(organization="acme")
    assert published.revision == record.revision + 1 == FeedState.objects.get().revision
    assert published.document["subscription"]["expires_at"] == int((NOW + timedelta(days=3)).timestamp())


def test_worker_may_skip_record_and_publishing(acme: Organization) -> None:
    revision = FeedState.objects.get().revision
    with unit_of_work(WORKER, "acme", permission=Privilege.WORKER, action="key_set_refreshed", now=NOW) as work:
        Subscription.objects.update(expires_at=NOW + timedelta(days=3))
        work.skip_publishing()
    assert FeedState.objects.get().revision == revision

    with unit_of_work(WORKER, "acme", permission=Privilege.WORKER, action="key_set_refreshed", now=NOW):
        pass
    assert FeedState.objects.get().revision == revision + 1


def test_only_worker_may_skip_publishing(acting_alice: Actor) -> None:
    with (
        pytest.raises(RuntimeError, match="worker"),
        unit_of_work(acting_alice, "acme", permission=SERVERS, action="x", now=NOW) as work,
    ):
        work.skip_publishing()


def test_changes_of_administrators_publish_nothing(acting_alice: Actor) -> None:
    Subscription.objects.update(expires_at=NOW + timedelta(days=3))
    revision = FeedState.objects.get().revision

    touch(acting_alice, "acme", Permission.ADMINISTRATORS)

    assert FeedState.objects.get().revision == revision


def test_administrator_without_organization_reaches_none() -> None:
    nobody = Actor(name="nobody", interface=Interface.PORTAL, permissions=frozenset(Permission))

    assert not nobody.reaches(None)
    assert not nobody.may(SERVERS, None)
    assert not nobody.may(SERVERS, "acme")


@pytest.mark.django_db(transaction=True)
def test_revisions_become_visible_in_their_order() -> None:
    """A reader that follows the feed while six writers work never misses a revision."""
    names = ["acme", "globex", "initech"]
    for name in names:
        people.organization(name)
    start = FeedState.objects.get().revision
    seen: list[int] = []
    done = threading.Event()

    def write(number: int) -> None:
        try:
            for step in range(5):
                SetSubscription(
                    organization_id=names[number % 3],
                    starts_at=NOW - timedelta(days=1),
                    expires_at=NOW + timedelta(days=number * 100 + step + 1),
                ).run(command_line())
        finally:
            connections.close_all()

    def follow() -> None:
        after = start
        try:
            while True:
                last_round = done.is_set()
                found = list(
                    TrustRecord.objects.filter(revision__gt=after)
                    .order_by("revision")
                    .values_list("organization_id", "revision")
                )
                known.update(dict(found))
                seen.extend(revision for _, revision in found)
                after = found[-1][1] if found else after
                if last_round and not found:
                    return
        finally:
            connections.close_all()

    known: dict[str, int] = {}
    reader = threading.Thread(target=follow)
    reader.start()
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(write, range(6)))
    done.set()
    reader.join(timeout=20)

    assert seen == sorted(seen)
    assert FeedState.objects.get().revision == start + 30
    assert known == dict(TrustRecord.objects.values_list("organization_id", "revision"))
    assert verify_chain() is None
