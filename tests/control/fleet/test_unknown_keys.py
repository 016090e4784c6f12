from __future__ import annotations

import json
from datetime import timedelta

import pytest

from kit import registrations
from kit.forge import ec_key
from kit.people import NOW
from watchword.control.fleet.unknown_keys import MAX_PAIRS, ReportRefused, decode_report, force_refreshes
from watchword.control.servers.models import KeyHistory, KeySetState


def report(*pairs: object, schema: object = 1, **more: object) -> bytes:
    return json.dumps({"schema": schema, "pairs": pairs, **more}).encode()


def pair(organization: object = "acme", kid: object = "k2", **more: object) -> dict[str, object]:
    return {"organization": organization, "kid": kid, **more}


def test_a_report_is_a_set_of_pairs() -> None:
    assert decode_report(report(pair(), pair(), pair(kid=""))) == {("acme", "k2"), ("acme", "")}
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

    assert force_refreshes(frozenset({("acme", kid)}), NOW) == 0
    assert force_refreshes(frozenset({("globex", "x"), ("nowhere", "x")}), NOW) == 0
    assert KeySetState.objects.get(server=server).forced_at is None

    assert force_refreshes(frozenset({("acme", kid), ("acme", "new"), ("acme", "newer")}), NOW) == 1
    assert KeySetState.objects.get(server=server).forced_at == NOW
    assert force_refreshes(frozenset({("acme", "new")}), NOW) == 0


@pytest.mark.django_db
def test_a_withdrawn_key_that_is_named_is_noted_for_the_rotation_watch() -> None:
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
    assert force_refreshes(frozenset({("acme", "gone"), ("acme", "made-up")}), NOW) == 1
    gone.refresh_from_db()
    assert gone.asked_at == NOW
