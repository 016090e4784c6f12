from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from kit import registrations
from kit.forge import ec_key, rsa_key
from kit.registrations import (
    ALICE,
    BOB,
    CHARLIE,
    LOCATION,
    OTHER_LOCATION,
    SETTINGS,
    add,
    events,
    fields,
    found,
    receipt,
    revision,
)
from watchword.control.base.actor import command_line
from watchword.control.base.refusals import Refusal, RefusalReason
from watchword.control.servers.commands import (
    AddServer,
    DeleteServer,
    DisableServer,
    EditServer,
    EnableServer,
    RequestRefresh,
)
from watchword.control.servers.conflicts import explained_conflicts
from watchword.control.servers.key_set_commands import Recorded, claim_due, record_findings
from watchword.control.servers.models import AuthorizationServer, KeyHistory, KeySetState, Validation
from watchword.control.servers.shown_location import shown_location
from watchword.control.servers.trust import trust_of
from watchword.core.trust import ANY

if TYPE_CHECKING:
    from collections.abc import Callable

    from watchword.control.base.actor import Actor

pytestmark = pytest.mark.django_db

NOWHERE = UUID("00000000-0000-4000-8000-000000000000")


@pytest.fixture(autouse=True)
def acme() -> None:
    registrations.organization("acme")


def add_server(proof: str, **changes: Any) -> AddServer:
    return AddServer(organization_id="acme", fields=fields(**changes), receipt=proof)


def edit(server: AuthorizationServer, proof: str = "", version: int | None = None, **changes: Any) -> EditServer:
    return EditServer(
        organization_id="acme",
        server_id=server.pk,
        expected_version=server.version if version is None else version,
        fields=fields(**{"name": server.name, **changes}),
        receipt=proof,
    )


def code_of(run: Callable[[], object]) -> str:
    with pytest.raises(Refusal) as refused:
        run()
    return refused.value.code


# ------------------------------------------------------------------------------------------------ adding


def test_adding_registers_the_server_with_the_validated_keys() -> None:
    saved = add_server(receipt(ec_key("first")), client_id="").run(ALICE)
    server = AuthorizationServer.objects.get()
    assert (saved.server_id, saved.version, saved.disabled) == (server.pk, 1, None)
    assert (server.slot, server.enabled, server.client_id, server.created_by) == (1, True, None, ALICE.name)
    trust = trust_of("acme").server
    assert trust is not None
    assert [key.kid for key in trust.keys] == ["first"]
    assert (trust.issuer, trust.client_id) == ("https://login.acme.example/", ANY)
    assert trust.keys_good_until == pytest.approx(timezone.now().timestamp() + 86_400, abs=5)


def test_adding_is_audited_with_every_field_and_the_keys() -> None:
    add(ec_key("first"), jwks_location=f"{LOCATION}?token=geheim")
    (event,) = events("server_added")
    assert (event.actor, event.target, event.address) == (ALICE.name, "ProdOkta", ALICE.address)
    assert event.changes["name"] == [None, "ProdOkta"]
    assert event.changes["enabled"] == [None, True]
    assert event.changes["keys_added"][1].startswith("first (")
    assert "client_id" not in event.changes
    assert "geheim" not in str(event.changes)


def test_adding_publishes_trust() -> None:
    add()
    assert revision() >= 1


def test_adding_an_enabled_server_disables_the_other_and_says_so() -> None:
    first = add(name="First")
    saved = add_server(receipt(), name="Second").run(ALICE)
    assert saved.disabled == "First"
    first.refresh_from_db()
    assert (first.enabled, first.version) == (False, 2)
    assert [(event.action, event.target) for event in events()][-2:] == [
        ("server_disabled", "First"),
        ("server_added", "Second"),
    ]


def test_adding_a_disabled_server_leaves_the_other_enabled() -> None:
    add(name="First")
    assert add_server(receipt(), name="Second", enabled=False).run(ALICE).disabled is None
    trust = trust_of("acme").server
    assert trust is not None
    assert trust.name == "First"


def test_a_third_server_is_refused() -> None:
    add(name="First")
    add(name="Second")
    assert code_of(lambda: add_server(receipt(), name="Third").run(ALICE)) == "slots_used_up"


def test_a_freed_place_is_used_again() -> None:
    first = add(name="First")
    add(name="Second")
    DeleteServer(organization_id="acme", server_id=first.pk).run(ALICE)
    assert add(name="Third").slot == 1


def test_name_is_unique_ignoring_case() -> None:
    add(name="ProdOkta")
    with pytest.raises(Refusal) as refused:
        add_server(receipt(), name="PRODOKTA").run(ALICE)
    assert refused.value.code == "name_taken"
    assert "PRODOKTA" in refused.value.field_errors["name"]


