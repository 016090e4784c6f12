"""Administrators who demote and deactivate each other at the same moment (P-09)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kit import people
from kit.at_once import at_once
from watchword.control.base.actor import Permission, command_line
from watchword.control.identity.models import Role
from watchword.control.identity.people_commands import ChangeRole, DeactivateAdministrator
from watchword.control.identity.role_commands import CreateRole, EditRole
from watchword.control.identity.safeguards import full_administrators

if TYPE_CHECKING:
    from watchword.control.identity.models import Person

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("committing")]

ROUNDS = 5


@pytest.fixture
def two() -> tuple[Person, Person]:
    """Alice and Bob, who both hold every permission, each by a role of their own."""
    people.organization("acme")
    CreateRole(organization_id="acme", name="Newcomer", permissions=frozenset()).run(command_line())
    return people.administrator("alice", "acme", *Permission), people.administrator("bob", "acme", *Permission)


def test_p_09_concurrent_demotions_leave_one_full_administrator(two: tuple[Person, Person]) -> None:
    alice, bob = two
    acting = {person: people.acting(person) for person in two}
    for _ in range(ROUNDS):
        outcomes = at_once(
            lambda: ChangeRole(organization_id="acme", person_id=bob.pk, role="Newcomer").run(acting[alice]),
            lambda: ChangeRole(organization_id="acme", person_id=alice.pk, role="Newcomer").run(acting[bob]),
        )
        # The second has lost the right by the time its turn comes.
        assert sorted(outcomes) == ["done", "permission_missing"]
        assert len(full_administrators("acme")) == 1
        for person in two:
            ChangeRole(organization_id="acme", person_id=person.pk, role=f"Role of {person.name.lower()}").run(
                command_line()
            )


def test_p_09_concurrent_deactivation_and_role_edit_leave_one_full_administrator(two: tuple[Person, Person]) -> None:
    _, bob = two
    role = Role.objects.get(name="Role of alice")
    outcomes = at_once(
        lambda: DeactivateAdministrator(organization_id="acme", person_id=bob.pk).run(command_line()),
        lambda: EditRole(
            organization_id="acme", role_id=role.pk, expected_version=1, name=role.name, permissions=frozenset()
        ).run(command_line()),
    )
    assert sorted(outcomes) == ["done", "last_administrator"]
    assert len(full_administrators("acme")) == 1
