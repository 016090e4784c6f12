"""The people and organizations of all control plane tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kit import people
from watchword.control.base.actor import Permission, command_line

if TYPE_CHECKING:
    from pytest_django import Settings

    from watchword.control.base.actor import Actor
    from watchword.control.identity.models import Person
    from watchword.control.organizations.models import Organization


@pytest.fixture(autouse=True)
def _fast_passwords(settings: Settings) -> None:
    """Argon2id with little memory and one pass; its cost is not what these tests are about."""
    settings.PASSWORD_HASHERS = ["kit.fast_argon2.FastArgon2"]


@pytest.fixture
def acme(db: None) -> Organization:
    return people.organization("acme")


@pytest.fixture
def globex(db: None) -> Organization:
    return people.organization("globex")


@pytest.fixture
def initech(db: None) -> Organization:
    """Without an API subscription."""
    return people.organization("initech", entitled=False)


@pytest.fixture
def alice(acme: Organization) -> Person:
    """Administrator of Acme with every permission."""
    return people.administrator("alice", "acme", *Permission)


@pytest.fixture
def bob(acme: Organization) -> Person:
    """Administrator of Acme who may read the audit log and nothing else."""
    return people.administrator("bob", "acme", Permission.AUDIT_LOGS)


@pytest.fixture
def charlie(globex: Organization) -> Person:
    """Administrator of Globex with every permission."""
    return people.administrator("charlie", "globex", *Permission)


@pytest.fixture
def operator(db: None) -> Person:
    return people.operator()


@pytest.fixture
def shell() -> Actor:
    """A person at the command line."""
    return command_line()


@pytest.fixture
def acting_alice(alice: Person) -> Actor:
    return people.acting(alice, address="192.0.2.1")


@pytest.fixture
def acting_bob(bob: Person) -> Actor:
    return people.acting(bob, address="192.0.2.2")


@pytest.fixture
def acting_charlie(charlie: Person) -> Actor:
    return people.acting(charlie, address="192.0.2.3")
