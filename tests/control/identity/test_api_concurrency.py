"""API roles and keys that several administrators change at the same moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from kit import people
from kit.api_access import api_key, api_role, key_actor, token_actor
from kit.at_once import at_once
from watchword.control.base.actor import command_line
from watchword.control.identity.api_actors import _note_client
from watchword.control.identity.api_key_commands import CreateApiKey, RevokeApiKey
from watchword.control.identity.api_models import ApiClientUse, ApiKey, ApiRole
from watchword.control.identity.api_role_commands import CreateApiRole, DeleteApiRole

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("committing")]


def create_role(name: str) -> Callable[[], object]:
    return lambda: CreateApiRole(organization_id="acme", name=name, rights={}).run(command_line())


def test_concurrent_creations_keep_the_limit_and_unique_names() -> None:
    people.organization("acme")
    for number in range(14):
        api_role(f"Role{number}")

    assert at_once(create_role("Same"), create_role("SAME")) == ["done", "name_taken"]
    assert at_once(create_role("One"), create_role("Two")) == ["api_roles_used_up", "done"]
    assert ApiRole.objects.count() == 16


def test_key_created_while_its_role_is_deleted_cannot_be_used() -> None:
    people.organization("acme")
    role = api_role()

    outcomes = at_once(
        lambda: CreateApiKey(organization_id="acme", api_role="Deployer", name="ci").run(command_line()),
        lambda: DeleteApiRole(organization_id="acme", role_id=role.pk).run(command_line()),
    )

    assert outcomes in (["done", "done"], ["done", "fields_invalid"])
    assert not ApiKey.objects.filter(revoked_at__isnull=True).exists()


def test_revocation_comes_before_a_change_or_after_it() -> None:
    people.organization("acme")
    api_role()
    new = api_key()
    actor = key_actor(new)

    outcomes = at_once(
        lambda: CreateApiRole(organization_id="acme", name="New", rights={}).run(actor),
        lambda: RevokeApiKey(organization_id="acme", key_id=new.key.public_id).run(command_line()),
    )

    created = ApiRole.objects.filter(name="New").exists()
    assert outcomes == (["done", "done"] if created else ["api_key_unusable", "done"])


def test_client_of_a_role_that_is_deleted_meanwhile_is_not_noted() -> None:
    people.organization("acme")
    role = api_role()
    ApiRole.objects.all().delete()
    _note_client(role, "terraform", timezone.now())
    assert not ApiClientUse.objects.exists()


def test_concurrent_requests_note_a_client_once() -> None:
    people.organization("acme")
    api_role()
    assert at_once(*[token_actor] * 6) == ["done"] * 6
    assert list(ApiClientUse.objects.values_list("client_id", flat=True)) == ["terraform"]
