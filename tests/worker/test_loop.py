"""The worker against real key servers, with threads and commits of its own."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.utils import timezone
from structlog.testing import capture_logs

from kit import authorities, registrations
from kit.forge import ec_key, key_set
from kit.key_server import KeyServer, answers, serves, stalls
from kit.registrations import SETTINGS, add, events, make_due, receipt, revision, stored_jwks
from watchword.control.base.fetch_policy import fetch_policy
from watchword.control.fleet.models import TrustRecord
from watchword.control.organizations.models import Organization, Subscription
from watchword.control.servers.key_set_commands import FAULT_OF_OURS, claim_due
from watchword.control.servers.models import AuthorizationServer, KeyHistory, KeySetState, Validation
from watchword.jwks.probe import probe
from watchword.settings.control import ControlSettings
from watchword.worker.loop import ANSWERING_AT_ONCE, Fetch, Worker, run
from watchword.worker.metrics import WorkerMetrics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from watchword.jwks.fetch import FetchPolicy
    from watchword.jwks.findings import Findings

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("committing"),
    pytest.mark.enable_socket,
]

A, B = ec_key("a"), ec_key("b")


@pytest.fixture(autouse=True)
def acme() -> None:
    registrations.organization("acme")


@contextmanager
def working(policy: FetchPolicy, workers: int = 1, fetch: Fetch = probe) -> Iterator[None]:
    """Workers in threads of their own, as many as processes would be in production."""
    stop = threading.Event()
    crew = [Worker(policy=policy, refresh=SETTINGS, fetch=fetch) for _ in range(workers)]
    threads = [threading.Thread(target=worker.run, args=[stop]) for worker in crew]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(timeout=20)
        assert not any(thread.is_alive() for thread in threads)


def eventually(condition: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.02)


def due_now() -> None:
    for state in KeySetState.objects.all():
        make_due(state, timezone.now())


def state_of(name: str = "ProdOkta") -> KeySetState:
    return KeySetState.objects.get(server__name=name)


def attempted_again(name: str = "ProdOkta") -> Callable[[], bool]:
    number = state_of(name).fetch_number

    def done() -> bool:
        state = state_of(name)
        return state.fetch_number > number and state.lease_until is None

    return done


def test_changed_keys_reach_history_audit_and_verifiers() -> None:
    with KeyServer(serves(key_set(A))) as server, working(server.policy()):
        add(A, jwks_location=server.location)
        before = revision()
        server.behaviour = serves(key_set(B), etag='"v2"')
        due_now()
        eventually(lambda: events("keys_changed") != [])
    assert revision() == before + 1
    record = TrustRecord.objects.get(pk="acme")
    assert (record.revision, [jwk["kid"] for jwk in record.document["server"]["keys"]]) == (revision(), ["b"])
    assert {row.kid: row.withdrawn_at is None for row in KeyHistory.objects.all()} == {"a": False, "b": True}
    assert state_of().etag == '"v2"'


def test_unchanged_key_set_is_fetched_by_etag() -> None:
    with KeyServer(serves(key_set(A), etag='"v1"')) as server, working(server.policy()):
        add(A, jwks_location=server.location)
        before = revision()
        for _ in range(2):
            again = attempted_again()
            due_now()
            eventually(again)
    assert server.requests[-1].header("If-None-Match") == '"v1"'
    assert (state_of().failures, state_of().etag, revision()) == (0, '"v1"', before)


def test_the_attached_authority_is_used_for_its_own_registration_and_no_other() -> None:
    root = authorities.issue("Initech Root")
    with (
        KeyServer(serves(key_set(B)), authorities.presenting(authorities.server(root), root)) as server,
        working(server.policy()),
    ):
        add(A, jwks_location=server.location, name="Attached", authority=root.pem)
        add(A, jwks_location=server.location, name="NotAttached", enabled=False)
        registrations.organization("globex")
        add(A, actor=registrations.CHARLIE, jwks_location=server.location, name="Unchecked", verify_certificate=False)
        again = [attempted_again(name) for name in ("Attached", "NotAttached", "Unchecked")]
        due_now()
        for done in again:
            eventually(done)
    assert [state_of(name).problem for name in ("Attached", "NotAttached", "Unchecked")] == [
        None, "certificate_unknown_authority", None,
    ]  # fmt: skip
    assert [jwk["kid"] for jwk in stored_jwks(state_of("Attached"))] == ["b"]
    assert [jwk["kid"] for jwk in stored_jwks(state_of("NotAttached"))] == ["a"]


def test_an_attached_authority_that_expires_stops_the_fetches_and_keeps_the_keys() -> None:
    root = authorities.issue("Initech Root")
    with KeyServer(serves(key_set(B)), authorities.presenting(authorities.server(root))) as server:
        stored = add(A, jwks_location=server.location, authority=root.pem)
        # As time would do it: the same authority, of which only the date has passed.
        ended = authorities.issue("Initech Root", key=root.key, expires_in_days=-1)
        AuthorizationServer.objects.filter(pk=stored.pk).update(ca_bundle=ended.pem)
        with working(server.policy()):
            again = attempted_again()
            due_now()
            eventually(again)
    assert state_of().problem == "authority_expired"
    assert [jwk["kid"] for jwk in stored_jwks(state_of())] == ["a"]


def test_keys_stay_while_their_server_is_down() -> None:
    with KeyServer(answers(500)) as server, working(server.policy()):
        add(A, jwks_location=server.location)
        before = revision()
        due_now()
        eventually(lambda: state_of().failures == 1)
        assert state_of().problem == "http_server_fault"
        assert [jwk["kid"] for jwk in stored_jwks(state_of())] == ["a"]
        assert revision() == before
        server.behaviour = serves(key_set(A))
        due_now()
        eventually(lambda: state_of().failures == 0)
    assert state_of().failing_since is None


def test_stalled_server_does_not_delay_the_others() -> None:
    registrations.organization("globex")
    with KeyServer(stalls()) as slow, KeyServer(serves(key_set(A))) as quick:
        policy = slow.policy(allowed_ports=frozenset({slow.port, quick.port}), total_timeout=3.0)
        add(A, name="Slow", jwks_location=slow.location)
        add(A, name="Quick", jwks_location=quick.location, actor=registrations.CHARLIE)
        again = attempted_again("Quick")
        due_now()
        with working(policy):
            eventually(again, seconds=2.5)
            assert state_of("Slow").failures == 0
            eventually(lambda: state_of("Slow").failures == 1)
    assert state_of("Slow").problem == "timed_out"
    assert state_of("Quick").failures == 0


def test_two_workers_fetch_a_key_set_once() -> None:
    with KeyServer(serves(key_set(A))) as server:
        add(A, jwks_location=server.location)
        again = attempted_again()
        due_now()
        with working(server.policy(), workers=2):
            eventually(again)
            time.sleep(1.5)
    assert server.connections == 1
    assert state_of().fetch_number == 2


def test_a_stop_lets_the_fetch_under_way_finish() -> None:
    with KeyServer(stalls()) as server:
        add(A, jwks_location=server.location)
        due_now()
        with working(server.policy(total_timeout=1.0)):
            eventually(lambda: server.connections == 1)
    state = state_of()
    assert (state.lease_until, state.problem) == (None, "timed_out")


def test_more_due_key_sets_than_slots_are_all_fetched() -> None:
    with KeyServer(serves(key_set(A))) as server, working(server.policy()):
        for number in range(ANSWERING_AT_ONCE // 2 + 1):
            organization = f"org{number}"
            registrations.organization(organization)
            actor = registrations.administrator("alice", organization, *registrations.ALICE.permissions)
            for name in ("First", "Second"):
                add(A, actor=actor, name=name, jwks_location=server.location)
        due_now()
        eventually(lambda: not KeySetState.objects.filter(fetch_number__lt=2).exists())
    assert not KeySetState.objects.filter(failures__gt=0).exists()


def test_internal_error_in_one_fetch_is_recorded_and_the_others_continue() -> None:
    def faulty(location: str, **settings: Any) -> Findings:
        if "/broken" in location:
            raise KeyError("the text of a fault may hold anything")
        return probe(location, **settings)

    with KeyServer(serves(key_set(A))) as server:
        add(A, name="Broken", jwks_location=server.location_at("127.0.0.1", "/broken"), enabled=False)
        add(A, name="Whole", jwks_location=server.location)
        whole = attempted_again("Whole")
        due_now()
        with capture_logs() as logs, working(server.policy(), fetch=faulty):
            eventually(lambda: state_of("Broken").problem == FAULT_OF_OURS)
            eventually(whole)
    assert "may hold anything" not in str(logs)
    assert {"fault": "KeyError"}.items() <= next(line for line in logs if line["event"] == "probe_failed").items()


def test_loop_survives_results_that_cannot_be_stored() -> None:
    with KeyServer(serves(key_set(A))) as server:
        add(A, jwks_location=server.location)
        due_now()
        (claim,) = claim_due("one", timezone.now(), 1)
        for model in (AuthorizationServer, Subscription, TrustRecord, Organization):
            model.objects.all().delete()
        with capture_logs() as logs:
            Worker(policy=server.policy(), refresh=SETTINGS).refresh(claim)
    assert [line["event"] for line in logs] == ["key_set_not_recorded"]
    assert logs[0]["fault"] == "Refusal"


def test_loop_survives_missing_tables() -> None:
    with KeyServer(serves(key_set(A))) as server:
        add(A, jwks_location=server.location)
        again = attempted_again()
        due_now()
        rename("servers_keysetstate", "away")
        with capture_logs() as logs, working(server.policy()):
            try:
                eventually(lambda: "nothing_claimed" in {line["event"] for line in logs})
            finally:
                rename("away", "servers_keysetstate")
            eventually(again)
    assert server.connections == 1


def test_fo_01_lost_database_is_one_line_and_its_return_another() -> None:
    """The loop looks ten times a second."""
    policy = fetch_policy(ControlSettings())
    metrics = WorkerMetrics()
    worker = Worker(policy=policy, refresh=SETTINGS, metrics=metrics)
    turns, turned, stop = 0, metrics.turned, threading.Event()

    def counting() -> None:
        nonlocal turns
        turned()
        turns += 1
        if turns == 3:
            rename("away", "servers_keysetstate")
        if turns == 5:
            stop.set()

    metrics.turned = counting  # type: ignore[method-assign]
    rename("servers_keysetstate", "away")
    with capture_logs() as logs:
        worker.run(stop)
    said = [line for line in logs if line["event"] in {"nothing_claimed", "claiming_again"}]
    assert [line["event"] for line in said] == ["nothing_claimed", "claiming_again"]
    assert said[1]["failures"] == 3


def test_fo_01_unrecorded_fetches_are_one_line() -> None:
    with KeyServer(serves(key_set(A))) as server:
        add(A, jwks_location=server.location)
        due_now()
        (claim,) = claim_due("one", timezone.now(), 1)
        worker = Worker(policy=server.policy(), refresh=SETTINGS)
        rename("servers_keysetstate", "away")
        with capture_logs() as logs:
            worker.refresh(claim)
            worker.refresh(claim)
            rename("away", "servers_keysetstate")
            worker.refresh(claim)
    assert [line["event"] for line in logs] == ["key_sets_not_recorded", "recording_again", "key_set_fetched"]
    assert str(claim.server_id) not in str(logs[0])


def rename(table: str, name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f'ALTER TABLE "{table}" RENAME TO "{name}"')


def test_each_fetch_is_logged_with_its_outcome_and_no_secret() -> None:
    with KeyServer(serves(key_set(A))) as server:
        location = server.location_at("127.0.0.1", "/keys?token=geheim")
        add(A, jwks_location=location)
        again = attempted_again()
        due_now()
        with capture_logs() as logs, working(server.policy()):
            eventually(again)
    (line,) = [line for line in logs if line["event"] == "key_set_fetched"]
    assert (line["organization"], line["outcome"], line["problem"]) == ("acme", "unchanged", None)
    assert line["location"].partition(" (hidden part: ")[0].endswith("/keys?token=…")
    assert "geheim" not in str(logs)


def test_run_takes_the_operators_settings_and_purges_old_validations() -> None:
    receipt(at=timezone.now() - timedelta(hours=1))
    stop = threading.Event()
    thread = threading.Thread(target=run, args=[ControlSettings(), stop])
    thread.start()
    eventually(lambda: not Validation.objects.exists())
    stop.set()
    thread.join(timeout=10)
    assert not thread.is_alive()
