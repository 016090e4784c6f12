"""A registration's own CA certificates: their rules, what Save needs, and what is stored and shown."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from kit import registrations
from kit.authorities import Issued, issue, presenting, server
from kit.forge import ec_key, key_set
from kit.key_server import KeyServer, serves
from kit.operator_policy import operator_allows
from kit.registrations import ALICE, add, events, failed, fields, receipt
from watchword.control.base.refusals import Refusal
from watchword.control.servers import ca_bundle as authorities
from watchword.control.servers import receipt as receipts
from watchword.control.servers.commands import AddServer, EditServer
from watchword.control.servers.key_set_commands import Recorded, claim_due, record_findings
from watchword.control.servers.models import AuthorizationServer, KeyHistory, KeySetState, Validation
from watchword.control.servers.queries import list_servers, server_of
from watchword.control.servers.sources import KeySource
from watchword.control.servers.validate import validate
from watchword.control.web.servers.dialog import differences, keeps_source, still_validated
from watchword.jwks.problem import Problem
from watchword.outbound.ca_bundle import CaBundleRefused

if TYPE_CHECKING:
    from collections.abc import Callable

    from watchword.control.base.actor import Actor

pytestmark = pytest.mark.django_db

NOW = timezone.now()


@cache
def initech_root() -> Issued:
    return issue("Initech Root")


@cache
def globex_root() -> Issued:
    return issue("Globex Root")


@cache
def ending_root() -> Issued:
    return issue("Initech Root G1", expires_in_days=9)


@pytest.fixture(autouse=True)
def acme() -> None:
    registrations.organization("acme")


def refusal_of(action: Callable[[], object]) -> Refusal:
    with pytest.raises(Refusal) as refused:
        action()
    return refused.value


def edit(stored: AuthorizationServer, proof: str = "", actor: Actor = ALICE, **changes: Any) -> AuthorizationServer:
    EditServer(
        organization_id="acme",
        server_id=stored.pk,
        expected_version=AuthorizationServer.objects.get(pk=stored.pk).version,
        fields=fields(**changes),
        receipt=proof,
    ).run(actor)
    return AuthorizationServer.objects.get(pk=stored.pk)


def expire(stored: AuthorizationServer) -> str:
    """Replace the attached certificate by one that has expired, as time does it."""
    ended = issue("Initech Root", expires_in_days=-1).pem
    AuthorizationServer.objects.filter(pk=stored.pk).update(ca_bundle=ended)
    return ended


# -------------------------------------------------------------------------------------------------------- what is kept


def test_ca_bundle_is_stored_in_canonical_form() -> None:
    one, two = initech_root().pem, globex_root().pem
    first = add(authority=f"\n{two}\r\n{one}{two}", name="First", enabled=False)
    second = add(authority=one + two, name="Second", enabled=False)
    assert first.ca_bundle == second.ca_bundle
    assert set(str(first.ca_bundle).splitlines()) == set((one + two).splitlines())


def test_no_ca_bundle_is_stored_as_null() -> None:
    assert add().ca_bundle is None


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("Initech Root", "not a CA certificate in PEM form"),
        (" ", "not a CA certificate in PEM form"),
        ("-----BEGIN PRIVATE KEY-----", "PRIVATE KEY"),
        (lambda: issue("Old", expires_in_days=-1).pem, "“Old” expired on"),
        (lambda: issue("New", starts_in_days=1).pem, "“New” is not valid before"),
        (lambda: server(initech_root()).pem, "not one of a certificate authority"),
    ],
    ids=["text", "blank", "private key", "expired", "not yet", "server"],
)
@pytest.mark.parametrize("verify_certificate", [True, False])
def test_invalid_ca_bundle_is_refused_at_its_field(
    typed: str | Callable[[], str],
    sentence: str,
    verify_certificate: bool,  # noqa: FBT001
) -> None:
    pem = typed if isinstance(typed, str) else typed()
    command = AddServer(
        organization_id="acme",
        fields=fields(authority=pem, verify_certificate=verify_certificate),
        receipt=receipt(authority=pem),
    )
    refused = refusal_of(lambda: command.run(ALICE))
    assert refused.code == "fields_invalid"
    assert sentence in refused.field_errors["authority"]
    assert not AuthorizationServer.objects.exists()


def test_the_text_of_a_certificate_is_not_in_a_repr() -> None:
    pasted = "-----BEGIN PRIVATE KEY-----c2VjcmV0"
    assert "c2VjcmV0" not in repr(AddServer(organization_id="acme", fields=fields(authority=pasted), receipt=""))


@pytest.mark.parametrize(
    "authority",
    [
        "",
        "Initech Root",
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
        "-----BEGIN CERTIFICATE-----\r\nAAAA\r\n-----END CERTIFICATE-----\r\n",
        "# Initech\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n" * 6,
        "-----BEGIN CERTIFICATE-----\n" + "A" * 16_384 + "\n-----END CERTIFICATE-----\n",
    ],
    ids=range(8),
)
def test_the_database_holds_certificates_and_nothing_else(authority: str) -> None:
    stored = add()
    with pytest.raises(IntegrityError), transaction.atomic():
        AuthorizationServer.objects.filter(pk=stored.pk).update(ca_bundle=authority)
    five = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n" * 5
    assert AuthorizationServer.objects.filter(pk=stored.pk).update(ca_bundle=five) == 1


# ---------------------------------------------------------------------------------------------------- what Save demands


def test_a_receipt_is_for_exactly_the_authority_that_was_validated() -> None:
    stored = add(authority=initech_root().pem)
    for proof, wanted in (
        (receipt(), globex_root().pem),
        (receipt(authority=initech_root().pem), globex_root().pem),
        (receipt(authority=globex_root().pem), ""),
        (receipt(authority=globex_root().pem), initech_root().pem + globex_root().pem),
    ):
        refused = refusal_of(lambda proof=proof, wanted=wanted: edit(stored, proof, authority=wanted))  # type: ignore[misc]
        assert refused.code == "validation_for_other_location"
    assert edit(stored, receipt(authority=globex_root().pem), authority=globex_root().pem).version == 2


def test_a_changed_authority_needs_a_validation_and_brings_its_keys() -> None:
    stored = add(ec_key("old"), authority=initech_root().pem)
    assert refusal_of(lambda: edit(stored, authority=globex_root().pem)).code == "validation_missing"
    edit(stored, receipt(ec_key("new"), authority=globex_root().pem), authority=globex_root().pem)
    assert KeyHistory.objects.get(kid="old").withdrawn_at is not None


def test_unchanged_ca_bundle_needs_no_validation() -> None:
    stored = add(authority=initech_root().pem)
    spelled = initech_root().pem.replace("\n", "\r\n  ")
    assert edit(stored, authority=spelled, description="Batch jobs").ca_bundle == initech_root().pem


def test_unchanged_ca_bundle_may_have_expired() -> None:
    stored = add(authority=initech_root().pem)
    ended = expire(stored)
    assert edit(stored, authority=ended, description="Batch jobs").description == "Batch jobs"
    other = issue("Globex Root", expires_in_days=-1).pem
    assert "expired on" in refusal_of(lambda: edit(stored, authority=other)).field_errors["authority"]


def test_without_validation_it_is_kept_and_asks_for_nothing() -> None:
    stored = add(authority=initech_root().pem, verify_certificate=False)
    assert stored.ca_bundle == initech_root().pem
    assert KeySource.of(stored).ca_bundle is None
    changed = edit(stored, authority=globex_root().pem, verify_certificate=False)
    assert changed.ca_bundle == globex_root().pem
    assert changed.version == 2


def test_switching_validation_on_needs_a_validation_with_the_authority_that_was_kept() -> None:
    stored = add(authority=initech_root().pem, verify_certificate=False)
    for proof in (receipt(verify_certificate=False), receipt(), receipt(authority=globex_root().pem)):
        refused = refusal_of(lambda proof=proof: edit(stored, proof, authority=initech_root().pem))  # type: ignore[misc]
        assert refused.code == "validation_for_other_location"
    assert edit(stored, receipt(authority=initech_root().pem), authority=initech_root().pem).verify_certificate


# ------------------------------------------------------------------------------------------------- what the log says


def test_audit_log_has_fingerprints_instead_of_certificates() -> None:
    stored = add(authority=initech_root().pem)
    edit(stored, receipt(authority=globex_root().pem), authority=globex_root().pem)
    (added,) = events("server_added")
    (edited,) = events("server_edited")
    assert added.changes["ca_bundle"] == [None, initech_root().fingerprint]
    assert edited.changes["ca_bundle"] == [initech_root().fingerprint, globex_root().fingerprint]
    assert "CERTIFICATE" not in str([added.changes, edited.changes])


def test_switching_validation_off_is_in_the_audit_log() -> None:
    stored = add(authority=initech_root().pem)
    edit(stored, receipt(verify_certificate=False), authority=initech_root().pem, verify_certificate=False)
    (event,) = events("server_edited")
    assert event.changes["verify_certificate"] == [True, False]
    assert "ca_bundle" not in event.changes
    assert event.actor == ALICE.name


# ----------------------------------------------------------------------------------------------------- for the worker


def test_claim_has_only_its_registrations_ca_bundle() -> None:
    one = add(authority=initech_root().pem, name="One", enabled=False)
    two = add(name="Two", enabled=False)
    KeySetState.objects.update(due_at=NOW)
    claims = {claim.server_id: claim.ca_bundle for claim in claim_due("one", NOW, 8)}
    assert claims == {one.pk: initech_root().pem, two.pk: None}


def test_a_claim_without_validation_carries_none() -> None:
    add(authority=initech_root().pem, verify_certificate=False)
    KeySetState.objects.update(due_at=NOW)
    (claim,) = claim_due("one", NOW, 1)
    assert (claim.verify_certificate, claim.ca_bundle) == (False, None)
    assert "CERTIFICATE" not in repr(claim)


def test_a_fetch_under_the_old_authority_that_ends_late_changes_nothing() -> None:
    stored = add(authority=initech_root().pem)
    KeySetState.objects.update(due_at=NOW)
    (claim,) = claim_due("one", NOW, 1)
    edit(stored, receipt(authority=globex_root().pem), authority=globex_root().pem)
    found = registrations.found(ec_key("late"))
    assert record_findings(claim, found, NOW, registrations.SETTINGS) is Recorded.SUPERSEDED


# --------------------------------------------------------------------------------------------------- Validate, for real


@pytest.mark.enable_socket
def test_validate_and_save_with_an_attached_authority() -> None:
    certificate = presenting(server(initech_root()), initech_root())
    with (
        KeyServer(serves(key_set(ec_key("first"))), certificate) as running,
        operator_allows(running.policy()),
    ):
        findings, proof = validate(ALICE, "acme", running.location, verify_certificate=True)
        assert (findings.problem, proof) == (Problem.CERTIFICATE_UNKNOWN_AUTHORITY, None)
        assert findings.chain is not None
        assert findings.chain.root is not None
        offered = authorities.with_another("", findings.chain.root.pem)
        _, proof = validate(ALICE, "acme", running.location, verify_certificate=True, ca_bundle=offered)
        assert proof is not None
        assert Validation.objects.get(document__isnull=False).ca_bundle == initech_root().pem
        digest = receipts.read(proof, now=timezone.now().timestamp()).ca_bundle_digest
        assert digest == receipts.digest_of(initech_root().pem)
        wanted = fields(jwks_location=running.location, authority=offered)
        AddServer(organization_id="acme", fields=wanted, receipt=proof).run(ALICE)
    assert AuthorizationServer.objects.get().ca_bundle == initech_root().pem


@pytest.mark.enable_socket
def test_invalid_ca_bundle_opens_no_connection() -> None:
    with (
        KeyServer(serves(key_set(ec_key("first")))) as running,
        operator_allows(running.policy()),
    ):
        ended = issue("Old", expires_in_days=-1).pem
        for typed in ("nonsense", ended):
            refused = refusal_of(
                lambda typed=typed: validate(  # type: ignore[misc]
                    ALICE, "acme", running.location, verify_certificate=True, ca_bundle=typed
                )
            )
            assert (refused.code, list(refused.field_errors)) == ("fields_invalid", ["authority"])
        refused = refusal_of(
            lambda: validate(ALICE, "acme", running.location, verify_certificate=False, ca_bundle="nonsense")
        )
        assert refused.code == "fields_invalid"
        assert running.connections == 0
        # What is not asked may have expired.
        _, proof = validate(ALICE, "acme", running.location, verify_certificate=False, ca_bundle=ended)
        assert proof is not None
        assert receipts.read(proof, now=timezone.now().timestamp()).ca_bundle_digest == ""


# ------------------------------------------------------------------------------------------------------ what is shown


def test_list_shows_ca_bundle_while_it_is_used() -> None:
    add(authority=initech_root().pem)
    (row,) = list_servers("acme", timezone.now())
    (shown,) = row.ca_bundle
    assert (shown.name, shown.fingerprint, shown.state) == (
        "Initech Root",
        initech_root().fingerprint,
        "good",
    )
    assert row.ca_bundle_state == "good"


def test_the_list_does_not_while_validation_is_off() -> None:
    add(authority=initech_root().pem, verify_certificate=False)
    (row,) = list_servers("acme", timezone.now())
    assert (row.ca_bundle, row.ca_bundle_state) == ((), None)


def test_the_one_that_lasts_longest_speaks_for_all() -> None:
    add(authority=ending_root().pem + initech_root().pem)
    (row,) = list_servers("acme", timezone.now())
    assert sorted(each.state for each in row.ca_bundle) == ["good", "soon"]
    assert row.ca_bundle_state == "good"


def test_a_failing_fetch_names_the_attached_certificate_that_expired() -> None:
    stored = add(authority=initech_root().pem)
    KeySetState.objects.update(due_at=NOW)
    (claim,) = claim_due("one", NOW, 1)
    record_findings(claim, failed(Problem.AUTHORITY_EXPIRED), NOW, registrations.SETTINGS)
    expire(stored)
    (row,) = list_servers("acme", timezone.now())
    assert row.problem == "The CA certificate attached to this registration has expired. It is “Initech Root”."
    assert row.fix == Problem.AUTHORITY_EXPIRED.fix
    assert row.ca_bundle_state == "expired"


def test_the_window_knows_whether_it_was_changed() -> None:
    stored = add(authority=initech_root().pem)
    detail = server_of("acme", stored.pk)
    assert detail is not None
    as_stored = fields(authority=detail.authority)
    assert keeps_source(as_stored, detail)
    assert keeps_source(fields(authority=detail.authority.replace("\n", "\r\n")), detail)
    for changed in ("", globex_root().pem, "nonsense"):
        assert not keeps_source(replace(as_stored, authority=changed), detail)
    proof = receipt(authority=globex_root().pem)
    assert still_validated("acme", fields(authority=globex_root().pem), proof)
    assert not still_validated("acme", as_stored, proof)
    assert not still_validated("acme", fields(jwks_location="nonsense"), proof)


def test_stale_edit_shows_fingerprint_of_ca_bundle() -> None:
    stored = add(authority=initech_root().pem)
    detail = server_of("acme", stored.pk)
    assert detail is not None
    described = {
        typed: [(each.label, each.stored, each.typed) for each in differences(fields(authority=typed), detail)]
        for typed in (globex_root().pem, "", "nonsense")
    }
    assert described == {
        globex_root().pem: [("CA certificate", initech_root().fingerprint, globex_root().fingerprint)],
        "": [("CA certificate", initech_root().fingerprint, "none")],
        "nonsense": [("CA certificate", initech_root().fingerprint, "unreadable")],
    }


# ------------------------------------------------------------------------------------------------------------ the rules


def test_offered_certificate_is_added_to_the_typed_ones() -> None:
    one, two = initech_root().pem, globex_root().pem
    assert authorities.with_another("", one) == one
    assert authorities.with_another(one, one) == one
    assert authorities.with_another(two, one) == authorities.canonical(one + two)
    assert authorities.with_another("nonsense", one) == f"nonsense\n{one}"


@pytest.mark.parametrize(
    ("typed", "offered"),
    [("", ""), ("", "nonsense"), ("", "-----BEGIN PRIVATE KEY-----"), ("-----BEGIN PRIVATE KEY-----", None)],
)
def test_not_everything_can_be_one_more(typed: str, offered: str | None) -> None:
    with pytest.raises(CaBundleRefused):
        authorities.with_another(typed, initech_root().pem if offered is None else offered)


def test_states_by_the_time_that_is_left() -> None:
    pem = initech_root().pem
    (described,) = authorities.described(pem, NOW)
    ends = described.expires_at
    for now, state in ((ends - timedelta(days=14), "good"), (ends - timedelta(days=13), "soon"), (ends, "expired")):
        assert [each.state for each in authorities.described(pem, now)] == [state]
    assert authorities.described(None, NOW) == authorities.described("nonsense", NOW) == ()


def test_fingerprints_of_missing_and_unreadable_ca_bundle() -> None:
    assert authorities.fingerprints(None) is None
    assert authorities.fingerprints("nonsense") == "unreadable"
    assert (authorities.canonical(""), authorities.canonical("nonsense")) == (None, "nonsense")
