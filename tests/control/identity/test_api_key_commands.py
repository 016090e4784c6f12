"""API keys: create and revoke, of an organization and of the provider."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from django.utils import timezone

from kit import people
from kit.api_access import api_key, api_role, key_actor
from kit.people import NOW
from watchword.control.audit.models import AuditEvent
from watchword.control.base.actor import Permission, command_line
from watchword.control.base.refusals import Refusal
from watchword.control.identity.api_key_commands import CreateApiKey, RevokeApiKey
from watchword.control.identity.api_models import ApiKey
from watchword.control.identity.api_queries import ApiKeyState, list_api_keys

if TYPE_CHECKING:
    from datetime import datetime

    from watchword.control.base.actor import Actor
    from watchword.control.identity.models import Person
    from watchword.control.organizations.models import Organization


def create(
    name: str = "ci", role: str | None = "Deployer", organization_id: str | None = "acme", ends: datetime | None = None
) -> CreateApiKey:
    return CreateApiKey(organization_id=organization_id, api_role=role, name=name, expires_at=ends)


def refused(command: CreateApiKey | RevokeApiKey, actor: Actor) -> Refusal:
    with pytest.raises(Refusal) as refusal:
        command.run(actor)
    return refusal.value


def event() -> AuditEvent:
    return AuditEvent.objects.latest("sequence")


def test_key_is_created_for_ninety_days_and_only_its_hash_is_stored(acting_alice: Actor) -> None:
    api_role()

    new = create().run(people.proven(acting_alice, NOW), now=NOW)

    assert new.secret.startswith("wwk_")
    assert len(new.secret) == 47
    assert new.secret not in repr(new)
    (row,) = list_api_keys("acme", NOW)
    assert (row.id, row.name, row.role, row.state) == (new.key.public_id, "ci", "Deployer", ApiKeyState.USABLE)
    assert (row.created_at, row.created_by, row.expires_at) == (NOW, "alice@acme.example", NOW + timedelta(days=90))
    assert (row.last_used_at, row.last_used_address, row.ended_at, row.revoked_by) == (None, None, None, None)
    assert [list_api_keys("acme", NOW + timedelta(days=day))[0].expires_soon for day in (75, 76, 89, 90)] == [
        False, True, True, False,
    ]  # fmt: skip
    stored = ApiKey.objects.values().get()
    assert not [value for value in stored.values() if new.secret[4:] in str(value)]
    assert (event().action, event().target, event().changes["api_role"]) == (
        "api_key_created",
        "ci",
        [None, "Deployer"],
    )
    assert new.secret not in str(event().changes)
    assert create("other").run(people.proven(acting_alice, NOW), now=NOW).secret != new.secret


@pytest.mark.parametrize("ends", [timedelta(), timedelta(days=-1), timedelta(days=400, seconds=1)])
def test_key_must_expire_within_400_days(acting_alice: Actor, ends: timedelta) -> None:
    api_role()
    with pytest.raises(Refusal) as refusal:
        create(ends=NOW + ends).run(people.proven(acting_alice, NOW), now=NOW)
    assert list(refusal.value.field_errors) == ["expires_at"]
    create(ends=NOW + timedelta(days=400)).run(acting_alice, now=NOW)


@pytest.mark.parametrize("name", ["", "a" * 65, "a b", "é", "a$", "a@b", "a\n"])
def test_invalid_names_are_refused(acting_alice: Actor, name: str) -> None:
    api_role()
    assert list(refused(create(name), acting_alice).field_errors) == ["name"]


@pytest.mark.parametrize("role", [None, "", "Nothing", "deployer", "Foreign", "Deployer\0"])
def test_key_needs_an_api_role_of_its_organization(acting_alice: Actor, globex: Organization, role: str | None) -> None:
    api_role()
    api_role("Foreign", "globex")
    assert list(refused(create(role=role), acting_alice).field_errors) == ["api_role"]


def test_names_are_unique_ignoring_case_also_of_revoked_keys(acting_alice: Actor) -> None:
    api_role()
    new = create().run(acting_alice)
    RevokeApiKey(organization_id="acme", key_id=new.key.public_id).run(acting_alice)
    refusal = refused(create("CI"), acting_alice)
    assert (refusal.code, list(refusal.field_errors)) == ("name_taken", ["name"])


def test_at_most_32_keys_are_in_use(shell: Actor, acme: Organization, globex: Organization) -> None:
    api_role()
    keys = [create(f"k{number}").run(shell, now=NOW).key for number in range(32)]
    refusal = refused(create("more"), shell)
    assert (refusal.code, refusal.status) == ("api_keys_used_up", 409)
    assert "at most 32 API keys" in refusal.sentence

    RevokeApiKey(organization_id="acme", key_id=keys[0].public_id).run(shell)
    create("more").run(shell)
    assert refused(create("yet-more"), shell).code == "api_keys_used_up"
    create("next-year").run(shell, now=NOW + timedelta(days=100))
    # The keys of others do not count.
    api_role(organization_id="globex")
    api_key(organization_id="globex")
    api_key(None, None)


def test_the_newest_32_ended_keys_stay_in_the_list(shell: Actor, acme: Organization) -> None:
    api_role()
    for number in range(40):
        key = create(f"k{number}").run(shell, now=NOW + timedelta(seconds=number)).key
        if number % 2:
            RevokeApiKey(organization_id="acme", key_id=key.public_id).run(shell)
        else:
            ApiKey.objects.filter(pk=key.pk).update(expires_at=NOW + timedelta(minutes=1))
    later = NOW + timedelta(minutes=2)
    create("usable").run(shell, now=later)

    first, *ended = list_api_keys("acme", later)

    assert (first.name, first.state, first.ended_at) == ("usable", ApiKeyState.USABLE, None)
    assert {row.name for row in ended} == {f"k{number}" for number in range(8, 40)}
    expired = next(row for row in ended if row.name == "k8")
    assert (expired.state, expired.ended_at) == (ApiKeyState.EXPIRED, expired.expires_at)


def test_p_11_revoked_key_stops_at_once(acting_alice: Actor) -> None:
    api_role()
    new = create().run(acting_alice)
    key_actor(new)

    RevokeApiKey(organization_id="acme", key_id=new.key.public_id).run(people.proven(acting_alice, NOW), now=NOW)

    with pytest.raises(Refusal) as refusal:
        key_actor(new)
    assert (refusal.value.code, refusal.value.status) == ("api_key_unusable", 401)
    (row,) = list_api_keys("acme", NOW)
    assert (row.state, row.ended_at, row.revoked_by) == (ApiKeyState.REVOKED, NOW, "alice@acme.example")
    assert (event().action, event().target) == ("api_key_revoked", "ci")
    again = RevokeApiKey(organization_id="acme", key_id=new.key.public_id)
    assert refused(again, people.proven(acting_alice, timezone.now())).code == "not_found"


def test_keys_need_the_permission_and_the_rights_of_their_role(acting_bob: Actor) -> None:
    api_role()
    new = api_key()
    for command in (create("own"), RevokeApiKey(organization_id="acme", key_id=new.key.public_id)):
        assert refused(command, acting_bob).code == "permission_missing"
    manager = people.acting(people.administrator("manager", "acme", Permission.ADMINISTRATORS))
    assert refused(create("own"), manager).code == "permission_missing"
    # Taking access away needs no more than the permission.
    RevokeApiKey(organization_id="acme", key_id=new.key.public_id).run(manager)


def test_m_11_keys_of_others_are_not_found(acting_alice: Actor, acting_charlie: Actor, shell: Actor) -> None:
    api_role()
    new, operators = api_key(), api_key(None, None)
    for organization in ("acme", "globex"):
        removal = RevokeApiKey(organization_id=organization, key_id=new.key.public_id)
        assert refused(removal, acting_charlie).code == "not_found"
    assert refused(create(), acting_charlie).code == "not_found"
    for key_id in (operators.key.public_id, uuid4()):
        assert refused(RevokeApiKey(organization_id="acme", key_id=key_id), acting_alice).code == "not_found"
    assert refused(RevokeApiKey(organization_id=None, key_id=new.key.public_id), shell).code == "not_found"


def test_operators_have_keys_of_their_own(operator: Person, acting_alice: Actor) -> None:
    actor = people.acting(operator)
    api_role()
    api_key(name="ci")
    new = create("ci", None, None).run(actor)

    assert [row.name for row in list_api_keys(None, timezone.now())] == ["ci"]
    assert list(refused(create("CI", None, None), actor).field_errors) == ["name"]
    assert list(refused(create("x", "Deployer", None), actor).field_errors) == ["api_role"]
    assert (event().action, event().organization) == ("api_key_created", None)
    for command in (create("y", None, None), RevokeApiKey(organization_id=None, key_id=new.key.public_id)):
        assert refused(command, acting_alice).code == "permission_missing"
    RevokeApiKey(organization_id=None, key_id=new.key.public_id).run(command_line())
