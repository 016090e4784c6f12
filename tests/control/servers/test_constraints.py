"""The invariants, tested by going around the commands: the database itself must refuse."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.db import DataError, IntegrityError, connection, transaction
from django.utils import timezone

from kit.forge import ec_key
from kit.registrations import LOCATION, add, at, organization
from watchword.control.servers.models import AuthorizationServer, KeyHistory, KeySetState, Validation

pytestmark = pytest.mark.django_db

REFUSED = (IntegrityError, DataError)
"""PostgreSQL calls a text that is too long for its column a data error."""


def row(**changes: Any) -> AuthorizationServer:
    now = timezone.now()
    good: dict[str, Any] = {
        "organization_id": "acme",
        "slot": 1,
        "enabled": False,
        "name": "ProdOkta",
        "jwks_location": LOCATION,
        "verify_certificate": True,
        "accepts_bound_tokens": False,
        "created_at": now,
        "created_by": "alice",
        "updated_at": now,
        "updated_by": "alice",
    }
    return AuthorizationServer(**{**good, **changes})


@pytest.fixture(autouse=True)
def acme() -> None:
    organization("acme")


def test_p05_a_plain_row_with_the_longest_name_is_accepted() -> None:
    row(name="A" * 64, description="é" * 256, audience="x", issuer=None, client_id="x" * 2048).save()


@pytest.mark.parametrize(
    "changes",
    [
        {"slot": 0},
        {"slot": 3},
        {"description": "x" * 257},
        {"jwks_location": "http://login.acme.example/keys"},
        {"jwks_location": "https://login.acme.example/keys\n"},
        {"jwks_location": "x\nhttps://login.acme.example/keys"},
        {"jwks_location": "https://"},
        {"jwks_location": "https://login.acme.example/" + "x" * 2048},
        {"audience": ""},
        {"issuer": ""},
        {"client_id": ""},
        {"audience": "x" * 2049},
        {"issuer": "x" * 2049},
        {"client_id": "x" * 2049},
        {"version": 0},
        {"accepts_bound_tokens": None},
        *({"required_role": role} for role in ("", "a" * 17, "Orders-1", "Orders\n", "Ord\u00e9rs", " Orders")),
    ],
)
def test_a_faulty_row_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(REFUSED), transaction.atomic():
        row(**changes).save()
    assert not AuthorizationServer.objects.exists()


@pytest.mark.parametrize(
    "name", ["", "Prod Okta", "ProdOkta\n", "\nProdOkta", "Prod\nOkta", "Café", "Prod٣", "Prod\u212a", "A" * 65]
)
def test_p05_database_refuses_other_names(name: str) -> None:
    with pytest.raises(REFUSED), transaction.atomic():
        row(name=name).save()
    assert not AuthorizationServer.objects.exists()


def test_raw_sql_is_refused_as_well() -> None:
    row().save()
    with pytest.raises(REFUSED), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE servers_authorizationserver SET name = %s", ["Prod Okta\n"])
    with pytest.raises(REFUSED), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE servers_authorizationserver SET issuer = ''")


def test_third_server_is_refused() -> None:
    row(slot=1, name="One").save()
    row(slot=2, name="Two").save()
    for slot in (1, 2, 3):
        with pytest.raises(REFUSED), transaction.atomic():
            row(slot=slot, name="Three").save()


def test_only_one_can_be_enabled() -> None:
    row(slot=1, name="One", enabled=True).save()
    with pytest.raises(REFUSED), transaction.atomic():
        row(slot=2, name="Two", enabled=True).save()
    row(slot=2, name="Two", enabled=False).save()
    with pytest.raises(REFUSED), transaction.atomic():
        AuthorizationServer.objects.update(enabled=True)


def test_every_organization_has_its_own_places() -> None:
    organization("globex")
    row(slot=1, name="One", enabled=True).save()
    row(slot=1, name="One", enabled=True, organization_id="globex").save()


def test_names_differ_in_more_than_case() -> None:
    row(slot=1, name="ProdOkta").save()
    with pytest.raises(REFUSED), transaction.atomic():
        row(slot=2, name="prodoktA").save()


@pytest.mark.parametrize(
    "changes",
    [
        {"document": []},
        {"document": None},
        {"fetched_at": None},
        {"good_until": None},
        {"failures": 1},
        {"failing_since": at(0)},
        {"problem": "timed_out"},
        {"lease_until": at(0)},
        {"lease_holder": "somebody"},
    ],
)
def test_key_set_state_is_consistent(changes: dict[str, Any]) -> None:
    state = KeySetState.objects.get(server=add(ec_key("first")))
    with pytest.raises(REFUSED), transaction.atomic():
        KeySetState.objects.filter(pk=state.pk).update(**changes)


@pytest.mark.parametrize("kid", ["first", None])
def test_a_key_has_one_row_of_history(kid: str | None) -> None:
    server = row()
    server.save()
    seen = {"server": server, "kid": kid, "kty": "EC", "bits": 256, "thumbprint": "t" * 43}
    KeyHistory.objects.create(**seen, first_seen_at=at(0), last_seen_at=at(0))
    with pytest.raises(REFUSED), transaction.atomic():
        KeyHistory.objects.create(**seen, first_seen_at=at(1), last_seen_at=at(1))


def test_validation_never_has_an_empty_key_set() -> None:
    with pytest.raises(REFUSED), transaction.atomic():
        Validation.objects.create(
            id=uuid4(),
            organization_id="acme",
            location=LOCATION,
            verify_certificate=True,
            document=[],
            created_at=at(0),
        )
