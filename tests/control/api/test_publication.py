"""Which verifiers have an organization's newest trust."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from kit import api_access, registrations
from kit.api_client import ApiClient, with_key
from watchword.control.fleet.models import TrustRecord, VerifierCredential

if TYPE_CHECKING:
    from watchword.control.organizations.models import Organization

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(acme: Organization) -> ApiClient:
    api_access.api_role("Reader", authorization_servers="view")
    return with_key("Reader")


def test_organization_sees_how_many_verifiers_have_its_change(client: ApiClient) -> None:
    registrations.add()
    now, revision = timezone.now(), TrustRecord.objects.get(organization_id="acme").revision
    for name, reported in (("edge-1", revision), ("edge-2", revision - 1)):
        VerifierCredential.objects.create(
            name=name, secret_hash=name, created_at=now, last_seen_at=now, last_revision=reported
        )
    received = client.get("/organizations/acme/publication")
    assert (received.status, received.body) == (200, {"revision": revision, "verifiers": 2, "up_to_date": 1})