def test_faulty_fields_are_named_all_at_once_and_nothing_is_saved() -> None:
    with pytest.raises(Refusal) as refused:
        add_server(receipt(), name="Prod Okta", description="x" * 257, jwks_location="http://x.example/").run(ALICE)
    assert refused.value.code == "fields_invalid"
    assert set(refused.value.field_errors) == {"name", "description", "jwks_location"}
    assert "https://" in refused.value.field_errors["jwks_location"]
    assert not AuthorizationServer.objects.exists()
    assert events() == []


# ------------------------------------------------------------------------------------------------ receipts: J-26


def test_saving_without_validation_is_refused() -> None:
    with pytest.raises(Refusal) as refused:
        add_server("").run(ALICE)
    assert refused.value.code == "validation_missing"
    assert "Validate" in refused.value.field_errors["jwks_location"]


def test_a_receipt_for_another_location_is_refused() -> None:
    proof = receipt(location=OTHER_LOCATION)
    assert code_of(lambda: add_server(proof).run(ALICE)) == "validation_for_other_location"


def test_a_receipt_for_another_certificate_setting_is_refused() -> None:
    proof = receipt(verify_certificate=False)
    assert code_of(lambda: add_server(proof).run(ALICE)) == "validation_for_other_location"


def test_a_receipt_of_another_organization_is_refused() -> None:
    registrations.organization("globex")
    proof = receipt(actor=CHARLIE)
    assert code_of(lambda: add_server(proof).run(ALICE)) == "validation_missing"


def test_an_old_receipt_is_refused() -> None:
    proof = receipt(at=timezone.now() - timedelta(minutes=10))
    assert code_of(lambda: add_server(proof).run(ALICE)) == "validation_expired"


def test_receipt_of_purged_validation_is_refused() -> None:
    proof = receipt()
    Validation.objects.all().delete()
    assert code_of(lambda: add_server(proof).run(ALICE)) == "validation_expired"


def test_a_validation_whose_keys_are_no_longer_admitted_is_refused() -> None:
    proof = receipt()
    Validation.objects.update(document=[{"kty": "oct", "kid": "first"}])
    assert code_of(lambda: add_server(proof).run(ALICE)) == "validation_expired"


def test_a_location_may_be_spelled_differently_from_what_was_validated() -> None:
    add_server(receipt(location=LOCATION), jwks_location="HTTPS://LOGIN.acme.example:443/keys").run(ALICE)
    assert AuthorizationServer.objects.get().jwks_location == LOCATION


# ------------------------------------------------------------------------------------------------ editing


def test_an_edit_of_other_fields_needs_no_receipt_and_keeps_the_keys() -> None:
    server = add(ec_key("first"))
    saved = edit(server, name="StagingOkta", issuer="", client_id="batch").run(ALICE)
    assert (saved.version, saved.disabled) == (2, None)
    trust = trust_of("acme").server
    assert trust is not None
    assert (trust.name, trust.issuer, trust.client_id) == ("StagingOkta", ANY, "batch")
    assert [key.kid for key in trust.keys] == ["first"]
    (event,) = events("server_edited")
    assert event.changes == {
        "name": ["ProdOkta", "StagingOkta"],
        "issuer": ["https://login.acme.example/", None],
        "client_id": [None, "batch"],
    }


def test_an_edit_may_change_the_case_of_its_own_name() -> None:
    assert edit(add(), name="PRODOKTA").run(ALICE).version == 2


def test_an_edit_cannot_take_the_other_servers_name() -> None:
    add(name="First")
    assert code_of(lambda: edit(add(name="Second"), name="first").run(ALICE)) == "name_taken"


@pytest.mark.parametrize("changes", [{"jwks_location": OTHER_LOCATION}, {"verify_certificate": False}])
def test_a_changed_location_or_certificate_setting_needs_a_receipt(changes: dict[str, Any]) -> None:
    server = add()
    assert code_of(lambda: edit(server, **changes).run(ALICE)) == "validation_missing"
    proof = receipt()
    assert code_of(lambda: edit(server, proof, **changes).run(ALICE)) == "validation_for_other_location"


def test_with_a_changed_location_the_old_keys_go_at_once() -> None:
    server = add(ec_key("old"))
    edit(server, receipt(ec_key("new"), location=OTHER_LOCATION), jwks_location=OTHER_LOCATION).run(ALICE)
    trust = trust_of("acme").server
    assert trust is not None
    assert [key.kid for key in trust.keys] == ["new"]
    assert KeyHistory.objects.get(kid="old").withdrawn_at is not None
    (event,) = events("server_edited")
    assert event.changes["jwks_location"] == [LOCATION, OTHER_LOCATION]
    assert event.changes["keys_removed"][0].startswith("old (")


