from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import IntegrityError, connection, models, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from kit.people import NOW
from watchword.control.audit.models import AuditEvent, AuditHead
from watchword.control.base.refusals import Refusal
from watchword.control.fleet.commands import RotateEpoch, publish_trust
from watchword.control.fleet.models import FeedState, TrustRecord, VerifierCredential, secret_hash
from watchword.control.fleet.queries import Caller, note_seen, oldest_credential, secrets_in_force, verifier_of_secret
from watchword.control.fleet.verifier_commands import (
    CreateVerifier,
    RevokePreviousSecret,
    RevokeVerifier,
    RotateVerifier,
)
from watchword.control.organizations.commands import Suspend
from watchword.control.organizations.models import SuspensionReason
from watchword.feed import decode_trust

if TYPE_CHECKING:
    from collections.abc import Callable

    from watchword.control.base.actor import Actor
    from watchword.control.organizations.models import Organization


@pytest.mark.parametrize(
    "run",
    [
        lambda actor: Suspend(organization_id="acme", reason=SuspensionReason.TERMS_VIOLATED).run(actor),
        lambda actor: RevokeVerifier(name="edge-1").run(actor),
        lambda actor: RotateVerifier(name="edge-1").run(actor),
        lambda actor: RotateEpoch().run(actor),
    ],
    ids=["suspend", "revoke", "rotate", "new epoch"],
)
def test_every_command_locks_the_feed_before_the_audit_log(
    acme: Organization, shell: Actor, run: Callable[[Actor], object]
) -> None:
    """In two orders, two commands at once would wait for each other until PostgreSQL ended one of them."""
    CreateVerifier(name="edge-1").run(shell)
    with CaptureQueriesContext(connection) as queries:
        run(shell)
    tables = [
        model._meta.db_table
        for query in queries
        for model in (FeedState, AuditHead)
        if f'"{model._meta.db_table}"' in query["sql"]
    ]
    assert tables[0] == FeedState._meta.db_table
    assert tables[-1] == AuditHead._meta.db_table
    assert tables == sorted(tables, key=tables.index)


@pytest.mark.django_db
def test_the_secret_is_shown_once_and_kept_as_a_hash(shell: Actor) -> None:
    secret = CreateVerifier(name="edge-1").run(shell)

    assert secret.startswith("wwv_")
    assert len(secret) == 47
    assert secret not in f"{list(VerifierCredential.objects.values())}{list(AuditEvent.objects.values())}"
    credential = verifier_of_secret(secret)
    assert credential is not None
    assert str(credential) == "edge-1"
    assert AuditEvent.objects.latest("sequence").target == "edge-1"


@pytest.mark.django_db
def test_only_the_exact_secret_is_accepted(shell: Actor) -> None:
    secret = CreateVerifier(name="edge-1").run(shell)
    stored = VerifierCredential.objects.get().secret_hash

    for wrong in ("", "wwv_", stored, secret + "x", secret[:-1], secret.upper(), "x" * 201, f" {secret}"):
        assert verifier_of_secret(wrong) is None


@pytest.mark.django_db
def test_revoked_secret_is_unknown(shell: Actor) -> None:
    secret = CreateVerifier(name="edge-1").run(shell)
    credential = VerifierCredential.objects.get()
    assert credential.secret_hash in secrets_in_force()

    RevokeVerifier(name="edge-1").run(shell)

    assert verifier_of_secret(secret) is None
    assert not secrets_in_force()
    with pytest.raises(Refusal) as refused:
        RevokeVerifier(name="edge-1").run(shell)
    assert refused.value.code == "not_found"


