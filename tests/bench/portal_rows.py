"""Many organizations as rows of the portal's database, for `pages.py` and `management_api.py`; imported only once
Django is set up."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from django.db import connection

from bench.tokens import CLOUD_NAME, LIFETIME_SECONDS
from kit import forge
from kit.people import operator
from kit.sample_portal import session_of
from watchword.control.base.actor import ApiCategory
from watchword.control.fleet.models import VerifierCredential
from watchword.control.identity.api_models import KEY_PREFIX, ApiKey, ApiRole, secret_hash
from watchword.control.organizations.models import Organization, Subscription, Suspension
from watchword.control.servers.models import AuthorizationServer, KeyHistory, KeySetState

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from django.db.models import Model

BATCH: Final = 5_000
VERIFIERS: Final = 200
KEY: Final = forge.rsa_key("bench").named("new")
"""Of every server."""

OLD_MODULUS: Final = f"{'n' * 341}w"
"""Of 2048 bits and odd, so that the key is used."""


def id_of(number: int) -> str:
    return f"customer-{number:06d}"


def session() -> str:
    """The cookie of an operator who has just signed in."""
    return session_of(operator())


def fill(organizations: int) -> None:
    now = datetime.now(UTC)
    _store(_organizations(organizations, now))
    _store(_subscriptions(organizations, now))
    _store(_suspensions(organizations, now))
    servers = list(_servers(organizations, now))
    _store(servers)
    _store_key_sets(servers, now)
    _store_key_history(now)
    _store(
        VerifierCredential(
            name=f"verifier-{number}", secret_hash=f"{number:064x}", created_at=now, last_seen_at=now, last_revision=1
        )
        for number in range(VERIFIERS)
    )


def fill_api_keys(organizations: int) -> None:
    """One for each organization, of a role that may do everything; see `secret_of`."""
    now = datetime.now(UTC)
    rights = dict.fromkeys(ApiCategory.values, "full")
    roles = [ApiRole(organization_id=id_of(number), name="Deployer", rights=rights) for number in range(organizations)]
    _store(roles)
    _store(
        ApiKey(
            organization_id=role.organization_id,
            api_role=role,
            name="ci",
            secret_hash=secret_hash(secret_of(number)),
            created_at=now,
            created_by="alice",
            expires_at=now + timedelta(days=90),
        )
        for number, role in enumerate(roles)
    )


def secret_of(number: int) -> str:
    """The API key of an organization."""
    return f"{KEY_PREFIX}{number:043d}"


def token_of(number: int) -> str:
    """An access token of the organization's enabled server."""
    now = int(time.time())
    claims = forge.claims(
        iss=issuer_of(number),
        scope=f"{CLOUD_NAME}::{id_of(number)}::Deployer",
        iat=now,
        exp=now + LIFETIME_SECONDS,
    )
    return forge.token(KEY, "RS256", payload=claims)


def issuer_of(number: int) -> str:
    return f"https://login-{number}.example/"


def _store(rows: Iterable[Model]) -> None:
    remaining = iter(rows)
    while batch := list(islice(remaining, BATCH)):
        type(batch[0])._default_manager.bulk_create(batch)


def _organizations(organizations: int, now: datetime) -> Iterator[Model]:
    for number in range(organizations):
        yield Organization(id=id_of(number), name=f"Customer number {number} of the API", created_at=now)


def _subscriptions(organizations: int, now: datetime) -> Iterator[Model]:
    """Of fifty: five expired, two not started, one without; the others end on every day of two years."""
    for number in range(organizations):
        starts, ends = -400, 1 + number % 730
        if number % 50 == 0:
            continue
        if number % 50 < 6:
            ends = -1 - number % 300
        elif number % 50 < 8:
            starts, ends = 1 + number % 60, 400
        yield Subscription(
            organization_id=id_of(number),
            starts_at=now + timedelta(days=starts),
            expires_at=now + timedelta(days=ends, seconds=number),
            api_call_threshold=1_000_000,
        )


def _suspensions(organizations: int, now: datetime) -> Iterator[Model]:
    """One organization in a hundred is suspended, another one was."""
    for number in range(0, organizations, 50):
        lifted = number % 100 == 0
        yield Suspension(
            organization_id=id_of(number),
            reason="terms_violated",
            reference=f"R{number}",
            started_at=now,
            started_by="operator",
            lifted_at=now if lifted else None,
            lifted_by="operator" if lifted else None,
        )


def _servers(organizations: int, now: datetime) -> Iterator[Any]:
    for number in range(organizations):
        for slot, name in ((1, "ProdOkta"), (2, "Standby")):
            yield AuthorizationServer(
                organization_id=id_of(number),
                slot=slot,
                enabled=slot == 1,
                name=name,
                jwks_location=f"https://login-{number}.example/oauth2/{slot}/keys",
                verify_certificate=True,
                accepts_bound_tokens=False,
                issuer=issuer_of(number),
                audience="https://api.example/",
                created_at=now,
                created_by="alice",
                updated_at=now,
                updated_by="alice",
            )


def _store_key_sets(servers: Sequence[Any], now: datetime) -> None:
    """One in a hundred fails."""
    old = {"kty": "RSA", "kid": "old", "alg": "RS256", "n": OLD_MODULUS, "e": "AQAB"}
    document = [KEY.jwk(alg="RS256"), old]
    _store(
        KeySetState(
            server=servers[number],
            document=document,
            fetched_at=now - timedelta(minutes=20),
            good_until=now + timedelta(hours=23),
            due_at=now + timedelta(minutes=3),
            failing_since=now - timedelta(seconds=number),
            failures=1,
            problem="host_not_found",
        )
        for number in range(0, len(servers), 100)
    )
    _store_for_each_server(
        KeySetState,
        f"id NOT IN (SELECT server_id FROM {KeySetState._meta.db_table})",  # noqa: S608 - our own name.
        document=json.dumps(document),
        fetched_at=now - timedelta(minutes=2),
        good_until=now + timedelta(hours=23),
        due_at=now + timedelta(minutes=3),
        failures=0,
        fetch_number=0,
    )


def _store_key_history(now: datetime) -> None:
    """Both keys of each server."""
    for kid in ("old", "new"):
        columns = {"kid": kid, "kty": "RSA", "alg": "RS256", "bits": 2048, "thumbprint": f"{kid:x>43}"}
        _store_for_each_server(KeyHistory, "TRUE", **columns, first_seen_at=now, last_seen_at=now)


def _store_for_each_server(model: type[Model], where: str, **columns: Any) -> None:
    """Store the same row for each server, in one statement, because these are the most rows by far."""
    table, servers = model._meta.db_table, AuthorizationServer._meta.db_table
    values = ", ".join("%s" for _ in columns)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} (server_id, {', '.join(columns)}) SELECT id, {values} FROM {servers} WHERE {where}",  # noqa: S608 - our own names.
            list(columns.values()),
        )
