"""A reset of a person's second factors by another person."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kit import people
from kit.authenticator import Authenticator
from kit.factors import add_app, add_passkey
from watchword.control.base.actor import Permission, command_line
from watchword.control.base.audit_models import AuditEvent
from watchword.control.base.refusals import Refusal
from watchword.control.identity.factors.commands import (
    ResetFactors,
)
from watchword.control.identity.factors.queries import (
    FactorsReset,
    enrolled_factors,
    last_reset,
)
from watchword.control.identity.models import Session

if TYPE_CHECKING:
    from watchword.control.base.actor import Actor
    from watchword.control.identity.models import Person


pytestmark = pytest.mark.django_db


ORIGIN = "https://portal.example"


def last_event() -> tuple[str, str, dict[str, list[object]]]:
    event = AuditEvent.objects.order_by("-sequence")[0]
    return event.action, event.target, event.changes


def test_reset_removes_all_factors_and_sessions(acting_alice: Actor, alice: Person, bob: Person) -> None:
    acting = people.acting(bob)
    add_passkey(acting, bob, Authenticator(ORIGIN))
    add_app(acting, bob)
    add_app(acting_alice, alice)

    ResetFactors(person_id=bob.pk, organization_id="acme").run(acting_alice)

    assert not enrolled_factors(bob.pk).any
    assert enrolled_factors(bob.pk).codes_left == 0
    assert not Session.objects.filter(person=bob).exists()
    assert enrolled_factors(alice.pk).any
    assert last_event() == (
        "factors_reset",
        bob.email,
        {"passkeys": [1, 0], "authenticator_app": [True, False], "recovery_codes": [10, 0]},
    )


def test_person_sees_who_reset_the_factors(acting_alice: Actor, alice: Person, bob: Person) -> None:
    assert last_reset(bob) is None

    ResetFactors(person_id=bob.pk, organization_id="acme").run(acting_alice)

    event = AuditEvent.objects.get(action="factors_reset")
    for person in (alice, bob):
        person.refresh_from_db()
    assert last_reset(bob) == FactorsReset(event.at, alice.email)
    assert last_reset(alice) is None


def test_refused_reset_is_none(acting_bob: Actor, alice: Person) -> None:
    with pytest.raises(Refusal) as refused:
        ResetFactors(person_id=alice.pk, organization_id="acme").run(acting_bob)

    assert refused.value.code == "permission_missing"
    alice.refresh_from_db()
    assert last_reset(alice) is None


def test_nobody_resets_their_own_factors(acting_alice: Actor, alice: Person, operator: Person) -> None:
    for actor, person, organization in ((acting_alice, alice, "acme"), (people.acting(operator), operator, None)):
        with pytest.raises(Refusal) as refused:
            ResetFactors(person_id=person.pk, organization_id=organization).run(actor)
        assert refused.value.code == "own_factors"


def test_p_29_reset_needs_the_permissions_of_the_person(alice: Person, acme: object) -> None:
    weaker = people.acting(people.administrator("bob", "acme", Permission.ADMINISTRATORS))

    with pytest.raises(Refusal) as refused:
        ResetFactors(person_id=alice.pk, organization_id="acme").run(weaker)
    assert refused.value.code == "permission_missing"


def test_people_of_other_organizations_are_not_found(
    acting_alice: Actor, charlie: Person, alice: Person, operator: Person
) -> None:
    for actor, person_id, organization in (
        (acting_alice, charlie.pk, "acme"),
        (acting_alice, charlie.pk, "globex"),
        (people.acting(operator), alice.pk, None),
        (people.acting(operator), alice.pk, "globex"),
        (acting_alice, operator.pk, "acme"),
    ):
        with pytest.raises(Refusal) as refused:
            ResetFactors(person_id=person_id, organization_id=organization).run(actor)
        assert refused.value.code == "not_found"
    with pytest.raises(Refusal) as refused:
        ResetFactors(person_id=operator.pk, organization_id=None).run(acting_alice)
    assert refused.value.code == "permission_missing"


def test_operators_and_the_command_line_reset_an_operators_factors(operator: Person, alice: Person) -> None:
    add_app(people.acting(operator), operator)

    ResetFactors(person_id=operator.pk, organization_id=None).run(command_line())

    assert not enrolled_factors(operator.pk).any
    ResetFactors(person_id=alice.pk, organization_id="acme").run(people.acting(operator))
    assert AuditEvent.objects.filter(action="factors_reset").count() == 2
