"""The Validate button against a real TLS server."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from kit import registrations
from kit.certificates import FROM_UNKNOWN_AUTHORITY
from kit.forge import ec_key, key_set
from kit.key_server import Canary, KeyServer, answers, serves
from kit.operator_policy import operator_allows
from kit.registrations import ALICE, BOB, CHARLIE, fields, stored_jwks
from watchword.control.base.actor import command_line
from watchword.control.base.refusals import Refusal
from watchword.control.servers import receipt
from watchword.control.servers.commands import AddServer
from watchword.control.servers.models import KeySetState, Validation
from watchword.control.servers.validate import ATTEMPTS, BeginValidation, validate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from watchword.control.base.actor import Actor

pytestmark = [pytest.mark.django_db, pytest.mark.enable_socket]


@pytest.fixture(autouse=True)
def acme() -> None:
    registrations.organization("acme")


@pytest.fixture
def server() -> Iterator[KeyServer]:
    with (
        KeyServer(serves(key_set(ec_key("first")), etag='"v1"', headers={"Cache-Control": "max-age=120"})) as running,
        operator_allows(running.policy()),
    ):
        yield running


def test_a_good_location_earns_a_receipt_and_its_keys_are_stored(server: KeyServer) -> None:
    findings, proof = validate(ALICE, "acme", server.location, verify_certificate=True)
    assert findings.succeeded
    assert proof is not None
    stored = Validation.objects.get()
    assert receipt.read(proof, now=timezone.now().timestamp()).validation == stored.pk
    assert (stored.location, stored.etag, stored.max_age) == (server.location, '"v1"', 120)
    assert stored.certificate_expires_at == findings.certificate_expires_at is not None
    assert [jwk["kid"] for jwk in stored_jwks(stored)] == ["first"]


def test_what_was_validated_can_be_saved(server: KeyServer) -> None:
    _, proof = validate(ALICE, "acme", server.location, verify_certificate=True)
    AddServer(
        organization_id="acme", fields=fields(jwks_location=server.location), receipt=proof or ""
    ).run(ALICE)  # fmt: skip
    state = KeySetState.objects.get()
    assert state.etag == '"v1"'
    assert state.certificate_expires_at is not None
    assert 50 < (state.due_at - timezone.now()).total_seconds() < 140


def test_a_failing_location_earns_none() -> None:
    with KeyServer(answers(500)) as broken, operator_allows(broken.policy()):
        findings, proof = validate(ALICE, "acme", broken.location, verify_certificate=True)
    assert not findings.succeeded
    assert proof is None
    assert Validation.objects.get().document is None


@pytest.mark.parametrize("location", ["", "http://login.acme.example/keys", "x" * 5000, "https://\x00/"])
def test_invalid_location_opens_no_connection(server: KeyServer, location: str) -> None:
    findings, proof = validate(ALICE, "acme", location, verify_certificate=True)
    assert findings.problem is not None
    assert proof is None
    assert server.connections == 0


def test_an_unknown_authority_passes_only_without_certificate_validation() -> None:
    with (
        KeyServer(serves(key_set(ec_key("first"))), FROM_UNKNOWN_AUTHORITY) as unknown,
        operator_allows(unknown.policy()),
    ):
        assert validate(ALICE, "acme", unknown.location, verify_certificate=True)[1] is None
        _, proof = validate(ALICE, "acme", unknown.location, verify_certificate=False)
    assert proof is not None
    assert not receipt.read(proof, now=timezone.now().timestamp()).verify_certificate


@pytest.mark.parametrize(
    ("actor", "lock", "code"),
    [
        (BOB, None, "permission_missing"),
        (command_line(), None, "permission_missing"),
        (CHARLIE, None, "not_found"),
        (ALICE, registrations.expire, "subscription_inactive"),
        (ALICE, registrations.suspend, "organization_suspended"),
    ],
)
def test_validation_without_permission_opens_no_connection(
    server: KeyServer, actor: Actor, lock: Callable[[], None] | None, code: str
) -> None:
    if lock is not None:
        lock()
    with pytest.raises(Refusal) as refused:
        validate(actor, "acme", server.location, verify_certificate=True)
    assert refused.value.code == code
    assert server.connections == 0
    assert not Validation.objects.exists()


def test_an_organization_that_is_gone_is_not_found() -> None:
    with pytest.raises(Refusal) as refused:
        BeginValidation(organization_id="globex").run(CHARLIE, timezone.now())
    assert refused.value.code == "not_found"


def test_validation_is_limited_to_ten_attempts_a_minute(server: KeyServer) -> None:
    now = timezone.now()
    for number in range(ATTEMPTS):
        BeginValidation(organization_id="acme").run(ALICE, now - timedelta(seconds=50 - number))
    with pytest.raises(Refusal) as refused:
        validate(ALICE, "acme", server.location, verify_certificate=True)
    assert (refused.value.code, refused.value.status) == ("too_many_requests", 429)
    # The oldest attempt counts for 10 more seconds, less the time that this test has taken.
    seconds = refused.value.details["seconds"]
    assert isinstance(seconds, int)
    assert 0 < seconds <= 10
    assert server.connections == 0
    BeginValidation(organization_id="acme").run(ALICE, now + timedelta(seconds=11))


def test_one_organizations_attempts_are_not_counted_against_another(server: KeyServer) -> None:
    registrations.organization("globex")
    for _ in range(ATTEMPTS):
        BeginValidation(organization_id="acme").run(ALICE, timezone.now())
    assert validate(CHARLIE, "globex", server.location, verify_certificate=True)[1] is not None


def test_an_address_that_is_not_public_is_never_connected_to() -> None:
    with Canary() as canary:
        policy: dict[str, Any] = {"allowed_networks": (), "allowed_ports": frozenset({canary.port})}
        with KeyServer(answers(200)) as other, operator_allows(other.policy(**policy)):
            findings, proof = validate(
                ALICE, "acme", f"https://127.0.0.1:{canary.port}/keys", verify_certificate=True
            )  # fmt: skip
        assert findings.problem is not None
        assert proof is None
        assert canary.count() == 0
