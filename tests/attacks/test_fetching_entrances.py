"""The five ways to make this service open a connection, and secrets in locations: J-01 and J-07.

Validate, Find from issuer, Save, the scheduled and the forced refresh all go through one guard. A canary listens at
the internal address that the location means, and must never be connected to.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from kit import forge, registrations
from kit.key_server import Canary
from kit.operator_policy import operator_allows
from kit.registrations import ALICE, SETTINGS, add, events, fields, make_due, stored_jwks
from watchword.control.base.refusals import Refusal
from watchword.control.servers.commands import AddServer, EditServer
from watchword.control.servers.forced_fetch_commands import force_for_unknown_key
from watchword.control.servers.key_set_commands import claim_due
from watchword.control.servers.models import AuthorizationServer, KeySetState, Validation
from watchword.control.servers.queries import list_servers
from watchword.control.servers.validate import find_metadata, validate
from watchword.jwks.fetch import FetchPolicy
from watchword.jwks.problem import Problem
from watchword.outbound.address import parse_location
from watchword.worker.loop import Worker

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("committing"),
    pytest.mark.enable_socket,
]

INTERNAL = ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "keys.acme.example"]
"""The last is the attacker's own name, whose address turned internal after it had been validated."""


def policy_for(canary: Canary) -> FetchPolicy:
    """Nothing internal is allowed, only the canary's port."""
    return FetchPolicy(
        allowed_ports=frozenset({canary.port}), resolver=lambda _host, _port: ["127.0.0.1"], total_timeout=2
    )


@pytest.fixture(autouse=True)
def acme() -> None:
    registrations.organization("acme")


@pytest.fixture
def canary() -> Iterator[Canary]:
    with Canary() as listening, operator_allows(policy_for(listening)):
        yield listening


def location(host: str, canary: Canary) -> str:
    return parse_location(f"https://{host}:{canary.port}/keys").url


def fetch_what_is_due(canary: Canary) -> int:
    """As the worker does it: in a thread with connections of its own. Returns how many key sets were due."""
    worker = Worker(policy=policy_for(canary), refresh=SETTINGS)
    claims = claim_due(worker.holder, timezone.now(), 10)
    for claim in claims:
        thread = threading.Thread(target=worker.refresh, args=[claim])
        thread.start()
        thread.join(timeout=30)
    return len(claims)


@pytest.mark.parametrize("host", INTERNAL)
def test_j01_validate_refuses_internal_addresses(canary: Canary, host: str) -> None:
    for verify_certificate in (True, False):
        findings, proof = validate(ALICE, "acme", location(host, canary), verify_certificate=verify_certificate)
        assert findings.problem is Problem.ADDRESS_REFUSED
        assert proof is None
    assert canary.count() == 0
    assert not Validation.objects.filter(document__isnull=False).exists()


@pytest.mark.parametrize("host", INTERNAL)
def test_j01_find_from_issuer_refuses_internal_addresses(canary: Canary, host: str) -> None:
    for verify_certificate in (True, False):
        with pytest.raises(Refusal) as refused:
            find_metadata(ALICE, "acme", f"https://{host}:{canary.port}", verify_certificate=verify_certificate)
        assert refused.value.field_errors["issuer"].startswith(Problem.ADDRESS_REFUSED.sentence)
    assert canary.count() == 0


@pytest.mark.parametrize("host", INTERNAL)
def test_j01_save_refuses_internal_addresses(canary: Canary, host: str) -> None:
    wanted = fields(jwks_location=location(host, canary))
    kept = add(forge.ec_key("kept"), name="Kept")
    other = registrations.receipt()
    for proof in ("", "forged", other):
        with pytest.raises(Refusal):
            AddServer(organization_id="acme", fields=wanted, receipt=proof).run(ALICE)
        with pytest.raises(Refusal):
            EditServer(
                organization_id="acme",
                server_id=kept.pk,
                expected_version=kept.version,
                fields=replace(wanted, name="Kept"),
                receipt=proof,
            ).run(ALICE)
    assert canary.count() == 0
    assert AuthorizationServer.objects.get().jwks_location == kept.jwks_location


@pytest.mark.parametrize("forced", [False, True])
@pytest.mark.parametrize("host", INTERNAL)
def test_j01_refresh_refuses_internal_addresses(canary: Canary, host: str, forced: bool) -> None:  # noqa: FBT001
    add(forge.ec_key("kept"), jwks_location=location(host, canary))
    if forced:
        assert force_for_unknown_key("acme", timezone.now())
    else:
        make_due(KeySetState.objects.get(), timezone.now())
    assert fetch_what_is_due(canary) == 1
    state = KeySetState.objects.get()
    assert state.problem == Problem.ADDRESS_REFUSED.code
    assert [jwk["kid"] for jwk in stored_jwks(state)] == ["kept"]
    assert canary.count() == 0


def test_j07_token_in_the_location_is_used_but_not_shown(canary: Canary) -> None:
    """A person who may not edit sees in list, failure and audit log that there is a token, but not which."""
    server = add(jwks_location=f"{location('keys.acme.example', canary)}?token=geheim&v=2")
    assert server.jwks_location.endswith("?token=geheim&v=2")
    make_due(KeySetState.objects.get(), timezone.now())
    assert fetch_what_is_due(canary) == 1
    (row,) = list_servers("acme", timezone.now())
    assert row.jwks_location.endswith("/keys?token=…&v=…")
    findings, _ = validate(ALICE, "acme", server.jwks_location, verify_certificate=True)
    assert events()
    for told in (row, findings, [event.changes for event in events()]):
        assert "geheim" not in repr(told)
