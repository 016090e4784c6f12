from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from django.utils import timezone

from kit import people
from kit.authenticator import Authenticator
from kit.factors import add_app, add_passkey, waiting
from watchword.control.base.audit_models import AuditEvent
from watchword.control.base.refusals import AccessLost, Refusal
from watchword.control.identity.factors.commands import (
    RemoveAuthenticatorApp,
    RemovePasskey,
    RenamePasskey,
    ReplaceRecoveryCodes,
)
from watchword.control.identity.factors.queries import (
    enrolled_factors,
    must_have_second_factor,
)
from watchword.control.identity.models import Passkey, SignInPolicy

if TYPE_CHECKING:
    from watchword.control.base.actor import Actor
    from watchword.control.identity.models import Person

pytestmark = pytest.mark.django_db
ORIGIN = "https://portal.example"


@pytest.fixture
def passkey(acting_alice: Actor, alice: Person, authenticator: Authenticator) -> Passkey:
    add_passkey(acting_alice, alice, authenticator)
    return Passkey.objects.get()


@pytest.fixture
def _required(acme: object) -> None:
    SignInPolicy.objects.create(organization_id="acme", second_factor_required=True)


def last_event() -> tuple[str, str, dict[str, list[object]]]:
    event = AuditEvent.objects.order_by("-sequence")[0]
    return event.action, event.target, event.changes


def test_rename_is_recorded(acting_alice: Actor, passkey: Passkey) -> None:
    RenamePasskey(passkey_id=passkey.public_id, name="Phone").run(acting_alice)

    assert Passkey.objects.get().name == "Phone"
    assert last_event() == ("factor_renamed", "alice@acme.example", {"name": ["Laptop", "Phone"]})


def test_passkey_may_keep_its_name_but_not_take_anothers(acting_alice: Actor, alice: Person, passkey: Passkey) -> None:
    add_passkey(acting_alice, alice, Authenticator(ORIGIN), name="Phone")

    RenamePasskey(passkey_id=passkey.public_id, name="LAPTOP").run(acting_alice)
    with pytest.raises(Refusal) as refused:
        RenamePasskey(passkey_id=passkey.public_id, name="PHONE").run(acting_alice)
    assert refused.value.code == "name_taken"


def test_passkey_is_not_renamed_to_an_unreadable_name(acting_alice: Actor, passkey: Passkey) -> None:
    with pytest.raises(Refusal) as refused:
        RenamePasskey(passkey_id=passkey.public_id, name="").run(acting_alice)
    assert set(refused.value.field_errors) == {"name"}


def test_only_the_owner_finds_a_passkey(acting_bob: Actor, acting_alice: Actor, passkey: Passkey) -> None:
    for change in (
        RenamePasskey(passkey_id=passkey.public_id, name="Mine"),
        RemovePasskey(passkey_id=passkey.public_id),
    ):
        with pytest.raises(Refusal) as refused:
            change.run(acting_bob)
        assert refused.value.code == "not_found"
    with pytest.raises(Refusal) as refused:
        RemovePasskey(passkey_id=uuid4()).run(acting_alice)
    assert refused.value.code == "not_found"
    assert Passkey.objects.get().name == "Laptop"


def test_removed_passkey_is_recorded_by_name(acting_alice: Actor, passkey: Passkey) -> None:
    RemovePasskey(passkey_id=passkey.public_id).run(acting_alice)

    assert last_event() == (
        "factor_removed",
        "alice@acme.example",
        {"factor": ["passkey", None], "name": ["Laptop", None]},
    )


def test_recovery_codes_go_with_the_last_factor(acting_alice: Actor, alice: Person, passkey: Passkey) -> None:
    add_app(acting_alice, alice)

    RemovePasskey(passkey_id=passkey.public_id).run(acting_alice)
    assert enrolled_factors(alice.pk).codes_left == 10
    RemoveAuthenticatorApp().run(acting_alice)
    assert enrolled_factors(alice.pk).codes_left == 0
    assert last_event() == ("factor_removed", "alice@acme.example", {"factor": ["authenticator app", None]})
    with pytest.raises(Refusal) as refused:
        RemoveAuthenticatorApp().run(acting_alice)
    assert refused.value.code == "not_found"


@pytest.mark.usefixtures("_required")
def test_last_required_factor_cannot_be_removed(acting_alice: Actor, alice: Person, passkey: Passkey) -> None:
    with pytest.raises(Refusal) as refused:
        RemovePasskey(passkey_id=passkey.public_id).run(acting_alice)
    assert (refused.value.code, refused.value.status) == ("last_factor", 409)

    add_app(acting_alice, alice)
    RemovePasskey(passkey_id=passkey.public_id).run(acting_alice)
    with pytest.raises(Refusal) as refused:
        RemoveAuthenticatorApp().run(acting_alice)
    assert refused.value.code == "last_factor"
    assert enrolled_factors(alice.pk).codes_left == 10


