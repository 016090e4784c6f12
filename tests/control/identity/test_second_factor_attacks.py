"""What an attacker who knows a password does while an administrator changes how people sign in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kit import people
from kit.factors import add_app, waiting
from kit.people import PASSWORD
from kit.signing_in import give_app
from watchword.control.base.refusals import Refusal, RefusalReason
from watchword.control.identity.factor_rules import Factor
from watchword.control.identity.factors.commands import ResetFactors
from watchword.control.identity.factors.queries import enrolled_factors
from watchword.control.identity.models import SignInPolicy
from watchword.control.identity.second_factor_commands import (
    CompleteEnrolment,
)
from watchword.control.identity.sign_in_commands import PasswordAccepted, SignIn

if TYPE_CHECKING:
    from watchword.control.identity.models import Person
    from watchword.control.identity.pending_sign_ins import PendingSignIn


def pending_of(person: Person) -> PendingSignIn:
    accepted = SignIn(email=person.email, password=PASSWORD).run()
    assert isinstance(accepted, PasswordAccepted)
    return accepted.pending


def test_p_80_factor_that_was_reset_meanwhile_completes_no_enrolment(alice: Person, bob: Person) -> None:
    SignInPolicy.objects.create(organization_id="acme", second_factor_required=True)
    pending = pending_of(bob)
    give_app(bob)
    ResetFactors(person_id=bob.pk, organization_id="acme").run(people.acting(alice))

    complete = CompleteEnrolment(pending=pending, factor=Factor.AUTHENTICATOR_APP)
    with pytest.raises(Refusal) as refused:
        complete.run()
    assert refused.value.reason is RefusalReason.SIGN_IN_EXPIRED


def test_p_80_password_that_no_longer_signs_in_adds_no_factor(alice: Person, bob: Person) -> None:
    SignInPolicy.objects.create(organization_id="acme", single_sign_on_only=True, emergency_person=bob)

    with pytest.raises(Refusal) as refused:
        add_app(waiting(alice), alice, pending=alice)
    assert refused.value.reason is RefusalReason.SINGLE_SIGN_ON_REQUIRED
    assert not enrolled_factors(alice.pk).any
