"""Random commands of several people at once, while their roles, status and sessions change, and the log replayed.

The audit log is in the order of commits, as one row is locked for each event. A reader who begins at its
start knows at each event who held which right, and every change in it must have been allowed then.
"""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import connections
from django.utils import timezone

from kit import people
from kit.registrations import fields, receipt
from watchword.control.audit.chain import verify_chain
from watchword.control.audit.models import AuditEvent
from watchword.control.base.actor import Permission, command_line
from watchword.control.base.refusals import AccessLost, Refusal, RefusalReason
from watchword.control.base.times import spoken
from watchword.control.identity.models import Person
from watchword.control.identity.people_commands import (
    ChangeRole,
    DeactivateAdministrator,
    ReactivateAdministrator,
)
from watchword.control.identity.role_commands import CreateRole
from watchword.control.identity.session_commands import EndSession
from watchword.control.organizations.commands import Reinstate, SetSubscription, Suspend
from watchword.control.organizations.models import SuspensionReason
from watchword.control.servers.commands import AddServer, DeleteServer, DisableServer, EnableServer
from watchword.control.servers.models import AuthorizationServer

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from uuid import UUID

    from watchword.control.base.actor import Actor

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("committing")]

STEPS = 30
FULL, READER = "Full", "Reader"
NAMES = ("alice", "bob", "charlie")


@dataclass
class Acme:
    """What the threads share. A session is in `ended` only once the command that ended it has returned."""

    fresh: str
    stale: str
    persons: list[Person]
    actors: dict[int, Actor]
    past: datetime
    ended: set[UUID] = field(default_factory=set)


@pytest.fixture
def acme() -> Acme:
    people.organization("acme")
    CreateRole(organization_id="acme", name=FULL, permissions=frozenset(Permission)).run(command_line())
    CreateRole(organization_id="acme", name=READER, permissions=frozenset({Permission.ACTIVITY})).run(command_line())
    # Keeps a full administrator in the organization, as nothing happens to this person.
    people.administrator("first", "acme", *Permission)
    persons = [people.administrator(name, "acme") for name in NAMES]
    for person in persons:
        ChangeRole(organization_id="acme", person_id=person.pk, role=FULL).run(command_line())
        person.refresh_from_db()
    return Acme(
        fresh=receipt(),
        stale=receipt(at=timezone.now() - timedelta(minutes=11)),
        persons=persons,
        actors={person.pk: people.acting(person) for person in persons},
        past=timezone.now() - timedelta(days=1),
    )


def work(acme: Acme, person: Person, seed: int) -> None:
    """One person clicks at random, signing in again whenever the session is over."""
    dice = random.Random(seed)  # noqa: S311 - repeatable, not secret.
    for step in range(STEPS):
        actor = acme.actors[person.pk]
        over = actor.session in acme.ended
        try:
            _click(dice, acme, actor, name=f"{person.name}{step}")
        except (AccessLost, Refusal) as refused:
            lost = isinstance(refused, AccessLost) or refused.reason is RefusalReason.PERMISSION_MISSING
            assert lost or not over
            if lost:
                acme.actors[person.pk] = people.acting(Person.objects.get(pk=person.pk))
        else:
            assert not over


def _click(dice: random.Random, acme: Acme, actor: Actor, name: str) -> None:
    servers = list(AuthorizationServer.objects.filter(organization_id="acme").values_list("pk", flat=True))
    choice = dice.choice(["add", "add late", "enable", "disable", "delete"])
    if choice.startswith("add") or not servers:
        late = choice == "add late"
        wanted = fields(name=("Late" if late else "") + name, enabled=dice.random() < 0.5)
        AddServer(organization_id="acme", fields=wanted, receipt=acme.stale if late else acme.fresh).run(actor)
        return
    command = {"enable": EnableServer, "disable": DisableServer, "delete": DeleteServer}[choice]
    command(organization_id="acme", server_id=dice.choice(servers)).run(actor)


