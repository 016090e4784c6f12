"""Confirming with a second factor, for a change that needs proof."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from kit import people
from kit.authenticator import Authenticator
from kit.factors import add_app, add_passkey, code_of
from kit.people import PASSWORD
from watchword.control.audit.models import AuditEvent
from watchword.control.base.refusals import AccessLost, Refusal, RefusalReason
from watchword.control.identity.factor_rules import Factor
from watchword.control.identity.factors.passkeys import assertion_options
from watchword.control.identity.models import Passkey, RecoveryCode
from watchword.control.identity.proof_commands import ConfirmIdentity, ways_to_prove
from watchword.control.identity.second_factor_commands import PasskeyResponse, TypedFactor
from watchword.control.identity.session_store import end_sessions

if TYPE_CHECKING:
    from datetime import datetime

    from watchword.control.base.actor import Actor
    from watchword.control.identity.models import Person

pytestmark = pytest.mark.django_db


def confirm(actor: Actor, typed: TypedFactor, *, password: str = "", now: datetime | None = None) -> list[str]:
    """The factors of the session after the proof."""
    people.proven(actor, None)
    ConfirmIdentity(typed=typed, password=password).run(actor, now=now)
    session = people.session_of(actor)
    assert session.proven_at is not None
    return list(session.factors)


def refused(actor: Actor, typed: TypedFactor, *, password: str = "", now: datetime | None = None) -> RefusalReason:
    with pytest.raises(Refusal) as raised:
        confirm(actor, typed, password=password, now=now)
    assert people.session_of(actor).proven_at is None
    return raised.value.reason


def by_passkey(person: Person, authenticator: Authenticator) -> TypedFactor:
    options, sealed = assertion_options(person.pk)
    return TypedFactor(passkey=PasskeyResponse(response=authenticator.get(options), sealed=sealed))


def last_event() -> tuple[str, str, dict[str, list[object]]]:
    event = AuditEvent.objects.latest("sequence")
    return event.action, event.result, event.changes


def test_ways_are_the_second_factors_and_else_the_password(
    alice: Person, bob: Person, acting_alice: Actor, authenticator: Authenticator
) -> None:
    assert ways_to_prove(alice) == {Factor.PASSWORD}
    add_app(acting_alice, alice)
    assert ways_to_prove(alice) == {Factor.AUTHENTICATOR_APP, Factor.RECOVERY_CODE}
    add_passkey(acting_alice, alice, authenticator)
    assert ways_to_prove(alice) == {Factor.AUTHENTICATOR_APP, Factor.PASSKEY, Factor.RECOVERY_CODE}
    bob.set_unusable_password()
    assert ways_to_prove(bob) == set()


def test_code_of_the_app_confirms_once(alice: Person, acting_alice: Actor) -> None:
    secret, _ = add_app(acting_alice, alice)
    typed = TypedFactor(code=code_of(secret, timezone.now()))
    assert confirm(acting_alice, typed) == ["authenticator app"]
    assert last_event() == ("identity_confirmed", "success", {"factors": [None, "authenticator app"]})
    assert refused(acting_alice, typed) is RefusalReason.SECOND_FACTOR_WRONG
    assert last_event() == ("identity_confirmed", "refused", {"factor": [None, "authenticator app"]})


def test_recovery_code_confirms_once(alice: Person, acting_alice: Actor) -> None:
    _, codes = add_app(acting_alice, alice)
    typed = TypedFactor(recovery_code=codes[0])
    assert confirm(acting_alice, typed) == ["recovery code"]
    assert RecoveryCode.objects.filter(used_at__isnull=True).count() == len(codes) - 1
    assert refused(acting_alice, typed) is RefusalReason.SECOND_FACTOR_WRONG


def test_passkey_confirms_once(alice: Person, acting_alice: Actor, authenticator: Authenticator) -> None:
    add_passkey(acting_alice, alice, authenticator)
    typed = by_passkey(alice, authenticator)
    assert confirm(acting_alice, typed) == ["passkey"]
    assert refused(acting_alice, typed) is RefusalReason.CEREMONY_EXPIRED


def test_passkey_of_another_person_confirms_nothing(
    alice: Person, bob: Person, acting_alice: Actor, acting_bob: Actor, authenticator: Authenticator
) -> None:
    bobs = Authenticator(authenticator.origin)
    add_passkey(acting_alice, alice, authenticator)
    add_passkey(acting_bob, bob, bobs)
    assert refused(acting_alice, by_passkey(bob, bobs)) is RefusalReason.PASSKEY_REFUSED
    _, codes = add_app(acting_bob, bob)
    assert codes == []
    assert refused(acting_alice, by_passkey(alice, bobs)) is RefusalReason.PASSKEY_REFUSED


def test_removed_passkey_confirms_nothing(alice: Person, acting_alice: Actor, authenticator: Authenticator) -> None:
    add_app(acting_alice, alice)
    add_passkey(acting_alice, alice, authenticator)
    Passkey.objects.all().delete()
    assert refused(acting_alice, TypedFactor(passkey=PasskeyResponse(response="{}", sealed=""))) is (
        RefusalReason.SECOND_FACTOR_WRONG
    )


def test_password_does_not_replace_a_second_factor(alice: Person, acting_alice: Actor) -> None:
    add_app(acting_alice, alice)
    assert refused(acting_alice, TypedFactor(), password=PASSWORD) is RefusalReason.SECOND_FACTOR_WRONG


def test_person_without_a_second_factor_has_no_code(acting_alice: Actor) -> None:
    assert refused(acting_alice, TypedFactor(code="123456")) is RefusalReason.SECOND_FACTOR_WRONG
    assert refused(acting_alice, TypedFactor(recovery_code="7K2M")) is RefusalReason.SECOND_FACTOR_WRONG


def test_p_33_guesses_at_codes_are_slowed_down(alice: Person, acting_alice: Actor) -> None:
    secret, codes = add_app(acting_alice, alice)
    at = timezone.now()
    reasons = [refused(acting_alice, TypedFactor(code="000000"), now=at) for _ in range(12)]
    assert reasons[-1] is RefusalReason.TOO_MANY_REQUESTS
    right = TypedFactor(code=code_of(secret, at))
    assert refused(acting_alice, right, now=at) is RefusalReason.TOO_MANY_REQUESTS
    # No one is locked out: a recovery code is counted for itself.
    assert confirm(acting_alice, TypedFactor(recovery_code=codes[0]), now=at) == ["recovery code"]


def test_code_is_not_used_up_by_an_ended_session(alice: Person, acting_alice: Actor) -> None:
    _, codes = add_app(acting_alice, alice)
    end_sessions(alice.pk)
    with pytest.raises(AccessLost):
        ConfirmIdentity(typed=TypedFactor(recovery_code=codes[0])).run(acting_alice)
    assert RecoveryCode.objects.filter(used_at__isnull=True).count() == len(codes)
