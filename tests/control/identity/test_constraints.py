"""Going around the commands: the database itself refuses."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, models, transaction

from kit.people import NOW
from watchword.control.identity.models import Person, Role, SignInLink


def refuse(row: models.Model) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save(force_insert=True)


def person(**changes: object) -> Person:
    good: dict[str, object] = {"email": "new@provider.example", "kind": "operator", "created_at": NOW}
    return Person(**{**good, **changes})


@pytest.mark.django_db
@pytest.mark.parametrize("bad", ["", "new", "New@provider.example", "n w@x", "new@x\n", "é@x", "a@b@c"])
def test_addresses(bad: str) -> None:
    refuse(person(email=bad))


def test_one_person_per_address(alice: Person) -> None:
    refuse(person(email=alice.email))


def test_kind_requires_organization_and_role(alice: Person) -> None:
    both = {"organization_id": "acme", "role": alice.role}
    refuse(person(**both))
    refuse(person(organization_id="acme"))
    refuse(person(kind="administrator"))
    refuse(person(kind="administrator", organization_id="acme"))
    refuse(person(kind="administrator", role=alice.role))
    refuse(person(kind="emperor", **both))
    refuse(person(kind="emperor"))


def test_roles(alice: Person) -> None:
    refuse(Role(organization_id="acme", name=""))
    refuse(Role(organization_id="acme", name="ROLE OF ALICE"))
    refuse(Role(organization_id="acme", name="Auditor", updated_at=NOW))
    refuse(Role(organization_id="acme", name="Auditor", updated_by="alice@acme.example"))
    with pytest.raises(IntegrityError):
        # PostgreSQL and SQLite check a deferred foreign key at the end; Django's test does it for them.
        _save_and_check(Role(organization_id="nowhere", name="Auditor"))


def test_links(alice: Person) -> None:
    refuse(SignInLink(person=alice, secret_hash="a", created_at=NOW, expires_at=NOW))


def _save_and_check(row: models.Model) -> None:
    from django.db import connection  # noqa: PLC0415 - beside its only use.

    with transaction.atomic():
        row.save()
        connection.check_constraints()