@pytest.mark.django_db
def test_rotation_leaves_the_previous_secret_valid_until_its_time(shell: Actor) -> None:
    old = CreateVerifier(name="edge-1").run(shell)

    new = RotateVerifier(name="edge-1").run(shell)

    credentials = [verifier_of_secret(old), verifier_of_secret(new)]
    assert [credential and credential.name for credential in credentials] == ["edge-1", "edge-1"]
    assert len({credential.pk for credential in credentials if credential}) == 1
    assert new not in f"{list(VerifierCredential.objects.values())}{list(AuditEvent.objects.values())}"
    row = VerifierCredential.objects.get()
    assert row.rotated_at is not None
    assert row.previous_until == row.rotated_at + timedelta(hours=24)
    assert AuditEvent.objects.latest("sequence").changes == {"previous_until": [None, row.previous_until.isoformat()]}
    VerifierCredential.objects.update(previous_until=timezone.now())
    assert verifier_of_secret(old) is None
    assert secrets_in_force() == {secret_hash(new)}


@pytest.mark.django_db
def test_rotation_replaces_a_secret_that_was_never_used(shell: Actor) -> None:
    """The verifier still has the first one, and must not lose access because an operator lost the second."""
    first = CreateVerifier(name="edge-1").run(shell)
    lost = RotateVerifier(name="edge-1").run(shell)

    third = RotateVerifier(name="edge-1").run(shell)

    assert [verifier_of_secret(secret) is not None for secret in (first, lost, third)] == [True, False, True]


@pytest.mark.django_db
def test_rotation_keeps_the_secret_that_the_verifier_uses(shell: Actor) -> None:
    first = CreateVerifier(name="edge-1").run(shell)
    second = RotateVerifier(name="edge-1").run(shell)
    for secret in (first, second):
        credential = verifier_of_secret(secret)
        assert credential is not None
        note_seen(credential, Caller(node=None, version=None), 0, timezone.now())
        credential.refresh_from_db()
        assert credential.is_newest_used is (secret == second)

    third = RotateVerifier(name="edge-1").run(shell)

    assert [verifier_of_secret(secret) is not None for secret in (first, second, third)] == [False, True, True]


@pytest.mark.django_db
def test_request_from_before_a_rotation_does_not_mark_the_new_secret_as_used(shell: Actor) -> None:
    earlier = verifier_of_secret(CreateVerifier(name="edge-1").run(shell))
    assert earlier is not None
    RotateVerifier(name="edge-1").run(shell)

    note_seen(earlier, Caller(node=None, version=None), 0, timezone.now())

    assert not VerifierCredential.objects.get().is_newest_used


@pytest.mark.django_db
def test_rotation_without_overlap_ends_the_previous_secret_at_once(shell: Actor) -> None:
    old = CreateVerifier(name="edge-1").run(shell)

    new = RotateVerifier(name="edge-1", overlap=timedelta(0)).run(shell)

    assert verifier_of_secret(old) is None
    assert verifier_of_secret(new) is not None


@pytest.mark.django_db
def test_previous_secret_can_be_revoked_before_its_time(shell: Actor) -> None:
    old = CreateVerifier(name="edge-1").run(shell)
    with pytest.raises(Refusal) as refused:
        RevokePreviousSecret(name="edge-1").run(shell)
    assert refused.value.code == "not_found"
    new = RotateVerifier(name="edge-1").run(shell)

    RevokePreviousSecret(name="edge-1").run(shell)

    assert verifier_of_secret(old) is None
    assert verifier_of_secret(new) is not None


@pytest.mark.django_db
def test_revocation_ends_both_secrets_and_forbids_rotation(shell: Actor) -> None:
    old = CreateVerifier(name="edge-1").run(shell)
    new = RotateVerifier(name="edge-1").run(shell)

    RevokeVerifier(name="edge-1").run(shell)

    assert verifier_of_secret(old) is verifier_of_secret(new) is None
    assert not secrets_in_force()
    with pytest.raises(Refusal) as refused:
        RotateVerifier(name="edge-1").run(shell)
    assert refused.value.code == "not_found"


@pytest.mark.django_db
@pytest.mark.parametrize("overlap", [timedelta(seconds=-1), timedelta(days=7, seconds=1)])
def test_overlap_has_bounds(shell: Actor, overlap: timedelta) -> None:
    old = CreateVerifier(name="edge-1").run(shell)

    with pytest.raises(Refusal) as refused:
        RotateVerifier(name="edge-1", overlap=overlap).run(shell)

    assert set(refused.value.field_errors) == {"overlap"}
    assert verifier_of_secret(old) is not None


