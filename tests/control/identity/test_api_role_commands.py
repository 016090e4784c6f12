"""API roles: create, edit, delete. No actor gives more than it holds, and no edit goes by an older version."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from kit import people
from kit.api_access import EVERYTHING, api_key, api_role, key_actor, token_actor
from kit.people import NOW
from watchword.control.audit.models import AuditEvent
from watchword.control.base.actor import Permission, command_line
from watchword.control.base.refusals import Refusal
from watchword.control.fleet.models import FeedState
from watchword.control.identity.api_models import ApiClientUse, ApiKey, ApiRole
from watchword.control.identity.api_queries import ApiClient, ApiKeyState, list_api_keys, list_api_roles
from watchword.control.identity.api_role_commands import CreateApiRole, DeleteApiRole, EditApiRole
from watchword.control.organizations.models import Subscription

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watchword.control.base.actor import Actor
    from watchword.control.identity.models import Person
    from watchword.control.organizations.models import Organization

NOTHING: dict[str, str] = {}
Command = CreateApiRole | EditApiRole | DeleteApiRole


def create(name: str = "Deployer", rights: Mapping[str, str] = EVERYTHING) -> CreateApiRole:
    return CreateApiRole(organization_id="acme", name=name, rights=rights)


def edit(
    role: ApiRole, name: str = "Deployer", rights: Mapping[str, str] = NOTHING, *, version: int | None = None
) -> EditApiRole:
    expected = role.version if version is None else version
    return EditApiRole(organization_id="acme", role_id=role.pk, expected_version=expected, name=name, rights=rights)


def delete(role: ApiRole, version: int | None = None) -> DeleteApiRole:
    return DeleteApiRole(organization_id="acme", role_id=role.pk, expected_version=version)


def event() -> AuditEvent:
    return AuditEvent.objects.latest("sequence")


def refused(command: Command, actor: Actor) -> Refusal:
    with pytest.raises(Refusal) as refusal:
        command.run(actor)
    return refusal.value


def test_role_is_created_with_its_rights(acting_alice: Actor) -> None:
    revision = FeedState.objects.get().revision

    role = create(rights={"Authorization Servers": "full", "Activity": "view"}).run(acting_alice)

    (row,) = list_api_roles("acme", NOW)
    assert (row.id, row.name, row.version, row.keys, row.clients) == (role.pk, "Deployer", 1, (), ())
    assert {category.value: level.label for category, level in row.rights.items()} == {
        "Authorization Servers": "Full", "Activity": "View Only",
    }  # fmt: skip
    assert (event().action, event().target) == ("api_role_created", "Deployer")
    assert event().changes == {
        "name": [None, "Deployer"],
        "rights": [None, "Authorization Servers: Full, Activity: View Only"],
    }
    # A role concerns no verifier.
    assert FeedState.objects.get().revision == revision


@pytest.mark.parametrize("name", ["", "a" * 17, "with space", "café", "a:b", "a\n", "a_b"])
def test_name_has_only_letters_and_digits(acting_alice: Actor, name: str) -> None:
    refusal = refused(create(name), acting_alice)
    assert (refusal.code, list(refusal.field_errors)) == ("fields_invalid", ["name"])


@pytest.mark.parametrize("rights", [{"Servers": "full"}, {"Activity": "FULL"}, {"Activity": ""}])
def test_unknown_categories_and_levels_are_refused(acting_alice: Actor, rights: dict[str, str]) -> None:
    assert list(refused(create(rights=rights), acting_alice).field_errors) == ["rights"]


def test_stored_rights_that_no_longer_exist_grant_nothing() -> None:
    assert ApiRole(rights={"Servers": "full", "Activity": "all"}).held() == {}


def test_names_are_unique_ignoring_case(acting_alice: Actor) -> None:
    role = create().run(acting_alice)
    refusal = refused(create("DEPLOYER"), acting_alice)
    assert (refusal.code, list(refusal.field_errors)) == ("name_taken", ["name"])
    edit(role, "DEPLOYER").run(acting_alice)


def test_an_organization_has_at_most_sixteen(acting_alice: Actor, globex: Organization) -> None:
    roles = [create(f"Role{number}").run(acting_alice) for number in range(16)]

    refusal = refused(create("Seventeenth"), acting_alice)

    assert (refusal.code, refusal.status) == ("api_roles_used_up", 409)
    assert "at most 16 API roles" in refusal.sentence
    api_role("Seventeenth", "globex")
    delete(roles[0]).run(acting_alice)
    create("Seventeenth").run(acting_alice)


def test_edit_is_recorded_with_before_and_after(acting_alice: Actor) -> None:
    role = api_role(activity="view")

    edited = edit(role, "Observer", {"Activity": "view", "Audit Logs": "view"}).run(
        people.proven(acting_alice, NOW), now=NOW
    )

    stored = ApiRole.objects.get()
    assert (edited.version, stored.version, stored.updated_at, stored.updated_by) == (2, 2, NOW, "alice@acme.example")
    assert (event().action, event().target) == ("api_role_edited", "Observer")
    assert event().changes == {
        "name": ["Deployer", "Observer"],
        "rights": ["Activity: View Only", "Audit Logs: View Only, Activity: View Only"],
    }


def test_stale_edit_and_deletion_are_refused_with_who_and_when(acting_alice: Actor) -> None:
    role = api_role()
    edit(role, "Observer").run(acting_alice)

    for command in (edit(role, "Watcher", version=1), delete(role, 1)):
        refusal = refused(command, acting_alice)
        assert (refusal.code, refusal.status) == ("version_stale", 409)
        assert refusal.sentence.startswith("alice@acme.example changed this on ")
    assert refused(edit(api_role("Other"), version=7), acting_alice).sentence.startswith("Another person changed this")
    delete(role, 2).run(acting_alice)


def test_clients_seen_are_forgotten_with_a_rename_only(acting_alice: Actor) -> None:
    role = api_role()
    token_actor()
    edit(role, rights=EVERYTHING).run(acting_alice)
    (row,) = list_api_roles("acme", timezone.now())
    (client,) = row.clients
    assert client == ApiClient("terraform", client.last_seen_at)

    edit(role, "Renamed", version=2).run(acting_alice)

    assert list_api_roles("acme", timezone.now())[0].clients == ()


def test_deletion_revokes_keys_and_forgets_clients(acting_alice: Actor) -> None:
    role = api_role()
    api_role("Other")
    old, _, other = api_key(name="old"), api_key(name="ci"), api_key("Other", name="other")
    ApiKey.objects.filter(pk=old.key.pk).update(revoked_at=NOW, revoked_by="bob@acme.example")
    token_actor()
    assert list_api_roles("acme", timezone.now())[0].keys == ("ci",)

    delete(role).run(acting_alice)

    keys = {row.name: row for row in list_api_keys("acme", timezone.now())}
    assert (keys["other"].state, keys["other"].role) == (ApiKeyState.USABLE, "Other")
    assert (keys["ci"].state, keys["ci"].role, keys["ci"].revoked_by) == (
        ApiKeyState.REVOKED, None, "alice@acme.example",
    )  # fmt: skip
    assert (keys["old"].role, keys["old"].revoked_by) == (None, "bob@acme.example")
    assert not ApiClientUse.objects.exists()
    assert key_actor(other).organization == "acme"
    events = AuditEvent.objects.order_by("-sequence").values_list("action", "target")[:2]
    assert list(events) == [("api_key_revoked", "ci"), ("api_role_deleted", "Deployer")]


def test_changes_need_the_permission_administrators(acting_alice: Actor, acting_bob: Actor) -> None:
    role = api_role()
    for command in (create("Own", {}), edit(role, "Own"), delete(role)):
        refusal = refused(command, acting_bob)
        assert refusal.code == "permission_missing"
        assert "“Administrators”" in refusal.sentence


def test_p_10_roles_beyond_own_rights_cannot_be_changed(acme: Organization) -> None:
    manager = people.acting(people.administrator("manager", "acme", Permission.ADMINISTRATORS, Permission.ACTIVITY))
    above, below = api_role("Above", audit_logs="view"), api_role("Below", activity="full")

    for command in (
        create("Own", {"Authorization Servers": "view"}),
        create("Own", {"Audit Logs": "full"}),
        edit(above, "Above"),
        edit(below, "Below", {"Audit Logs": "view"}),
        delete(above),
    ):
        assert refused(command, manager).code == "permission_missing"
    edit(below, "Below", {"Activity": "view", "API Roles": "full"}).run(manager)


def test_p_10_api_client_cannot_give_more_than_it_holds(acme: Organization) -> None:
    api_role(api_roles="full", authorization_servers="view")
    client = key_actor(api_key())

    create("Reader", {"Authorization Servers": "view", "API Roles": "full"}).run(client)
    refusal = refused(create("Writer", {"Authorization Servers": "full"}), client)

    assert (refusal.code, refusal.details["permission"]) == ("permission_missing", "Authorization Servers: Full")
    own = ApiRole.objects.get(name="Deployer")
    assert refused(edit(own, rights=EVERYTHING), client).code == "permission_missing"


def test_p_10_operators_cannot_give_what_they_do_not_hold(operator: Person, acme: Organization) -> None:
    actor = people.acting(operator)
    create("Viewer", {"Authorization Servers": "view", "Audit Logs": "full"}).run(actor)
    assert refused(create(), actor).sentence == "Operators cannot change an organization's authorization servers."
    create().run(command_line())


def test_roles_can_be_changed_without_active_subscription(acting_alice: Actor) -> None:
    Subscription.objects.update(expires_at=timezone.now() - timedelta(days=1))
    create().run(acting_alice)


def test_m_11_roles_of_another_organization_are_not_found(
    acting_alice: Actor, globex: Organization, acting_charlie: Actor
) -> None:
    role = api_role()
    for organization in ("acme", "globex"):
        stranger = EditApiRole(
            organization_id=organization, role_id=role.pk, expected_version=1, name="Mine", rights={}
        )
        assert refused(stranger, acting_charlie).code == "not_found"
        removal = DeleteApiRole(organization_id=organization, role_id=role.pk)
        assert refused(removal, acting_charlie).code == "not_found"
    assert refused(DeleteApiRole(organization_id="acme", role_id=10**30), acting_alice).code == "not_found"
