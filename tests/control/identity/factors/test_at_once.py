"""Codes, ceremonies and factors at two portals at the same moment (P-23, P-24, P-26, P-28, P-29)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest
from django.db import transaction
from django.utils import timezone

from kit import people
from kit.at_once import at_once
from kit.authenticator import Authenticator
from kit.factors import add_app, add_passkey, code_of, waiting
from watchword.control.base.actor import Permission
from watchword.control.base.refusals import Refusal, RefusalReason
from watchword.control.identity.factors import authenticator_app, recovery_codes
from watchword.control.identity.factors.commands import RemoveAuthenticatorApp, RemovePasskey
from watchword.control.identity.factors.passkeys import (
    VerifiedAssertion,
    assertion_options,
    note_use,
    verify_assertion,
)
from watchword.control.identity.factors.queries import enrolled_factors
from watchword.control.identity.models import Passkey, RecoveryCode, SignInPolicy

if TYPE_CHECKING:
    from datetime import datetime

    from watchword.control.base.actor import Actor
    from watchword.control.identity.models import Person

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("committing")]

ORIGIN = "https://portal.example"
ROUNDS = 8


@pytest.fixture
def alice() -> Person:
    people.organization("acme")
    return people.administrator("alice", "acme", *Permission)


@pytest.fixture
def acting(alice: Person) -> Actor:
    return people.acting(alice)


def use_app(person: Person, code: str, now: datetime) -> None:
    with transaction.atomic():
        if not authenticator_app.use_code(person.pk, code, now):
            raise Refusal(RefusalReason.NOT_FOUND)


def use_recovery_code(person: Person, code: str) -> None:
    with transaction.atomic():
        if not recovery_codes.use_code(person.pk, code, timezone.now()):
            raise Refusal(RefusalReason.NOT_FOUND)


def noted(assertion: VerifiedAssertion) -> None:
    with transaction.atomic():
        note_use(assertion, timezone.now())


def test_one_code_at_two_portals_works_at_one(acting: Actor, alice: Person) -> None:
    for _ in range(ROUNDS):
        secret, _codes = add_app(acting, alice)
        now = timezone.now()
        code = code_of(secret, now)

        outcomes = at_once(*[partial(use_app, alice, code, now)] * 3)

        assert outcomes == ["done", "not_found", "not_found"]


def test_two_codes_at_once_never_work_in_the_wrong_order(acting: Actor, alice: Person) -> None:
    """The earlier one may work before the later one, and never after it."""
    secret, _ = add_app(acting, alice)
    now = timezone.now()
    codes = [code_of(secret, now, steps=steps) for steps in (-1, 0, 1)]

    at_once(*[partial(use_app, alice, code, now) for code in codes])

    for code in codes:
        with transaction.atomic():
            assert not authenticator_app.use_code(alice.pk, code, now)


def test_one_recovery_code_at_two_portals_works_at_one(acting: Actor, alice: Person) -> None:
    _, codes = add_app(acting, alice)
    for code in codes[:ROUNDS]:
        outcomes = at_once(*[partial(use_recovery_code, alice, code)] * 3)

        assert outcomes == ["done", "not_found", "not_found"]
    assert RecoveryCode.objects.filter(used_at=None).count() == 10 - ROUNDS


def test_one_assertion_at_two_portals_works_at_one(acting: Actor, alice: Person) -> None:
    authenticator = Authenticator(ORIGIN, count=0)
    add_passkey(acting, alice, authenticator)
    for _ in range(ROUNDS):
        options, sealed = assertion_options(None)
        proven = verify_assertion(authenticator.get(options), sealed)

        outcomes = at_once(*[partial(noted, proven)] * 3)

        assert outcomes[::2] == ["ceremony_expired", "done"]


def test_an_authenticator_and_its_copy_do_not_both_sign_in(acting: Actor, alice: Person) -> None:
    authenticator = Authenticator(ORIGIN, count=0)
    add_passkey(acting, alice, authenticator)
    for count in range(1, 1 + ROUNDS):
        proven = []
        for _ in range(2):
            options, sealed = assertion_options(None)
            proven.append(verify_assertion(authenticator.get(options, sign_count=count), sealed))

        outcomes = at_once(*[partial(noted, one) for one in proven])

        assert outcomes == ["done", "passkey_refused"]


def test_of_two_first_factors_with_one_password_one_is_added(alice: Person) -> None:
    """An attacker with the stolen password, and the owner."""
    actor = waiting(alice)
    outcomes = at_once(
        lambda: add_passkey(actor, alice, Authenticator(ORIGIN), pending=alice),
        lambda: add_app(actor, alice, pending=alice),
    )

    assert outcomes == ["done", "second_factor_exists"]
    assert enrolled_factors(alice.pk).codes_left == 10


def test_two_factors_removed_at_once_leave_one_where_it_is_required(acting: Actor, alice: Person) -> None:
    SignInPolicy.objects.create(organization_id="acme", second_factor_required=True)
    add_passkey(acting, alice, Authenticator(ORIGIN))
    add_app(acting, alice)
    passkey = Passkey.objects.get()

    outcomes = at_once(
        lambda: RemovePasskey(passkey_id=passkey.public_id).run(acting),
        lambda: RemoveAuthenticatorApp().run(acting),
    )

    assert outcomes == ["done", "last_factor"]
    assert enrolled_factors(alice.pk).any


def test_one_credential_is_not_enrolled_by_two_people_at_once(acting: Actor, alice: Person) -> None:
    people.organization("globex")
    charlie = people.administrator("charlie", "globex", *Permission)
    authenticator = Authenticator(ORIGIN)

    outcomes = at_once(
        lambda: add_passkey(acting, alice, authenticator),
        lambda: add_passkey(people.acting(charlie), charlie, authenticator),
    )

    assert outcomes == ["done", "passkey_refused"]
    assert Passkey.objects.count() == 1