def test_field_h_a_changed_secret_in_the_location_is_audited_without_being_shown() -> None:
    server = add(jwks_location=f"{LOCATION}?token=one")
    location = f"{LOCATION}?token=two"
    edit(server, receipt(location=location), jwks_location=location).run(ALICE)
    (event,) = events("server_edited")
    shown = [
        f"{LOCATION}?token=… (hidden part: {shown_location(f'{LOCATION}?token={v}').mark})" for v in ("one", "two")
    ]
    assert event.changes["jwks_location"] == shown
    assert shown[0] != shown[1]


def test_a_fetch_of_the_old_location_that_ends_late_changes_nothing() -> None:
    server = add(ec_key("old"))
    now = timezone.now()
    registrations.make_due(KeySetState.objects.get(), now)
    (claim,) = claim_due("one", now, 1)
    edit(server, receipt(ec_key("new"), location=OTHER_LOCATION), jwks_location=OTHER_LOCATION).run(ALICE)
    assert record_findings(claim, found(rsa_key("late")), now, SETTINGS) is Recorded.SUPERSEDED
    trust = trust_of("acme").server
    assert trust is not None
    assert [key.kid for key in trust.keys] == ["new"]


def test_a_stale_edit_is_refused_with_who_and_when() -> None:
    server = add()
    edit(server, description="first").run(ALICE)
    with pytest.raises(Refusal) as refused:
        edit(server, version=1, description="second").run(ALICE)
    assert (refused.value.code, refused.value.status) == ("version_stale", 409)
    assert ALICE.name in refused.value.sentence
    assert str(timezone.now().year) in refused.value.sentence
    server.refresh_from_db()
    assert server.description == "first"


def test_an_edit_that_enables_disables_the_other() -> None:
    add(name="First", enabled=True)
    second = add(name="Second", enabled=False)
    assert edit(second, enabled=True).run(ALICE).disabled == "First"
    assert list(AuthorizationServer.objects.filter(enabled=True)) == [second]


# ------------------------------------------------------------------------------------------------ enabling, disabling


def test_enabling_disables_the_other_in_one_step() -> None:
    first = add(name="First")
    second = add(name="Second", enabled=False)
    before = revision()
    saved = EnableServer(organization_id="acme", server_id=second.pk, expected_version=1).run(ALICE)
    assert (saved.disabled, saved.version) == ("First", 2)
    first.refresh_from_db()
    assert not first.enabled
    assert revision() == before + 1
    assert [(event.action, event.changes) for event in events()][-2:] == [
        ("server_disabled", {"enabled": [True, False]}),
        ("server_enabled", {"enabled": [False, True]}),
    ]


def test_enabling_an_enabled_server_changes_nothing() -> None:
    server = add()
    saved = EnableServer(organization_id="acme", server_id=server.pk).run(ALICE)
    assert (saved.disabled, saved.version) == (None, 1)


def test_disabling_leaves_no_server_trusted() -> None:
    server = add()
    assert DisableServer(organization_id="acme", server_id=server.pk, expected_version=1).run(ALICE).version == 2
    assert trust_of("acme").server is None


def test_server_is_enabled_only_instead_of_the_expected_one() -> None:
    first = add(enabled=False)
    second = add(name="Second", enabled=False)

    def enable(server: AuthorizationServer, *expected: Any) -> None:
        EnableServer(organization_id="acme", server_id=server.pk, expected_enabled=expected).run(ALICE)

    with pytest.raises(Refusal) as refused:
        enable(second, first.pk, 1)
    assert refused.value.reason is RefusalReason.VERSION_STALE
    enable(first)
    for expected in ((), (first.pk, 1), (second.pk, 2)):
        with pytest.raises(Refusal) as refused:
            enable(second, *expected)
        assert refused.value.reason is RefusalReason.VERSION_STALE
    enable(second, first.pk, 2)
    assert AuthorizationServer.objects.get(enabled=True) == second


def test_a_stale_switch_is_refused() -> None:
    server = add()
    for command in (EnableServer, DisableServer, DeleteServer):
        stale = command(organization_id="acme", server_id=server.pk, expected_version=7)
        assert code_of(lambda stale=stale: stale.run(ALICE)) == "version_stale"  # type: ignore[misc]


# ------------------------------------------------------------------------------------------------ deleting


