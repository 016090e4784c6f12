"""The rotation watch at work: what fetches and reports leave behind, for the list page and the audit log."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from kit import registrations
from kit.forge import ec_key, key_set, rsa_key
from kit.registrations import (
    CHARLIE,
    OTHER_LOCATION,
    add,
    after,
    events,
    failed,
    fetch,
    fields,
    found,
    not_modified,
    receipt,
    revision,
)
from watchword.control.servers import rotation
from watchword.control.servers.commands import AddServer, DisableServer, EditServer
from watchword.control.servers.models import KeyHistory, KeySetState, Validation
from watchword.control.servers.queries import list_servers
from watchword.control.servers.rotation import Place
from watchword.control.servers.rotation_commands import note_asked_for, purge_history
from watchword.core.jwk import admit
from watchword.jwks.problem import Problem

if TYPE_CHECKING:
    from datetime import datetime

    from watchword.control.servers.rotation import RotationWarning
    from watchword.jwks.findings import Findings

pytestmark = pytest.mark.django_db

A, B, C = ec_key("a"), ec_key("b"), rsa_key("c")


@pytest.fixture(autouse=True)
def acme() -> None:
    registrations.organization("acme")


def warnings(now: datetime) -> dict[Place, RotationWarning]:
    (row,) = list_servers("acme", now)
    return {warning.place: warning for warning in row.rotation}


def names(now: datetime) -> list[str]:
    (row,) = list_servers("acme", now)
    return [warning.short for warning in row.rotation]


def asked_at(kid: str = "a") -> datetime | None:
    return KeyHistory.objects.get(kid=kid).asked_at


def report(*kids: str, now: datetime, organization: str = "acme") -> int:
    return note_asked_for([(organization, kid) for kid in kids], now)


# ------------------------------------------------------------------------------------- the whole set at once


def test_replaced_key_set_is_shown_in_the_list_and_the_audit_log() -> None:
    add(A)
    now = after(300)
    fetch(found(B, C), now)
    assert names(now) == ["All keys replaced at once"]
    (event,) = events("keys_changed")
    assert event.changes["keys_replaced_at_once"] == [None, True]


def test_rotation_with_overlap_is_not_reported() -> None:
    add(A)
    fetch(found(A, B), after(300))
    fetch(found(B), after(300))
    assert names(timezone.now()) == []
    assert not any("keys_replaced_at_once" in event.changes for event in events("keys_changed"))


def test_the_same_key_under_another_declared_algorithm_is_no_replacement() -> None:
    add(C)
    declared = admit(key_set(C.jwk(alg="RS256")))
    fetch(replace(found(C), key_set=declared), after(300))
    assert len(events("keys_changed")) == 1
    assert names(timezone.now()) == []


def test_changing_the_location_ends_the_watch_of_withdrawn_keys() -> None:
    server = add(A)
    now = after(300)
    fetch(replace(found(B), certificate_expires_at=now + timedelta(days=3)), now)
    assert len(names(now)) == 2
    EditServer(
        organization_id="acme",
        server_id=server.pk,
        expected_version=1,
        fields=fields(jwks_location=OTHER_LOCATION),
        receipt=receipt(C, location=OTHER_LOCATION),
    ).run(registrations.ALICE)
    assert names(timezone.now()) == []
    state = KeySetState.objects.get()
    assert (state.replaced_at, state.certificate_expires_at, state.certificate_expiry_reported) == (None, None, None)


# ------------------------------------------------------------------------------------- fetches that fail


def test_lasting_failure_is_audited_once_and_its_end_once() -> None:
    add(A)
    start = after(300)
    for minutes in (0, 5, 14):
        fetch(failed(Problem.TIMED_OUT), start + timedelta(minutes=minutes))
    assert events("fetches_failing") == []
    for minutes in (15, 20, 25):
        fetch(failed(Problem.TIMED_OUT), start + timedelta(minutes=minutes))
    (told,) = events("fetches_failing")
    assert (told.actor, told.target, told.changes["problem"]) == ("worker", "ProdOkta", [None, "timed_out"])
    assert Place.FETCH in warnings(start + timedelta(minutes=25))

    end = start + timedelta(minutes=30)
    fetch(not_modified(), end)
    (over,) = events("fetches_recovered")
    assert over.changes["failing_since"] == [told.changes["failing_since"][1], None]
    assert warnings(end) == {}

    # Another run is reported again.
    for minutes in (0, 20):
        fetch(failed(Problem.TIMED_OUT), end + timedelta(minutes=5 + minutes))
    assert len(events("fetches_failing")) == 2


def test_short_failure_is_not_audited() -> None:
    add(A)
    fetch(failed(Problem.TIMED_OUT), after(300))
    fetch(not_modified(), after(330))
    assert events("fetches_failing") == events("fetches_recovered") == []


# ------------------------------------------------------------------------------------- the certificate


def meeting(expires_at: datetime, findings: Findings | None = None) -> Findings:
    return replace(findings or not_modified(), certificate_expires_at=expires_at)


def test_the_expiry_of_the_certificate_is_kept_from_each_fetch() -> None:
    add(A)
    now = after(300)
    fetch(meeting(now + timedelta(days=60)), now)
    assert names(now) == []
    fetch(meeting(now + timedelta(days=13)), now + timedelta(minutes=5))
    assert names(now + timedelta(minutes=5)) == ["Certificate expires soon"]
    # A failed fetch that met no certificate says nothing about it.
    fetch(failed(Problem.TIMED_OUT), now + timedelta(minutes=10))
    assert names(now + timedelta(minutes=10)) == ["Certificate expires soon"]
    # One that failed behind the TLS handshake does.
    fetch(meeting(now + timedelta(days=90), failed(Problem.HTTP_SERVER_FAULT)), now + timedelta(minutes=15))
    assert names(now + timedelta(minutes=15)) == []


def test_each_certificate_is_audited_once() -> None:
    add(A)
    now = after(300)
    first, second = now + timedelta(days=3), now + timedelta(days=5)
    # Two machines behind one name take turns with different certificates.
    for number in range(6):
        fetch(meeting((first, second)[number % 2]), now + timedelta(minutes=5 * number))
    assert [event.changes["expires_at"][0] for event in events("certificate_expiring")] == [None, None]


def test_expiry_is_not_shown_while_certificates_are_not_validated() -> None:
    add(A, verify_certificate=False)
    now = after(300)
    fetch(meeting(now + timedelta(days=3)), now)
    assert names(now) == []
    assert events("certificate_expiring") == []


def test_the_expiry_that_validate_met_is_there_from_the_beginning() -> None:
    now = timezone.now()
    proof = receipt(A)
    Validation.objects.update(certificate_expires_at=now + timedelta(days=3))
    AddServer(organization_id="acme", fields=fields(), receipt=proof).run(registrations.ALICE)
    assert names(now) == ["Certificate expires soon"]


# ------------------------------------------------------------------------------------- withdrawn keys in tokens


def withdraw_a() -> datetime:
    add(A, B)
    now = after(300)
    fetch(found(B), now)
    return now


def test_withdrawn_key_in_tokens_is_shown_in_the_list_and_audited_once() -> None:
    now = withdraw_a()
    before = revision()
    assert report("a", now=now) == 1
    assert asked_at() == now
    (event,) = events("withdrawn_keys_named")
    assert (event.actor, event.target) == ("worker", "ProdOkta")
    assert event.changes["keys"][1].startswith("a (")
    assert names(now) == ["Tokens use a withdrawn key"]
    (row,) = list_servers("acme", now)
    assert [key.asked_at for key in row.withdrawn_keys] == [now]

    assert report("a", now=now + timedelta(minutes=10)) == 1
    assert len(events("withdrawn_keys_named")) == 1
    # Verifiers need to know nothing of it.
    assert revision() == before
    assert names(now + timedelta(minutes=71)) == []


def test_at_most_one_write_per_key_and_minute() -> None:
    now = withdraw_a()
    assert report("a", now=now) == 1
    for seconds in (0, 1, 30, 59):
        assert report("a", now=now + timedelta(seconds=seconds)) == 0
    assert asked_at() == now
    assert report("a", now=now + timedelta(seconds=60)) == 1


def test_a_clock_that_was_set_back_does_not_end_the_watch() -> None:
    now = withdraw_a()
    KeyHistory.objects.filter(kid="a").update(asked_at=now + timedelta(days=400))
    assert report("a", now=now) == 1
    assert asked_at() == now


@pytest.mark.parametrize("kid", ["made-up", "", "a\0", "\ud800", "x" * 5000, "A"])
def test_unknown_key_ids_are_never_written(kid: str) -> None:
    now = withdraw_a()
    with CaptureQueriesContext(connection) as captured:
        assert report(kid, now=now) == 0
    assert all(query["sql"].startswith("SELECT") for query in captured)
    assert events("withdrawn_keys_named") == []
    assert names(now) == []


def test_a_key_that_is_in_use_is_not_noted_nor_one_whose_kid_another_key_has_taken_over() -> None:
    add(A, B)
    now = after(300)
    fetch(found(B, ec_key("another").named("a")), now)
    assert KeyHistory.objects.filter(kid="a").count() == 2
    assert report("a", "b", now=now) == 0


def test_a_key_that_was_withdrawn_long_ago_is_not_watched() -> None:
    now = withdraw_a()
    assert report("a", now=now + rotation.WITHDRAWN_WATCHED + timedelta(seconds=1)) == 0
    assert report("a", now=now + rotation.WITHDRAWN_WATCHED) == 1


def test_only_the_reported_organizations_enabled_server_is_looked_at() -> None:
    now = withdraw_a()
    registrations.organization("globex")
    add(B, actor=CHARLIE)
    assert report("a", now=now, organization="globex") == 0
    assert report("b", now=now) == 0
    DisableServer(organization_id="acme", server_id=KeyHistory.objects.get(kid="a").server_id).run(registrations.ALICE)
    assert report("a", now=now) == 0


def test_a_key_that_comes_back_is_forgotten_as_a_withdrawn_one() -> None:
    now = withdraw_a()
    report("a", now=now)
    fetch(found(A, B), after(300))
    assert asked_at() is None
    fetch(found(B), after(300))
    later = after(0)
    assert report("a", now=later) == 1
    assert len(events("withdrawn_keys_named")) == 2


def test_key_that_has_just_come_back_is_not_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    now = withdraw_a()
    stale = list(KeyHistory.objects.select_related("server").filter(kid="a"))
    KeyHistory.objects.filter(kid="a").update(withdrawn_at=None)
    monkeypatch.setattr("watchword.control.servers.rotation_commands._watched", lambda *_: stale)
    assert report("a", now=now) == 0
    assert asked_at() is None
    assert events("withdrawn_keys_named") == []


# ------------------------------------------------------------------------------------- history


def test_the_history_on_the_page_is_bounded_and_says_what_it_leaves_out() -> None:
    server = add(A)
    now = timezone.now()
    KeyHistory.objects.bulk_create(
        KeyHistory(
            server=server,
            kid=f"gone{number}",
            kty="EC",
            bits=256,
            thumbprint=f"{number:043}",
            first_seen_at=now - timedelta(days=30),
            last_seen_at=now - timedelta(minutes=number),
            withdrawn_at=now - timedelta(minutes=number),
        )
        for number in range(rotation.HISTORY_SHOWN + 5)
    )
    (row,) = list_servers("acme", now)
    assert [key.kid for key in row.withdrawn_keys] == [f"gone{number}" for number in range(rotation.HISTORY_SHOWN)]
    assert row.withdrawn_left_out == 5


def test_keys_that_were_withdrawn_long_ago_are_purged_and_keys_in_use_never() -> None:
    now = withdraw_a()
    assert purge_history(now + rotation.HISTORY_KEPT) == 0
    assert purge_history(now + rotation.HISTORY_KEPT + timedelta(seconds=1)) == 1
    assert [row.kid for row in KeyHistory.objects.all()] == ["b"]
