"""Whose turn it is to be fetched: the order of what is due, and clocks that were set."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from kit import registrations
from kit.forge import ec_key
from kit.registrations import CHARLIE, SETTINGS, add, failed, found, make_due, revision
from watchword.control.servers.forced_fetch_commands import force_for_unknown_key
from watchword.control.servers.key_set_commands import CLOCK_STEP, LEASE, Recorded, claim_due, record_findings
from watchword.control.servers.models import AuthorizationServer, KeySetState
from watchword.control.servers.trust import trust_of
from watchword.jwks.problem import Problem
from watchword.jwks.schedule import HEAD_START

if TYPE_CHECKING:
    from datetime import datetime

pytestmark = pytest.mark.django_db

A = ec_key("a")
HOUR, TEN_YEARS = timedelta(hours=1), timedelta(days=3652)


@pytest.fixture(autouse=True)
def organizations() -> None:
    registrations.organization("acme")
    registrations.organization("globex")


def state_of(server: AuthorizationServer) -> KeySetState:
    return KeySetState.objects.get(server=server)


def failing(server: AuthorizationServer, at: datetime) -> None:
    KeySetState.objects.filter(server=server).update(failures=1, failing_since=at, problem="timed_out", due_at=at)


def claimed(now: datetime, limit: int = 8, failing_limit: int | None = None) -> list[str]:
    claims = claim_due("one", now, limit, failing_limit=failing_limit)
    return [AuthorizationServer.objects.get(pk=claim.server_id).name for claim in claims]


def two_failing_and_one_good(now: datetime) -> None:
    for name, enabled, overdue in (("Hanging", True, 2 * HOUR), ("Refusing", False, HOUR)):
        failing(add(A, name=name, enabled=enabled), now - overdue)
    make_due(state_of(add(A, actor=CHARLIE, name="Good")), now)


def test_m13_healthy_servers_come_before_failing_ones() -> None:
    now = timezone.now()
    two_failing_and_one_good(now)
    assert claimed(now) == ["Good", "Hanging", "Refusing"]


def test_m13_failing_and_healthy_servers_have_separate_limits() -> None:
    now = timezone.now()
    two_failing_and_one_good(now)
    assert claimed(now, limit=0, failing_limit=0) == []
    assert claimed(now, limit=8, failing_limit=1) == ["Good", "Hanging"]
    assert claimed(now, limit=0, failing_limit=1) == ["Refusing"]


def test_a_claim_says_whether_the_last_fetch_failed() -> None:
    now = timezone.now()
    two_failing_and_one_good(now)
    assert [claim.failing for claim in claim_due("one", now, 8)] == [False, True, True]


def test_j16_forced_fetch_precedes_background_fetch_unless_overdue() -> None:
    now = timezone.now()
    for name, enabled, overdue in (("Background", False, 1), ("Starving", True, HEAD_START + 1)):
        make_due(state_of(add(A, name=name, enabled=enabled)), now - timedelta(seconds=overdue))
    make_due(state_of(add(A, actor=CHARLIE, name="Rotated")), now + HOUR)
    assert force_for_unknown_key("globex", now)
    assert claimed(now) == ["Starving", "Rotated", "Background"]


@pytest.mark.parametrize("step", [HOUR, TEN_YEARS])
def test_clock_set_back_makes_key_set_due_at_once(
    step: timedelta,
) -> None:
    server = add(A)
    now = timezone.now()
    then = now + step
    make_due(state_of(server), then)
    (claim,) = claim_due("one", then, 8)
    assert record_findings(claim, found(A), then, SETTINGS) is Recorded.UNCHANGED
    assert claimed(now) == ["ProdOkta"]


def test_small_clock_differences_cause_no_extra_fetches() -> None:
    server = add(A)
    now = timezone.now()
    make_due(state_of(server), now)
    (claim,) = claim_due("one", now, 8)
    record_findings(claim, found(A), now, SETTINGS)
    assert claim_due("two", now - CLOCK_STEP, 8) == []


def test_a_lease_from_the_future_does_not_lock_the_key_set() -> None:
    server = add(A)
    now = timezone.now()
    make_due(state_of(server), now + HOUR)
    claim_due("died", now + HOUR, 8)
    make_due(state_of(server), now)
    assert claimed(now) == ["ProdOkta"]
    assert claim_due("two", now + LEASE - timedelta(seconds=1), 8) == []


@pytest.mark.parametrize("step", [HOUR, TEN_YEARS])
def test_keys_fetched_while_the_clock_was_ahead_are_believed_for_the_limit_from_now_on(step: timedelta) -> None:
    server = add(A)
    now = timezone.now()
    then = now + step
    make_due(state_of(server), then)
    (claim,) = claim_due("one", then, 8)
    record_findings(claim, found(ec_key("b")), then, SETTINGS)
    (claim,) = claim_due("one", now, 8)
    before = revision()
    assert record_findings(claim, failed(Problem.TIMED_OUT), now, SETTINGS) is Recorded.FAILED
    trusted = trust_of("acme").server
    assert trusted is not None
    assert trusted.keys_good_until == int(now.timestamp()) + SETTINGS.hard_limit
    assert (revision(), state_of(server).fetched_at) == (before + 1, now)


def test_a_failure_is_not_dated_after_the_present() -> None:
    server = add(A)
    now = timezone.now()
    failing(server, now + HOUR)
    make_due(state_of(server), now)
    (claim,) = claim_due("one", now, 8)
    record_findings(claim, failed(Problem.TIMED_OUT), now, SETTINGS)
    assert (state_of(server).failing_since, state_of(server).failures) == (now, 2)


def test_j22_empty_key_set_is_always_a_failure() -> None:
    """docs/decisions/0005: the last good keys stay until the limit."""
    server = add(A)
    now = timezone.now()
    for minutes in range(5):
        at = now + timedelta(minutes=minutes)
        make_due(state_of(server), at)
        (claim,) = claim_due("one", at, 8)
        assert record_findings(claim, failed(Problem.EMPTY_KEY_SET), at, SETTINGS) is Recorded.FAILED
    trusted = trust_of("acme").server
    assert trusted is not None
    assert [key.kid for key in trusted.keys] == ["a"]
    assert (state_of(server).failures, state_of(server).problem) == (5, "empty_key_set")
