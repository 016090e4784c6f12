"""Going around the commands: the database itself refuses."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import IntegrityError, models, transaction

from kit.api_access import api_key, api_role
from kit.people import NOW
from watchword.control.identity.api_models import ApiClientUse, ApiKey, ApiRole
from watchword.control.identity.models import Person, Role, SignInLink

if TYPE_CHECKING:
    from watchword.control.organizations.models import Organization


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


def test_api_roles(acme: Organization) -> None:
    api_role()
    for name in ("", "a b", "é", "a\n", "DEPLOYER"):
        refuse(ApiRole(organization_id="acme", name=name))
    refuse(ApiRole(organization_id="acme", name="Other", updated_at=NOW))
    refuse(ApiRole(organization_id="acme", name="Other", updated_by="alice@acme.example"))


def test_api_keys(acme: Organization) -> None:
    role = api_role()
    api_key(), api_key(None, None)

    def key(**changes: object) -> ApiKey:
        good: dict[str, object] = {
            "organization_id": "acme", "api_role": role, "name": "new", "secret_hash": "a", "created_at": NOW,
            "created_by": "x", "expires_at": NOW + timedelta(days=1),
        }  # fmt: skip
        return ApiKey(**{**good, **changes})

    for name in ("", "a b", "a$", "a\n", "CI"):
        refuse(key(name=name))
        refuse(key(name=name, organization_id=None, api_role=None))
    refuse(key(secret_hash=ApiKey.objects.filter(organization_id="acme").get().secret_hash))
    refuse(key(organization_id=None))
    refuse(key(api_role=None))
    refuse(key(expires_at=NOW))
    refuse(key(revoked_at=NOW))
    refuse(key(revoked_by="x"))
    key(api_role=None, revoked_at=NOW, revoked_by="x").save()


def test_clients_are_noted_once_per_role(acme: Organization) -> None:
    use = {"api_role": api_role(), "client_id": "ci", "last_seen_at": NOW}
    ApiClientUse.objects.create(**use)
    refuse(ApiClientUse(**use))


def test_links(alice: Person) -> None:
    refuse(SignInLink(person=alice, secret_hash="a", created_at=NOW, expires_at=NOW))


def _save_and_check(row: models.Model) -> None:
    from django.db import connection  # noqa: PLC0415 - beside its only use.

    with transaction.atomic():
        row.save()
        connection.check_constraints()
