"""Many administrators and many workers at the same moment (M-09, J-17)."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import connections
from django.utils import timezone

from kit import registrations
from kit.forge import ec_key
from kit.registrations import ALICE, SETTINGS, add, fields, found, make_due, receipt, stored_jwks
from watchword.control.base.refusals import Refusal
from watchword.control.servers.commands import AddServer, EnableServer
from watchword.control.servers.forced_fetch_commands import force_for_unknown_key
from watchword.control.servers.key_set_commands import Recorded, claim_due, record_findings
from watchword.control.servers.models import AuthorizationServer, KeySetState
from watchword.control.servers.validate import ATTEMPTS, BeginValidation

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("committing")]

AT_ONCE = 50


@pytest.fixture(autouse=True)
def acme() -> None:
    registrations.organization("acme")


def at_once(run: Callable[[int], str], times: int = AT_ONCE) -> list[str]:
    """Run it in as many threads, each with its own connection, all starting together; a refusal is its code."""
    start = threading.Barrier(times)

    def one(number: int) -> str:
        start.wait(timeout=30)
        try:
            return run(number)
        except Refusal as refusal:
            return refusal.code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(one, range(times)))


def test_of_50_additions_at_once_two_succeed() -> None:
    proof = receipt()

    def run(number: int) -> str:
        AddServer(organization_id="acme", fields=fields(name=f"Server{number}"), receipt=proof).run(ALICE)
        return "added"

    results = at_once(run)
    assert (results.count("added"), results.count("slots_used_up")) == (2, AT_ONCE - 2)
    assert AuthorizationServer.objects.count() == 2
    assert AuthorizationServer.objects.filter(enabled=True).count() == 1


def test_of_50_additions_of_one_name_at_once_one_succeeds() -> None:
    proof = receipt()

    def run(number: int) -> str:
        name = "ProdOkta" if number % 2 else "PRODOKTA"
        AddServer(organization_id="acme", fields=fields(name=name), receipt=proof).run(ALICE)
        return "added"

    results = at_once(run)
    assert (results.count("added"), results.count("name_taken")) == (1, AT_ONCE - 1)


def test_50_enables_at_once_leave_one_enabled() -> None:
    servers = [add(name="First"), add(name="Second")]

    def run(number: int) -> str:
        EnableServer(organization_id="acme", server_id=servers[number % 2].pk).run(ALICE)
        return "enabled"

    assert at_once(run) == ["enabled"] * AT_ONCE
    assert AuthorizationServer.objects.filter(enabled=True).count() == 1


def test_two_workers_never_fetch_one_key_set_at_once() -> None:
    for name in ("First", "Second"):
        add(name=name)
    now = timezone.now()
    for state in KeySetState.objects.all():
        make_due(state, now)

    claimed = at_once(lambda number: str(len(claim_due(f"worker{number}", now, 8))), times=16)
    assert sum(map(int, claimed)) == 2


def test_of_many_reports_of_an_unknown_kid_one_forces_a_fetch() -> None:
    add()
    now = timezone.now()
    assert at_once(lambda _: str(force_for_unknown_key("acme", now)), times=16).count("True") == 1


def test_an_answer_and_an_overtaken_one_at_once_leave_the_newer_keys() -> None:
    add(ec_key("old"))
    now = timezone.now() + timedelta(hours=1)
    make_due(KeySetState.objects.get(), now)
    (older,) = claim_due("one", now, 1)
    later = now + timedelta(seconds=30)
    (newer,) = claim_due("two", later, 1)
    answers = [(older, found(ec_key("older"))), (newer, found(ec_key("newer")))]

    results = at_once(lambda number: record_findings(*answers[number], later, SETTINGS).value, times=2)
    assert results == [Recorded.SUPERSEDED.value, Recorded.CHANGED.value]
    assert [jwk["kid"] for jwk in stored_jwks(KeySetState.objects.get())] == ["newer"]


def test_the_limit_of_validations_holds_for_attempts_at_the_same_moment() -> None:
    now = timezone.now()
    results = at_once(lambda _: str(bool(BeginValidation(organization_id="acme").run(ALICE, now))), times=20)
    assert (results.count("True"), results.count("too_many_requests")) == (ATTEMPTS, 20 - ATTEMPTS)