def disturb(acme: Acme, seed: int) -> None:
    """Others take rights away and give them back."""
    dice = random.Random(seed)  # noqa: S311 - repeatable, not secret.
    person = acme.persons[0]

    def end_session() -> None:
        actor = acme.actors[person.pk]
        assert actor.session is not None
        EndSession(session_id=actor.session).run(people.acting(Person.objects.get(pk=person.pk)))
        acme.ended.add(actor.session)

    def subscribe(ends: datetime) -> None:
        SetSubscription(
            organization_id="acme", starts_at=ends - timedelta(days=90), expires_at=ends, api_call_threshold=None
        ).run(command_line())

    steps: list[Callable[[], object]] = [
        lambda: ChangeRole(organization_id="acme", person_id=person.pk, role=READER).run(command_line()),
        lambda: ChangeRole(organization_id="acme", person_id=person.pk, role=FULL).run(command_line()),
        lambda: DeactivateAdministrator(organization_id="acme", person_id=person.pk).run(command_line()),
        lambda: ReactivateAdministrator(organization_id="acme", person_id=person.pk).run(command_line()),
        end_session,
        lambda: Suspend(organization_id="acme", reason=SuspensionReason.TERMS_VIOLATED).run(command_line()),
        lambda: Reinstate(organization_id="acme").run(command_line()),
        lambda: subscribe(acme.past),
        lambda: subscribe(acme.past + timedelta(days=30)),
    ]
    for _ in range(2 * STEPS):
        person = dice.choice(acme.persons)
        # What is refused, such as a second deactivation, changes nothing.
        with suppress(Refusal, AccessLost):
            dice.choice(steps)()


def replay(acme: Acme) -> int:
    """Read the log from the beginning; the number of changes to servers, each of which was allowed when it was made."""
    active = {person.email: True for person in acme.persons}
    roles = {person.email: FULL for person in acme.persons}
    suspended = expired = False
    changes = 0
    begin = AuditEvent.objects.filter(action="role_changed", target=acme.persons[-1].email).earliest("sequence")
    for event in AuditEvent.objects.filter(sequence__gt=begin.sequence, result="success").order_by("sequence"):
        match event.action:
            case "role_changed":
                roles[event.target] = event.changes["role"][1]
            case "administrator_deactivated" | "administrator_reactivated":
                active[event.target] = event.action == "administrator_reactivated"
            case "organization_suspended" | "organization_reinstated":
                suspended = event.action == "organization_suspended"
            case "subscription_set" if "expires_at" in event.changes:
                expired = event.changes["expires_at"][1] == spoken(acme.past)
            case "server_added" | "server_enabled" | "server_disabled" | "server_deleted":
                changes += 1
                assert active[event.actor], event
                assert roles[event.actor] == FULL, event
                assert not suspended, event
                assert not expired, event
                assert not event.target.startswith("Late"), event
    return changes


@pytest.mark.parametrize("seed", [1, 2])
def test_random_commands_leave_a_log_in_which_each_change_was_allowed(acme: Acme, seed: int) -> None:
    AddServer(organization_id="acme", fields=fields(), receipt=acme.fresh).run(acme.actors[acme.persons[0].pk])
    start = threading.Barrier(len(acme.persons) + 1)

    def begin(run: Callable[..., None], *arguments: object) -> None:
        start.wait(timeout=60)
        try:
            run(acme, *arguments)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(acme.persons) + 1) as pool:
        running = [pool.submit(begin, work, person, seed * 100 + number) for number, person in enumerate(acme.persons)]
        running.append(pool.submit(begin, disturb, seed))
        for future in running:
            future.result(timeout=120)

    assert replay(acme) > 0
    servers = AuthorizationServer.objects.filter(organization_id="acme")
    events = AuditEvent.objects.filter(result="success")
    added, deleted = (events.filter(action=f"server_{what}").count() for what in ("added", "deleted"))
    assert servers.count() == added - deleted <= 2
    assert servers.filter(enabled=True).count() <= 1
    assert verify_chain() is None