def test_deleting_removes_the_server_its_keys_and_their_history() -> None:
    server = add(ec_key("first"))
    DeleteServer(organization_id="acme", server_id=server.pk, expected_version=1).run(ALICE)
    assert not AuthorizationServer.objects.exists()
    assert not KeySetState.objects.exists()
    assert not KeyHistory.objects.exists()
    assert trust_of("acme").server is None
    (event,) = events("server_deleted")
    assert event.changes["name"] == ["ProdOkta", None]
    assert event.changes["keys_removed"][0].startswith("first (")


# ------------------------------------------------------------------------------------------------ refreshing


def test_refresh_now_makes_the_key_set_due_at_most_once_in_30_seconds() -> None:
    server = add()
    refresh = RequestRefresh(organization_id="acme", server_id=server.pk)
    refresh.run(ALICE)
    assert KeySetState.objects.get().due_at <= timezone.now()
    assert len(events("refresh_requested")) == 1
    with pytest.raises(Refusal) as refused:
        refresh.run(ALICE)
    assert (refused.value.code, refused.value.status) == ("too_many_requests", 429)
    KeySetState.objects.update(requested_at=timezone.now() - timedelta(seconds=30))
    refresh.run(ALICE)


# ------------------------------------------------------------------------------------------------ who may, and when


def every_command(server_id: UUID, proof: str) -> list[Any]:
    return [
        add_server(proof, name="Another"),
        EditServer(
            organization_id="acme", server_id=server_id, expected_version=1, fields=fields(description="x"), receipt=""
        ),
        EnableServer(organization_id="acme", server_id=server_id),
        DisableServer(organization_id="acme", server_id=server_id),
        DeleteServer(organization_id="acme", server_id=server_id),
        RequestRefresh(organization_id="acme", server_id=server_id),
    ]


@pytest.mark.parametrize("number", range(6))
@pytest.mark.parametrize(
    ("actor", "code"),
    [(BOB, "permission_missing"), (command_line(), "permission_missing"), (CHARLIE, "not_found")],
    ids=["role without API Key Management", "operator", "other organization"],
)
def test_only_api_key_management_of_the_organization_itself_may_change(actor: Actor, code: str, number: int) -> None:
    registrations.organization("globex")
    server = add()
    command = every_command(server.pk, receipt())[number]
    before = (revision(), len(events()))
    assert code_of(lambda: command.run(actor)) == code
    assert (revision(), len(events())) == (before[0], before[1] + 1)
    assert events()[-1].result == "refused"


@pytest.mark.parametrize("number", range(6))
@pytest.mark.parametrize(
    ("lock", "code"),
    [
        (registrations.expire, "subscription_inactive"),
        (registrations.suspend, "organization_suspended"),
    ],
)
def test_nothing_can_be_changed_without_entitlement(lock: Callable[[], None], code: str, number: int) -> None:
    server = add()
    command = every_command(server.pk, receipt())[number]
    lock()
    assert code_of(lambda: command.run(ALICE)) == code
    server.refresh_from_db()
    assert server.version == 1
    assert server.enabled


@pytest.mark.parametrize("number", range(1, 6))
def test_another_organizations_server_does_not_exist(number: int) -> None:
    """The same refusal as for an id that never was (M-11)."""
    registrations.organization("globex")
    foreign = add(actor=CHARLIE)
    for server_id in (foreign.pk, uuid4(), NOWHERE):
        command = every_command(server_id, "")[number]
        assert code_of(lambda command=command: command.run(ALICE)) == "not_found"  # type: ignore[misc]


# ------------------------------------------------------------------------------------- the refusals of the database


def test_a_conflict_that_only_the_database_noticed_is_explained() -> None:
    add(name="First")
    second = add(name="Second", enabled=False)

    def clash(**changes: Any) -> None:
        row = AuthorizationServer.objects.get(pk=second.pk)
        for name, value in changes.items():
            setattr(row, name, value)
        row.save(force_insert=row.pk != second.pk)

    cases: list[tuple[str, str | None, UUID | None, dict[str, Any]]] = [
        ("name_taken", "FIRST", second.pk, {"name": "FIRST"}),
        ("slots_used_up", "Third", None, {"pk": uuid4(), "name": "Third"}),
        ("version_stale", "Second", second.pk, {"enabled": True}),
    ]
    for code, name, server_id, changes in cases:
        with (
            pytest.raises(Refusal) as refused,
            explained_conflicts("acme", name=name, server_id=server_id),
            transaction.atomic(),
        ):
            clash(**changes)
        assert refused.value.code == code


def test_unexplained_constraint_violation_stays_an_error() -> None:
    server = add(name="First", enabled=False)
    with pytest.raises(IntegrityError), explained_conflicts("acme", server_id=server.pk), transaction.atomic():
        AuthorizationServer.objects.update(version=0)