def test_operators_must_have_a_second_factor(operator: Person) -> None:
    acting = people.acting(operator)
    add_app(acting, operator)

    assert must_have_second_factor(operator)
    with pytest.raises(Refusal) as refused:
        RemoveAuthenticatorApp().run(acting)
    assert refused.value.code == "last_factor"


def test_an_organization_requires_it_of_its_own_people(alice: Person, charlie: Person) -> None:
    assert not must_have_second_factor(alice)
    policy = SignInPolicy.objects.create(organization_id="acme", second_factor_required=False)
    assert not must_have_second_factor(alice)
    policy.second_factor_required = True
    policy.save()
    assert must_have_second_factor(alice)
    assert not must_have_second_factor(charlie)


def test_emergency_administrator_must_have_a_second_factor(alice: Person, bob: Person) -> None:
    SignInPolicy.objects.create(organization_id="acme", emergency_person=alice)

    assert (must_have_second_factor(alice), must_have_second_factor(bob)) == (True, False)


def test_recovery_codes_need_a_factor_that_they_replace(acting_alice: Actor) -> None:
    with pytest.raises(Refusal) as refused:
        ReplaceRecoveryCodes().run(acting_alice)
    assert refused.value.code == "not_found"


def test_enrolled_factors_of_a_person(acting_alice: Actor, alice: Person, bob: Person, passkey: Passkey) -> None:
    add_app(acting_alice, alice)

    enrolled, none = enrolled_factors(alice.pk), enrolled_factors(bob.pk)

    assert (enrolled.passkeys, enrolled.has_app, enrolled.codes_left, enrolled.any) == ((passkey,), True, 10, True)
    assert (none.passkeys, none.has_app, none.codes_left, none.any) == ((), False, 0, False)


def test_p_28_stolen_password_adds_a_first_factor_only(alice: Person, acting_alice: Actor) -> None:
    """The page of the owner then shows it with date, browser and address."""
    add_app(acting_alice, alice)

    with pytest.raises(Refusal) as refused:
        add_passkey(waiting(alice), alice, Authenticator(ORIGIN), pending=alice)
    assert (refused.value.code, refused.value.status) == ("second_factor_exists", 409)
    with pytest.raises(Refusal) as refused:
        add_app(waiting(alice), alice, pending=alice)
    assert refused.value.code == "second_factor_exists"
    assert not Passkey.objects.exists()


def test_first_factor_is_added_before_the_sign_in_is_complete(alice: Person) -> None:
    assert len(add_passkey(waiting(alice), alice, Authenticator(ORIGIN), pending=alice)) == 10
    assert Passkey.objects.get().added_from == "Firefox on Linux, 192.0.2.66"


def test_replaced_password_adds_no_factor(alice: Person) -> None:
    type(alice).objects.filter(pk=alice.pk).update(password="another")

    with pytest.raises(AccessLost):
        add_passkey(waiting(alice), alice, Authenticator(ORIGIN), pending=alice)
    assert not Passkey.objects.exists()


def test_without_session_the_checked_person_must_be_named(alice: Person, bob: Person) -> None:
    for checked in (None, bob):
        with pytest.raises(AccessLost):
            add_passkey(waiting(alice), alice, Authenticator(ORIGIN), pending=checked)
    assert not Passkey.objects.exists()


def test_password_alone_changes_no_factor(acting_alice: Actor, alice: Person, passkey: Passkey) -> None:
    add_app(acting_alice, alice)

    for change in (
        RenamePasskey(passkey_id=passkey.public_id, name="Mine"),
        RemovePasskey(passkey_id=passkey.public_id),
        RemoveAuthenticatorApp(),
        ReplaceRecoveryCodes(),
    ):
        with pytest.raises(AccessLost) as lost:
            change.run(waiting(alice))
        assert lost.value.refusal.code == "session_ended"
    enrolled = enrolled_factors(alice.pk)
    assert (len(enrolled.passkeys), enrolled.has_app, enrolled.passkeys[0].name) == (1, True, "Laptop")


@pytest.mark.parametrize("minutes", [5, 16])
def test_changes_of_factors_need_recent_proof(
    acting_alice: Actor, alice: Person, passkey: Passkey, minutes: int
) -> None:
    people.proven(acting_alice, timezone.now() - timedelta(minutes=minutes))
    changes = (
        lambda: add_app(acting_alice, alice),
        lambda: add_passkey(acting_alice, alice, Authenticator(ORIGIN), name="Phone"),
        lambda: RemovePasskey(passkey_id=passkey.public_id).run(acting_alice),
        lambda: ReplaceRecoveryCodes().run(acting_alice),
        lambda: RemoveAuthenticatorApp().run(acting_alice),
    )

    refused = []
    for change in changes:
        try:
            change()
        except AccessLost as lost:
            refused.append(lost.refusal.code)

    assert refused == ([] if minutes < 15 else ["proof_required"] * len(changes))