@pytest.mark.django_db
def test_oldest_credential_is_that_of_a_verifier_that_was_not_rotated(shell: Actor) -> None:
    now = timezone.now()
    assert oldest_credential(now) is None
    for name, days in (("edge-1", 400), ("edge-2", 30), ("edge-3", 900)):
        CreateVerifier(name=name).run(shell, now=now - timedelta(days=days))
    RevokeVerifier(name="edge-3").run(shell)
    assert oldest_credential(now) == timedelta(days=400)

    RotateVerifier(name="edge-1").run(shell, now=now - timedelta(days=10))

    assert oldest_credential(now) == timedelta(days=30)


@pytest.mark.django_db
def test_names_are_well_formed_and_unique(shell: Actor) -> None:
    CreateVerifier(name="edge-1").run(shell)

    with pytest.raises(Refusal) as refused:
        CreateVerifier(name="edge-1").run(shell)
    assert refused.value.code == "name_taken"
    for bad in ("", "a b", "edge\n", "x" * 65, "é"):
        with pytest.raises(Refusal) as refused:
            CreateVerifier(name=bad).run(shell)
        assert set(refused.value.field_errors) == {"name"}


def test_administrators_cannot_change_verifiers(acting_alice: Actor) -> None:
    for command in (
        CreateVerifier(name="edge-1"),
        RotateVerifier(name="edge-1"),
        RevokePreviousSecret(name="edge-1"),
        RevokeVerifier(name="edge-1"),
        RotateEpoch(),
    ):
        with pytest.raises(Refusal) as refused:
            command.run(acting_alice)
        assert refused.value.code == "permission_missing"


def test_a_new_epoch_keeps_the_revisions(acme: Organization, shell: Actor) -> None:
    before = FeedState.objects.get()

    epoch = RotateEpoch().run(shell)

    after = FeedState.objects.get()
    assert epoch == after.epoch != before.epoch
    assert after.revision == before.revision
    assert AuditEvent.objects.latest("sequence").changes == {"epoch": [before.epoch, epoch]}


@pytest.mark.django_db
def test_an_epoch_can_be_rotated_before_anything_was_published(shell: Actor) -> None:
    assert RotateEpoch().run(shell) == FeedState.objects.get().epoch


def test_published_trust_is_readable_by_verifiers(acme: Organization) -> None:
    record = TrustRecord.objects.get()

    trust = decode_trust(record.document)

    assert (trust.organization, trust.revision, trust.suspended, trust.server) == ("acme", record.revision, False, None)


@pytest.mark.django_db(transaction=True)
def test_publishing_needs_a_transaction() -> None:
    with pytest.raises(RuntimeError, match="transaction"):
        publish_trust("acme")


def refuse(row: models.Model) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save(force_insert=True)


def test_database_enforces_the_rules(acme: Organization, initech: Organization) -> None:
    VerifierCredential.objects.create(name="edge-1", secret_hash="a", created_at=NOW)

    refuse(FeedState(id=2))
    refuse(VerifierCredential(name="edge-1", secret_hash="b", created_at=NOW))
    refuse(VerifierCredential(name="edge-2", secret_hash="a", created_at=NOW))
    refuse(VerifierCredential(name="edge 3", secret_hash="c", created_at=NOW))
    refuse(VerifierCredential(name="edge-4", secret_hash="d", created_at=NOW, previous_secret_hash="e"))
    refuse(VerifierCredential(name="edge-4", secret_hash="d", created_at=NOW, previous_until=NOW))
    refuse(VerifierCredential(name="edge-3\n", secret_hash="c", created_at=NOW))
    TrustRecord.objects.filter(organization=initech).delete()
    revision = TrustRecord.objects.get(organization=acme).revision
    refuse(TrustRecord(organization=initech, revision=revision, document={}))
    refuse(TrustRecord(organization=initech, revision=0, document={}))
