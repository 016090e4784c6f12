"""Alice and Bob of Acme, Charlie of Globex, and an operator: made by the commands."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.utils import timezone

from watchword.control.base.actor import Interface, Permission, command_line
from watchword.control.identity.models import Session
from watchword.control.identity.operator_commands import CreateOperator
from watchword.control.identity.people_commands import CreateAdministrator
from watchword.control.identity.role_commands import CreateRole
from watchword.control.organizations.commands import CreateOrganization, SetSubscription

if TYPE_CHECKING:
    from watchword.control.base.actor import Actor
    from watchword.control.identity.models import Person
    from watchword.control.organizations.models import Organization

NOW: Final = datetime.now(UTC).replace(microsecond=0)
"""When the tests began; views go by the real clock, so a date in the past would not be entitled."""
PASSWORD: Final = "correct horse battery staple"


def organization(organization_id: str, *, entitled: bool = True, api_call_threshold: int | None = 1000) -> Organization:
    """An organization, by default with an API subscription from a month ago to a month ahead of NOW."""
    made = CreateOrganization(organization_id=organization_id, name=organization_id.capitalize()).run(
        command_line(), now=NOW
    )
    if entitled:
        SetSubscription(
            organization_id=organization_id,
            starts_at=NOW - timedelta(days=30),
            expires_at=NOW + timedelta(days=30),
            api_call_threshold=api_call_threshold,
        ).run(command_line(), now=NOW)
    return made


def administrator(name: str, organization_id: str, *permissions: Permission) -> Person:
    """An administrator who knows PASSWORD, with a role of exactly these permissions."""
    role = f"Role of {name}"
    CreateRole(organization_id=organization_id, name=role, permissions=frozenset(permissions)).run(command_line())
    person = CreateAdministrator(
        organization_id=organization_id, email=f"{name}@{organization_id}.example", name=name.capitalize(), role=role
    ).run(command_line())
    return knows_password(person)


def operator() -> Person:
    return knows_password(CreateOperator(email="operator@provider.example", name="Operator").run(command_line()))


def knows_password(person: Person) -> Person:
    person.password = _hashed(*settings.PASSWORD_HASHERS)
    person.save()
    return person


@cache
def _hashed(*_hashers: str) -> str:
    """The stored form of PASSWORD: at the product's cost, each takes a fifth of a second."""
    return make_password(PASSWORD)


def acting(person: Person, *, address: str | None = None) -> Actor:
    """The person in the portal, in a session of their own with proof of now."""
    now = timezone.now()
    session = Session.objects.create(
        key_hash=secrets.token_hex(32), person=person, content="", started_at=now, seen_at=now, proven_at=now
    )
    return replace(person.actor(interface=Interface.PORTAL, address=address), session=session.public_id)


def proven(actor: Actor, at: datetime | None) -> Actor:
    """The same actor, who last proved at this time who acts in the session."""
    Session.objects.filter(pk=session_of(actor).pk).update(proven_at=at)
    return actor


def session_of(actor: Actor) -> Session:
    assert actor.session is not None
    return Session.objects.get(public_id=actor.session)
