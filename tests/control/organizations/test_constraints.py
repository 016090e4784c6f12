"""Going around the commands: the database itself refuses."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, models, transaction

from kit.people import NOW
from watchword.control.organizations.models import Organization, Subscription, Suspension


def suspension(**changes: object) -> Suspension:
    good: dict[str, object] = {
        "organization_id": "acme", "reason": "terms_violated", "reference": "K7", "started_at": NOW, "started_by": "x"
    }  # fmt: skip
    return Suspension(**{**good, **changes})


def refuse(row: models.Model) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save(force_insert=True)


@pytest.mark.django_db
@pytest.mark.parametrize("bad", ["a", "Acme", "acme\n", "-acme", "acme-", "2acme", "ac me", ""])
def test_ids(bad: str) -> None:
    refuse(Organization(id=bad, name="Acme", created_at=NOW))


@pytest.mark.django_db
def test_names() -> None:
    refuse(Organization(id="acme", name="", created_at=NOW))


def test_a_subscription_ends_after_its_start(initech: Organization) -> None:
    refuse(Subscription(organization=initech, starts_at=NOW, expires_at=NOW))


def test_a_threshold_is_positive(initech: Organization) -> None:
    later = NOW + timedelta(days=1)
    refuse(Subscription(organization=initech, starts_at=NOW, expires_at=later, api_call_threshold=0))


def test_organization_has_at_most_one_subscription(acme: Organization) -> None:
    refuse(Subscription(organization=acme, starts_at=NOW, expires_at=NOW + timedelta(days=1)))


def test_organization_has_at_most_one_live_suspension(acme: Organization) -> None:
    suspension(lifted_at=NOW, lifted_by="x").save()
    suspension().save()
    refuse(suspension())


@pytest.mark.parametrize(
    "changes",
    [
        {"reason": "dislike"},
        {"lifted_at": NOW},
        {"lifted_by": "x"},
        {"lifted_at": NOW - timedelta(seconds=1), "lifted_by": "x"},
    ],
)
def test_lifted_suspension_needs_time_and_actor(acme: Organization, changes: dict[str, object]) -> None:
    refuse(suspension(**changes))
