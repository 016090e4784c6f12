"""The life of a key set: leases, replacement, failure, history, and what verifiers hear of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from kit import registrations
from kit.forge import Key, ec_key, rsa_key
from kit.registrations import (
    ALICE,
    CHARLIE,
    OTHER_LOCATION,
    SETTINGS,
    add,
    after,
    claim_at,
    events,
    failed,
    fetch,
    fields,
    found,
    make_due,
    not_modified,
    receipt,
    revision,
    stored_jwks,
)
from watchword.control.servers.commands import DeleteServer, DisableServer, EditServer
from watchword.control.servers.forced_fetch_commands import bring_forward, force_for_unknown_key
from watchword.control.servers.key_set_commands import (
    FAULT_OF_OURS,
    LEASE,
    Recorded,
    _candidates,
    _take,
    claim_due,
    purge_validations,
    record_fault,
    record_findings,
)
from watchword.control.servers.key_sets import WITHDRAWN_KEPT, from_document, put_keys
from watchword.control.servers.models import KeyHistory, KeySetState, Validation
from watchword.control.servers.trust import trust_of
from watchword.jwks.problem import Problem
from watchword.jwks.schedule import HEAD_START

if TYPE_CHECKING:
    from watchword.jwks.findings import Findings

pytestmark = pytest.mark.django_db

A, B, C = ec_key("a"), ec_key("b"), rsa_key("c")


@pytest.fixture(autouse=True)
def acme() -> None:
    registrations.organization("acme")


def trusted() -> list[str | None]:
    server = trust_of("acme").server
    assert server is not None
    return [key.kid for key in server.keys]


def good_until() -> int:
    server = trust_of("acme").server
    assert server is not None
    return server.keys_good_until


# ------------------------------------------------------------------------------------------------ leases


def test_due_key_sets_are_claimed_longest_overdue_first() -> None:
    registrations.organization("globex")
    add(A, name="Late")
    add(A, name="Later", enabled=False)
    add(A, actor=CHARLIE, name="NotYet")
    now = timezone.now()
    for name, seconds in (("Late", -10), ("Later", -20), ("NotYet", 1)):
        make_due(KeySetState.objects.get(server__name=name), now + timedelta(seconds=seconds))
    assert [claim.organization_id for claim in claim_due("one", now, 8)] == ["acme", "acme"]
    assert claim_due("two", now, 8) == []


def test_the_longest_overdue_comes_first_within_the_limit() -> None:
    late = add(A, name="Late")
    later = add(A, name="Later")
    now = timezone.now()
    make_due(KeySetState.objects.get(server=late), now - timedelta(seconds=10))
    make_due(KeySetState.objects.get(server=later), now - timedelta(seconds=20))
    assert [claim.server_id for claim in claim_due("one", now, 1)] == [later.pk]
    assert [claim.server_id for claim in claim_due("two", now, 8)] == [late.pk]


def test_a_claim_carries_what_the_fetch_needs() -> None:
    server = add(A, verify_certificate=False)
    KeySetState.objects.update(etag='"v1"')
    claim = claim_at(after(300))
    assert (claim.server_id, claim.organization_id, claim.holder) == (server.pk, "acme", "one")
    assert (claim.location, claim.verify_certificate, claim.etag) == (server.jwks_location, False, '"v1"')


def test_a_key_set_is_leased_to_one_worker_at_a_time() -> None:
    add(A)
    now = after(300)
    claim_at(now, "one")
    assert claim_due("two", now + LEASE - timedelta(seconds=1), 8) == []


def test_the_lease_of_a_worker_that_died_runs_out_and_its_late_answer_is_dropped() -> None:
    add(A)
    now = after(300)
    first = claim_at(now, "one")
    (second,) = claim_due("two", now + LEASE, 8)
    assert second.fetch_number == first.fetch_number + 1
    assert record_findings(second, found(B), now + LEASE, SETTINGS) is Recorded.CHANGED
    assert record_findings(first, found(C), now + LEASE, SETTINGS) is Recorded.SUPERSEDED
    assert trusted() == ["b"]


def test_an_older_answer_that_arrives_last_does_not_win() -> None:
    """J-18, also for the very same worker."""
    add(A)
    now = after(300)
    older = claim_at(now, "one")
    (newer,) = claim_due("one", now + LEASE, 8)
    assert record_findings(older, found(C), now + LEASE, SETTINGS) is Recorded.SUPERSEDED
    assert record_findings(newer, found(B), now + LEASE, SETTINGS) is Recorded.CHANGED
    assert trusted() == ["b"]


def test_an_answer_counts_once() -> None:
    add(A)
    claim = claim_at(after(300))
    assert record_findings(claim, found(B), after(300), SETTINGS) is Recorded.CHANGED
    assert record_findings(claim, found(C), after(301), SETTINGS) is Recorded.SUPERSEDED
    assert record_fault(claim, after(301), SETTINGS) is Recorded.SUPERSEDED


def test_of_two_workers_that_saw_the_same_candidate_one_takes_it() -> None:
    add(A)
    now = after(300)
    make_due(KeySetState.objects.get(), now)
    (first,) = _candidates("one", now, 8, failing=False)
    (second,) = _candidates("two", now, 8, failing=False)
    assert _take(first, now)
    assert not _take(second, now)
    assert KeySetState.objects.get().lease_holder == "one"


def test_candidate_with_changed_location_is_not_claimed() -> None:
    """Else the old location would be fetched with the right to replace the keys of the new one."""
    server = add(A)
    now = after(300)
    make_due(KeySetState.objects.get(), now)
    (candidate,) = _candidates("one", now, 8, failing=False)
    EditServer(
        organization_id="acme",
        server_id=server.pk,
        expected_version=1,
        fields=fields(jwks_location=OTHER_LOCATION),
        receipt=receipt(B, location=OTHER_LOCATION),
    ).run(ALICE)
    make_due(KeySetState.objects.get(), now)
    assert not _take(candidate, now)
    (claim,) = claim_due("one", now, 8)
    assert claim.location == OTHER_LOCATION


def test_a_candidate_that_a_late_answer_has_settled_is_not_taken() -> None:
    add(A)
    now = after(300)
    claim = claim_at(now, "one")
    (candidate,) = _candidates("two", now + LEASE, 8, failing=False)
    record_findings(claim, found(B), now + LEASE, SETTINGS)
    assert not _take(candidate, now + LEASE)


def test_a_changed_location_can_be_fetched_although_the_old_one_is_still_being_fetched() -> None:
    server = add(A)
    now = after(300)
    claim_at(now)
    EditServer(
        organization_id="acme",
        server_id=server.pk,
        expected_version=1,
        fields=fields(jwks_location=OTHER_LOCATION),
        receipt=receipt(B, location=OTHER_LOCATION),
    ).run(ALICE)
    make_due(KeySetState.objects.get(), now)
    assert [claim.location for claim in claim_due("two", now, 8)] == [OTHER_LOCATION]


def test_a_claim_is_void_for_another_worker() -> None:
    add(A)
    now = after(300)
    claim = claim_at(now, "one")
    assert record_findings(replace(claim, holder="two"), found(B), now, SETTINGS) is Recorded.SUPERSEDED
    assert trusted() == ["a"]


def test_a_deleted_server_takes_its_fetch_with_it() -> None:
    server = add(A)
    now = after(300)
    claim = claim_at(now)
    DeleteServer(organization_id="acme", server_id=server.pk).run(ALICE)
    assert record_findings(claim, found(B), now, SETTINGS) is Recorded.SUPERSEDED


# ------------------------------------------------------------------------------------------------ success


def test_new_keys_replace_old_ones_and_are_published() -> None:
    add(A, B)
    before = revision()
    now = after(300)
    assert fetch(found(B, C, etag='"v2"'), now) is Recorded.CHANGED
    assert trusted() == ["b", "c"]
    assert revision() == before + 1
    assert good_until() == int(now.timestamp()) + 86_400
    assert KeySetState.objects.get().etag == '"v2"'


def test_a_change_of_keys_is_an_audit_event_of_the_worker() -> None:
    """A server may show one key set to Validate and another to the refresher; the organization sees it (J-27)."""
    add(A)
    fetch(found(B), after(300))
    (event,) = events("keys_changed")
    assert (event.actor, event.interface, event.organization, event.target) == ("worker", "worker", "acme", "ProdOkta")
    assert set(event.changes) == {"keys_added", "keys_removed", "keys_replaced_at_once"}
    assert event.changes["keys_added"][1].startswith("b (")
    assert event.changes["keys_removed"][0].startswith("a (")


def test_a_withdrawn_key_is_gone_with_the_next_good_fetch() -> None:
    add(A, B)
    fetch(found(B), after(300))
    assert trusted() == ["b"]


def test_fl_03_the_same_key_for_another_issuer_is_a_change_that_verifiers_hear_of() -> None:
    add(C)
    before, document = revision(), KeySetState.objects.get().document
    assert document is not None
    KeySetState.objects.update(document=[{**document[0], "issuer": "https://other.example"}])
    assert fetch(found(C), after(300)) is Recorded.CHANGED
    assert revision() > before
    assert events()[-1].changes["keys_removed"][0].startswith("c for https://other.example (")
    assert KeySetState.objects.get().document == document
    assert [(row.kid, row.withdrawn_at) for row in KeyHistory.objects.all()] == [("c", None)]


def test_the_same_key_under_another_declared_algorithm_is_a_change() -> None:
    add(C)
    with_alg = Key(C.private, "c")
    document = stored_jwks(KeySetState.objects.get())
    assert fetch(found(with_alg), after(300)) is Recorded.UNCHANGED
    KeySetState.objects.update(document=[{**document[0], "alg": "PS256"}])
    assert fetch(found(with_alg), after(600)) is Recorded.CHANGED


def test_a_shuffled_key_set_is_no_change() -> None:
    add(A, B)
    before = revision()
    assert fetch(found(B, A), after(300)) is Recorded.UNCHANGED
    assert (revision(), events("keys_changed")) == (before, [])


@pytest.mark.parametrize("findings", [found(A), not_modified()], ids=["same keys", "304"])
def test_a_refresh_without_news_is_not_published_until_a_third_of_the_limit_is_used_up(findings: Findings) -> None:
    add(A)
    began, first_good_until = revision(), good_until()
    assert fetch(findings, after(28_000)) is Recorded.UNCHANGED
    assert (revision(), good_until()) == (began, first_good_until)
    assert fetch(findings, after(1_000)) is Recorded.UNCHANGED
    assert (revision(), good_until()) == (began + 1, first_good_until + 29_000)
    assert trusted() == ["a"]


def test_a_disabled_server_is_refreshed_in_silence() -> None:
    server = add(A)
    DisableServer(organization_id="acme", server_id=server.pk).run(ALICE)
    before = revision()
    assert fetch(found(B), after(300)) is Recorded.CHANGED
    assert revision() == before
    assert len(events("keys_changed")) == 1


def test_a_refresh_without_news_for_verifiers_does_not_touch_the_feed() -> None:
    """Its counter is one row for all organizations: every refresh would wait for every other one."""
    server = add(A)
    with CaptureQueriesContext(connection) as unchanged:
        fetch(not_modified(), after(300))
    DisableServer(organization_id="acme", server_id=server.pk).run(ALICE)
    with CaptureQueriesContext(connection) as disabled:
        fetch(found(B), after(300))
    assert "fleet_" not in str([*unchanged.captured_queries, *disabled.captured_queries])


@pytest.mark.parametrize("lock", [registrations.expire, registrations.suspend])
def test_keys_stay_fresh_without_entitlement(lock: object) -> None:
    add(A)
    assert callable(lock)
    lock()
    assert fetch(found(B), after(300)) is Recorded.CHANGED


def test_the_next_fetch_obeys_max_age_within_bounds() -> None:
    add(A)
    for max_age, low, high in ((None, 270, 330), (600, 540, 660), (1, 60, 66), (10**9, 810, 900)):
        now = after(300)
        fetch(found(A, max_age=max_age), now)
        due = (KeySetState.objects.get().due_at - now).total_seconds()
        assert low <= due <= high


# ------------------------------------------------------------------------------------------------ failure


@pytest.mark.parametrize(
    "problem", [Problem.TIMED_OUT, Problem.EMPTY_KEY_SET, Problem.HTML_PAGE, Problem.NO_USABLE_KEY]
)
def test_the_last_good_keys_outlive_a_failure(problem: Problem) -> None:
    add(A)
    before = revision()
    first, second = after(300), after(330)
    assert fetch(failed(problem), first) is Recorded.FAILED
    assert fetch(failed(problem), second) is Recorded.FAILED
    state = KeySetState.objects.get()
    assert trusted() == ["a"]
    assert (state.failures, state.failing_since, state.problem) == (2, first, problem.code)
    assert revision() == before
    assert events("keys_changed") == []


def test_a_failed_fetch_is_tried_again_sooner() -> None:
    add(A)
    now = after(300)
    fetch(failed(Problem.TIMED_OUT), now)
    assert (KeySetState.objects.get().due_at - now).total_seconds() < 20


def test_a_good_fetch_ends_the_failing() -> None:
    add(A)
    fetch(failed(Problem.TIMED_OUT), after(300))
    assert fetch(not_modified(), after(320)) is Recorded.UNCHANGED
    state = KeySetState.objects.get()
    assert (state.failures, state.failing_since, state.problem) == (0, None, None)


def test_once_a_failure_lasts_verifiers_learn_the_exact_age_of_the_keys() -> None:
    """Otherwise good keys would be refused up to eight hours before the stated limit."""
    add(A)
    fetch(not_modified(), after(20_000))
    last_good, before = after(0), revision()
    fetch(failed(Problem.TIMED_OUT), after(300))
    assert revision() == before
    for seconds in (901, 902):
        fetch(failed(Problem.TIMED_OUT), after(seconds))
        assert (revision(), good_until()) == (before + 1, int(last_good.timestamp()) + 86_400)


def test_a_fault_of_ours_is_a_failure_like_any_other() -> None:
    add(A)
    assert record_fault(claim_at(after(300)), after(300), SETTINGS) is Recorded.FAILED
    assert KeySetState.objects.get().problem == FAULT_OF_OURS
    assert trusted() == ["a"]


def test_a_server_without_any_keys_stays_without() -> None:
    add(A)
    KeySetState.objects.update(document=None, fetched_at=None, good_until=None)
    now = timezone.now()
    assert fetch(failed(Problem.TIMED_OUT), now) is Recorded.FAILED
    assert (trusted(), good_until()) == ([], 0)
    assert fetch(found(A), now) is Recorded.CHANGED
    assert trusted() == ["a"]


def test_empty_set_never_replaces_keys() -> None:
    add(A)
    state = KeySetState.objects.get()
    with pytest.raises(ValueError, match="empty"):
        put_keys(state, (), etag=None, fetched_at=timezone.now(), good_until=timezone.now())


def test_stored_key_refused_by_present_rules_is_dropped() -> None:
    add(A)
    document = stored_jwks(KeySetState.objects.get())
    KeySetState.objects.update(document=[*document, {"kty": "oct", "kid": "x", "k": "AAAA"}])
    assert trusted() == ["a"]
    assert from_document(None) == ()


# ------------------------------------------------------------------------------------------------ unknown kids


def test_an_unknown_kid_brings_the_fetch_forward_once_in_30_seconds() -> None:
    add(A)
    now = after(10)
    assert force_for_unknown_key("acme", now)
    assert KeySetState.objects.get().due_at == now - timedelta(seconds=HEAD_START)
    for seconds in range(30):
        assert not force_for_unknown_key("acme", now + timedelta(seconds=seconds))
    assert force_for_unknown_key("acme", now + timedelta(seconds=30))


def test_the_cool_down_counts_from_the_request_and_not_from_a_success() -> None:
    add(A)
    now = after(10)
    force_for_unknown_key("acme", now)
    fetch(failed(Problem.TIMED_OUT), now)
    assert not force_for_unknown_key("acme", now + timedelta(seconds=29))


def test_random_kids_do_not_delay_the_background_refresh() -> None:
    add(A)
    overdue = after(300)
    make_due(KeySetState.objects.get(), overdue)
    assert force_for_unknown_key("acme", overdue + timedelta(seconds=HEAD_START + 5))
    assert KeySetState.objects.get().due_at == overdue


def test_random_kids_do_not_block_the_refresh_button() -> None:
    server = add(A)
    now = timezone.now()
    force_for_unknown_key("acme", now)
    assert bring_forward(server.pk, now, stamp="requested_at")


def test_only_the_enabled_server_is_forced() -> None:
    server = add(A)
    DisableServer(organization_id="acme", server_id=server.pk).run(ALICE)
    assert not force_for_unknown_key("acme", after(10))
    assert not force_for_unknown_key("globex", after(10))


def test_a_clock_that_was_set_back_does_not_lock_the_key_set() -> None:
    add(A)
    assert force_for_unknown_key("acme", after(10_000))
    assert force_for_unknown_key("acme", after(10))


def test_forced_fetch_during_a_fetch_runs_afterwards() -> None:
    """The fetch under way may have begun before the rotation, so its answer does not settle the matter."""
    add(A)
    now = after(300)
    claim = claim_at(now)
    assert force_for_unknown_key("acme", now + timedelta(seconds=1))
    later = now + timedelta(seconds=2)
    record_findings(claim, found(A), later, SETTINGS)
    assert KeySetState.objects.get().due_at == later - timedelta(seconds=HEAD_START)
    assert fetch(found(A), later) is Recorded.UNCHANGED
    assert KeySetState.objects.get().due_at > later + timedelta(seconds=200)


def test_a_stamp_from_the_future_does_not_make_fetches_follow_each_other() -> None:
    add(A)
    now = after(300)
    KeySetState.objects.update(forced_at=now + timedelta(days=1))
    fetch(found(A), now)
    assert KeySetState.objects.get().due_at > now + timedelta(seconds=200)


# ------------------------------------------------------------------------------------------------ history


def test_the_history_keeps_every_keys_first_and_last_appearance() -> None:
    add(A, B)
    start = after(0)
    second, third = after(300), after(600)
    fetch(found(B, C), second)
    fetch(not_modified(), third)
    rows = {row.kid: row for row in KeyHistory.objects.all()}
    assert (rows["a"].first_seen_at, rows["a"].last_seen_at, rows["a"].withdrawn_at) == (start, start, second)
    assert (rows["b"].first_seen_at, rows["b"].last_seen_at, rows["b"].withdrawn_at) == (start, third, None)
    assert (rows["c"].first_seen_at, rows["c"].last_seen_at, rows["c"].withdrawn_at) == (second, third, None)
    assert (rows["c"].kty, rows["c"].bits) == ("RSA", 2048)


def test_returning_key_continues_its_history() -> None:
    add(A, B)
    start = after(0)
    fetch(found(B), after(300))
    back = after(300)
    fetch(found(A, B), back)
    row = KeyHistory.objects.get(kid="a")
    assert (row.first_seen_at, row.last_seen_at, row.withdrawn_at) == (start, back, None)


def test_a_key_without_a_kid_has_a_history_too() -> None:
    nameless = A.named(None)
    add(nameless, B)
    fetch(found(B), after(300))
    fetch(found(nameless), after(300))
    assert KeyHistory.objects.get(kid=None).withdrawn_at is None
    assert "without kid" in events("keys_changed")[-1].changes["keys_added"][1]


def test_the_history_is_bounded() -> None:
    server = add(A)
    gone = after(-1000)
    KeyHistory.objects.bulk_create(
        KeyHistory(
            server=server,
            kid=f"gone{number}",
            kty="EC",
            bits=256,
            thumbprint=f"{number:043}",
            first_seen_at=gone,
            last_seen_at=gone,
            withdrawn_at=gone + timedelta(seconds=number),
        )
        for number in range(WITHDRAWN_KEPT)
    )
    fetch(found(B), after(300))
    withdrawn = KeyHistory.objects.filter(withdrawn_at__isnull=False)
    assert withdrawn.count() == WITHDRAWN_KEPT
    assert not withdrawn.filter(kid="gone0").exists()
    assert withdrawn.filter(kid="a").exists()


# ------------------------------------------------------------------------------------------------ old validations


def test_validations_are_purged_when_their_receipts_have_long_expired() -> None:
    receipt()
    now = timezone.now()
    assert purge_validations(now + timedelta(minutes=19)) == 0
    assert purge_validations(now + timedelta(minutes=21)) == 1
    assert not Validation.objects.exists()
