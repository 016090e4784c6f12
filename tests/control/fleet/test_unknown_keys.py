from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from kit import registrations
from kit.forge import ec_key
from kit.people import NOW
from watchword.control.fleet.verifier_reports import (
    MAX_PAIRS,
    ReportRefused,
    UnknownKey,
    decode_report,
    force_refreshes,
)
from watchword.control.servers.forced_fetch_commands import force_for_repeated_key
from watchword.control.servers.models import KeyHistory, KeySetState

if TYPE_CHECKING:
    from datetime import datetime


def report(*pairs: object, schema: object = 1, **more: object) -> bytes:
    return json.dumps({"schema": schema, "pairs": pairs, **more}).encode()


def pair(organization: object = "acme", kid: object = "k2", **more: object) -> dict[str, object]:
    return {"organization": organization, "kid": kid, **more}


def test_a_report_is_a_set_of_pairs() -> None:
    assert decode_report(report(pair(), pair(), pair(kid=""))) == {UnknownKey("acme", "k2"), UnknownKey("acme", "")}
    assert decode_report(report(pair(repeated=True))) == {UnknownKey("acme", "k2", repeated=True)}
    assert decode_report(report(pair(repeated=False))) == {UnknownKey("acme", "k2")}
    assert decode_report(report()) == frozenset()
    assert len(decode_report(report(*(pair(kid=str(n)) for n in range(MAX_PAIRS))))) == MAX_PAIRS


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        report(schema=2),
        report(more=1),
        report(*(pair(kid=str(n)) for n in range(MAX_PAIRS + 1))),
        report("acme"),
        report(pair(organization=1)),
        report(pair(kid=None)),
        report(pair(more=1)),
        report(pair(repeated=1)),
        report(pair(repeated=None)),
        report({"organization": "acme"}),
        report(pair(organization="ac\0me")),
        b'{"schema": 1, "pairs": {}}',
        b'{"schema": 1, "schema": 1, "pairs": []}',
    ],
)
def test_anything_else_is_refused(bad: bytes) -> None:
    with pytest.raises(ReportRefused):
        decode_report(bad)


def admitted() -> str:
    document = KeySetState.objects.get().document
    assert document is not None
    kid: str = document[0]["kid"]
    return kid


@pytest.mark.django_db
def test_a_missing_key_brings_the_fetch_forward_once() -> None:
    registrations.organization("acme")
    registrations.organization("globex")
    server = registrations.add(ec_key("known"))
    kid = admitted()

    assert force_refreshes(keys(("acme", kid)), NOW) == 0
    assert force_refreshes(keys(("globex", "x"), ("nowhere", "x")), NOW) == 0
    assert KeySetState.objects.get(server=server).forced_at is None

    assert force_refreshes(keys(("acme", kid), ("acme", "new"), ("acme", "newer")), NOW) == 1
    assert KeySetState.objects.get(server=server).forced_at == NOW
    assert force_refreshes(keys(("acme", "new")), NOW) == 0


def keys(*pairs: tuple[str, str], repeated: bool = False) -> frozenset[UnknownKey]:
    return frozenset(UnknownKey(organization, kid, repeated) for organization, kid in pairs)


def fetched(at: datetime) -> None:
    """As if the fetch that was asked for had found the same keys at `at`."""
    KeySetState.objects.update(attempted_at=at, due_at=at + timedelta(seconds=300))


@pytest.mark.django_db
def test_j16_repeated_kid_is_fetched_despite_random_kids() -> None:
    registrations.organization("acme")
    registrations.add(ec_key("known"))
    fetched(NOW)
    later = NOW + timedelta(seconds=1)
    assert force_refreshes(keys(("acme", "made-up")), NOW) == 1
    fetched(NOW)
    assert force_refreshes(keys(("acme", "made-up-too")), later) == 0
    assert force_refreshes(keys(("acme", "new"), repeated=True), later) == 1
    state = KeySetState.objects.get()
    assert state.due_at < later
    assert state.forced_at == NOW


@pytest.mark.django_db
def test_j16_repeated_kids_are_limited_too() -> None:
    registrations.organization("acme")
    registrations.add(ec_key("known"))
    made_up = keys(("acme", "made-up"), repeated=True)
    granted = []
    for halves in range(1, 120):
        now = NOW + timedelta(seconds=halves / 2)
        KeySetState.objects.update(forced_at=now)
        if force_refreshes(made_up, now):
            granted.append(halves / 2)
            fetched(now)
    # Four at once, half a second apart, then one in ten seconds.
    assert granted[:4] == [0.5, 1.0, 1.5, 2.0]
    assert granted[4:] == [10.5, 20.5, 30.5, 40.5, 50.5]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "busy",
    [
        {"due_at": NOW},
        {"lease_until": NOW + timedelta(seconds=5), "lease_holder": "one"},
        {"attempted_at": NOW - timedelta(seconds=0.4)},
    ],
    ids=["due", "under way", "just begun"],
)
def test_allowance_is_not_spent_while_fetch_is_due(busy: dict[str, Any]) -> None:
    registrations.organization("acme")
    registrations.add(ec_key("known"))
    fetched(NOW - timedelta(seconds=10))
    KeySetState.objects.update(forced_at=NOW, **busy)
    assert force_refreshes(keys(("acme", "new"), repeated=True), NOW) == 0
    assert KeySetState.objects.get().spent_until is None


@pytest.mark.django_db
def test_repeated_kid_forces_only_the_enabled_server() -> None:
    registrations.organization("acme")
    assert not force_for_repeated_key("acme", NOW)
    registrations.add(ec_key("known"), enabled=False)
    fetched(NOW - timedelta(seconds=10))
    assert not force_for_repeated_key("acme", NOW)


@pytest.mark.django_db
def test_reported_withdrawn_key_is_marked() -> None:
    registrations.organization("acme")
    server = registrations.add(ec_key("known"))
    gone = KeyHistory.objects.create(
        server=server,
        kid="gone",
        kty="EC",
        bits=256,
        thumbprint="x" * 43,
        first_seen_at=NOW - timedelta(days=9),
        last_seen_at=NOW - timedelta(hours=1),
        withdrawn_at=NOW - timedelta(hours=1),
    )
    assert force_refreshes(keys(("acme", "gone"), ("acme", "made-up")), NOW) == 1
    gone.refresh_from_db()
    assert gone.asked_at == NOW
