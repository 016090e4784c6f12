"""Roles: made, edited, deleted; nobody gives more than they hold, and no edit goes by an older version."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kit import people
from kit.people import NOW
from watchword.control.audit.models import AuditEvent
from watchword.control.base.actor import Actor, Permission
from watchword.control.base.refusals import Refusal
from watchword.control.identity.models import Person, Role
from watchword.control.identity.people_commands import DeactivateAdministrator
from watchword.control.identity.role_commands import CreateRole, DeleteRole, EditRole

if TYPE_CHECKING:
    from watchword.control.organizations.models import Organization

AUDIT = Permission.AUDIT_LOGS.value
ACTIVITY = Permission.ACTIVITY.value


def create(actor: Actor, name: str = "Auditor", *permissions: str) -> Role:
    return CreateRole(organization_id="acme", name=name, permissions=frozenset(permissions)).run(actor)


def edit(role: Role, name: str, *permissions: str, version: int | None = None) -> EditRole:
    return EditRole(
        organization_id="acme",
        role_id=role.pk,
        expected_version=role.version if version is None else version,
        name=name,
        permissions=frozenset(permissions),
    )


def event() -> AuditEvent:
    return AuditEvent.objects.latest("sequence")


def refused(command: CreateRole | EditRole | DeleteRole, actor: Actor) -> Refusal:
    with pytest.raises(Refusal) as refusal:
        command.run(actor)
    return refusal.value


def test_a_role_is_made_with_its_permissions(acting_alice: Actor) -> None:
    role = create(acting_alice, "Auditor", AUDIT, ACTIVITY)

    assert Role.objects.get(pk=role.pk).held() == {Permission.AUDIT_LOGS, Permission.ACTIVITY}
    assert event().changes == {"name": [None, "Auditor"], "permissions": [None, "Activity, Audit Logs"]}


def test_an_edit_is_recorded_with_before_and_after(acting_alice: Actor) -> None:
    role = create(acting_alice, "Auditor", AUDIT)

    edited = edit(role, "Observer", AUDIT, ACTIVITY).run(people.proven(acting_alice, NOW), now=NOW)

    stored = Role.objects.get(pk=role.pk)
    assert (edited.version, stored.version, stored.updated_at, stored.updated_by) == (2, 2, NOW, "alice@acme.example")
    assert (event().action, event().target) == ("role_edited", "Observer")
    assert event().changes == {"name": ["Auditor", "Observer"], "permissions": [AUDIT, "Activity, Audit Logs"]}


def test_a_stale_edit_is_refused_with_who_and_when(alice: Person, acting_alice: Actor) -> None:
    role = create(acting_alice, "Auditor", AUDIT)
    edit(role, "Observer", AUDIT).run(acting_alice)

    refusal = refused(edit(role, "Watcher", AUDIT, version=1), acting_alice)

    assert (refusal.code, refusal.status) == ("version_stale", 409)
    assert refusal.sentence.startswith("alice@acme.example changed this on ")
    assert Role.objects.get(pk=role.pk).name == "Observer"


def test_unknown_version_is_stale(acting_alice: Actor) -> None:
    role = create(acting_alice)
    assert refused(edit(role, "Observer", version=0), acting_alice).code == "version_stale"


def test_invalid_fields_get_one_error_each(acting_alice: Actor) -> None:
    role = create(acting_alice)
    create(acting_alice, "Observer")

    refusal = refused(edit(role, " ", "Everything"), acting_alice)
    assert set(refusal.field_errors) == {"role", "permissions"}
    refusal = refused(edit(role, "OBSERVER"), acting_alice)
    assert (refusal.code, set(refusal.field_errors)) == ("name_taken", {"role"})
    edit(role, "AUDITOR").run(acting_alice)


def test_assigned_role_is_not_deleted_and_holders_are_named(bob: Person, acting_alice: Actor, shell: Actor) -> None:
    assert bob.role is not None
    DeactivateAdministrator(organization_id="acme", person_id=bob.pk).run(acting_alice)

    refusal = refused(DeleteRole(organization_id="acme", role_id=bob.role.pk), acting_alice)

    assert (refusal.code, refusal.status) == ("role_in_use", 409)
    assert refusal.sentence == "The role is still assigned to bob@acme.example. Assign them another role first."


def test_unassigned_role_is_deleted(acting_alice: Actor) -> None:
    role = create(acting_alice, "Auditor", AUDIT)

    DeleteRole(organization_id="acme", role_id=role.pk).run(acting_alice)

    assert not Role.objects.filter(pk=role.pk).exists()
    assert (event().action, event().target) == ("role_deleted", "Auditor")
    assert event().changes == {"name": ["Auditor", None], "permissions": [AUDIT, None]}


def test_roles_beyond_own_permissions_cannot_be_changed(acting_alice: Actor) -> None:
    manager = people.acting(people.administrator("bob2", "acme", Permission.ADMINISTRATORS))
    above, below = create(acting_alice, "Auditor", AUDIT), create(acting_alice, "Newcomer")

    for command in (
        CreateRole(organization_id="acme", name="Keys", permissions=frozenset({"API Key Management"})),
        edit(above, "Auditor"),
        edit(below, "Newcomer", AUDIT),
        DeleteRole(organization_id="acme", role_id=above.pk),
    ):
        assert refused(command, manager).code == "permission_missing"
    edit(below, "Colleague", "Administrators").run(manager)


def test_m_11_roles_of_another_organization_are_not_found(
    acting_alice: Actor, globex: Organization, acting_charlie: Actor
) -> None:
    role = create(acting_alice)
    for organization in ("acme", "globex"):
        stranger = EditRole(
            organization_id=organization, role_id=role.pk, expected_version=1, name="Mine", permissions=frozenset()
        )
        assert refused(stranger, acting_charlie).code == "not_found"
        assert refused(DeleteRole(organization_id=organization, role_id=role.pk), acting_charlie).code == "not_found"
    assert refused(DeleteRole(organization_id="acme", role_id=10**30), acting_alice).code == "not_found"


def test_changing_roles_needs_permission(acting_alice: Actor, acting_bob: Actor) -> None:
    role = create(acting_alice)
    for command in (
        CreateRole(organization_id="acme", name="Own", permissions=frozenset()),
        edit(role, "Own"),
        DeleteRole(organization_id="acme", role_id=role.pk),
    ):
        assert refused(command, acting_bob).code == "permission_missing"
