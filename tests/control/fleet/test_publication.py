"""How many verifiers have an organization's newest trust."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from kit import registrations
from watchword.control.fleet.models import TrustRecord, VerifierCredential
from watchword.control.fleet.queries import Publication, publication_of
from watchword.control.fleet.rules import SILENT_AFTER

if TYPE_CHECKING:
    from watchword.control.organizations.models import Organization

pytestmark = pytest.mark.django_db


def verifier(name: str, **changes: Any) -> None:
    now = timezone.now()
    values: dict[str, Any] = {"secret_hash": name, "created_at": now, "last_seen_at": now, "last_revision": 10**6}
    VerifierCredential.objects.create(name=name, **{**values, **changes})


def test_only_following_verifiers_that_can_read_the_newest_trust_count(
    acme: Organization, django_assert_num_queries: Any
) -> None:
    registrations.add()
    revision = TrustRecord.objects.get(organization_id="acme").revision
    now = timezone.now()
    verifier("exact", last_revision=revision)
    verifier("ahead")
    verifier("behind", last_revision=revision - 1)
    verifier("starting", last_revision=None)
    verifier("older-version", not_understood=["acme"], not_understood_count=1)
    verifier("for-another", not_understood=["globex"], not_understood_count=1)
    verifier("silent", last_seen_at=now - SILENT_AFTER - timedelta(seconds=1))
    verifier("revoked", revoked_at=now)
    with django_assert_num_queries(2):
        published = publication_of("acme", now)
    assert published == Publication(revision=revision, verifiers=6, up_to_date=3)


def test_organization_without_trust_has_nothing_to_wait_for(db: None) -> None:
    verifier("edge-1", last_revision=None)
    assert publication_of("acme", timezone.now()) == Publication(revision=None, verifiers=1, up_to_date=1)
