from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import transaction

from kit.factors import add_app, code_of, waiting
from kit.people import NOW
from watchword.control.base.audit_log import REFUSED
from watchword.control.base.audit_models import AuditEvent
from watchword.control.base.refusals import Refusal
from watchword.control.identity.factor_rules import Factor
from watchword.control.identity.models import SignInThrottle
from watchword.control.identity.second_factor_commands import record_wrong_factor
from watchword.control.identity.sign_in_link_commands import purge
from watchword.control.identity.throttle import admit_attempt, factor_key, note_success

if TYPE_CHECKING:
    from datetime import datetime

    from watchword.control.base.actor import Actor
    from watchword.control.identity.models import Person

pytestmark = pytest.mark.django_db

FREE = 5
ADDRESS = "192.0.2.66"


def guess(person: Person, at: datetime, *, factor: Factor = Factor.AUTHENTICATOR_APP, address: str = ADDRESS) -> None:
    admit_attempt(factor_key(factor, person.pk, address), at)
    record_wrong_factor(replace(waiting(person), address=address), factor, person, action="signed_in", now=at)


def delay(person: Person, at: datetime, *, factor: Factor = Factor.AUTHENTICATOR_APP, address: str = ADDRESS) -> int:
    """The seconds until the next attempt."""
    try:
        admit_attempt(factor_key(factor, person.pk, address), at)
    except Refusal as refusal:
        return int(str(refusal.details["seconds"]))
    with transaction.atomic():
        SignInThrottle.objects.update(under_way=0)
    return 0


def test_p_27_delay_of_guesses_doubles_up_to_an_hour(alice: Person) -> None:
    now, delays = NOW, []
    for _ in range(FREE + 14):
        guess(alice, now)
        delays.append(delay(alice, now))
        now += timedelta(seconds=delays[-1])

    assert delays == [0] * FREE + [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 3600, 3600]


def test_waiting_for_the_delay_does_not_begin_the_count_again(alice: Person) -> None:
    now = NOW
    for _ in range(FREE + 14):
        guess(alice, now)
        now += timedelta(hours=1)

    guess(alice, now)
    assert delay(alice, now) == 3600


def test_guesses_are_forgotten_after_a_day(alice: Person) -> None:
    for _ in range(FREE):
        guess(alice, NOW)

    guess(alice, NOW + timedelta(hours=23))
    assert delay(alice, NOW + timedelta(hours=23)) == 1
    guess(alice, NOW + timedelta(hours=47, minutes=1))
    assert delay(alice, NOW + timedelta(hours=47, minutes=1)) == 0


def test_purge_keeps_what_still_delays(alice: Person) -> None:
    for _ in range(FREE + 13):
        guess(alice, NOW)
        SignInThrottle.objects.update(blocked_until=NOW)
    guess(alice, NOW)

    purge(NOW + timedelta(minutes=59))
    assert delay(alice, NOW + timedelta(minutes=59)) == 60


def test_each_factor_and_person_is_counted_alone(alice: Person, bob: Person) -> None:
    for _ in range(FREE + 1):
        guess(alice, NOW)

    assert delay(alice, NOW) == 1
    others = [factor for factor in Factor if factor is not Factor.AUTHENTICATOR_APP]
    assert [delay(alice, NOW, factor=factor) for factor in others] == [0] * len(others)
    assert delay(bob, NOW) == 0


def test_guesses_from_many_addresses_delay_the_codes_of_the_app_alone(alice: Person) -> None:
    """An attacker who knows the password tries everything, from as many addresses as it takes."""
    for factor in Factor:
        for number in range(FREE + 4):
            at = NOW - timedelta(hours=FREE + 3 - number)
            guess(alice, at, factor=factor, address=f"192.0.2.{number}")

    of_owner = {factor: delay(alice, NOW, factor=factor, address="198.51.100.1") for factor in Factor}

    assert of_owner.pop(Factor.AUTHENTICATOR_APP) == 8
    assert set(of_owner.values()) == {0}


def test_guesses_at_recovery_codes_from_one_network_are_delayed(alice: Person) -> None:
    for number in range(FREE + 1):
        guess(alice, NOW, factor=Factor.RECOVERY_CODE, address=f"2001:db8::{number}")

    assert delay(alice, NOW, factor=Factor.RECOVERY_CODE, address="2001:db8::ffff") == 1
    assert delay(alice, NOW, factor=Factor.RECOVERY_CODE, address="2001:db8:1::1") == 0


def test_right_code_resets_the_count(alice: Person) -> None:
    for _ in range(FREE):
        guess(alice, NOW)
    key = factor_key(Factor.AUTHENTICATOR_APP, alice.pk, ADDRESS)
    admit_attempt(key, NOW)
    with transaction.atomic():
        note_success(key)

    guess(alice, NOW)
    assert delay(alice, NOW) == 0


def test_guesses_at_once_are_as_many_as_without_a_delay(alice: Person) -> None:
    key = factor_key(Factor.AUTHENTICATOR_APP, alice.pk, ADDRESS)
    for _ in range(FREE + 1):
        admit_attempt(key, NOW)

    with pytest.raises(Refusal) as refused:
        admit_attempt(key, NOW)
    assert refused.value.code == "too_many_requests"


def test_wrong_factor_is_recorded_without_what_was_typed(acting_alice: Actor, alice: Person) -> None:
    secret, _ = add_app(acting_alice, alice)
    code = code_of(secret, NOW)
    guess(alice, NOW)

    event = AuditEvent.objects.order_by("-sequence")[0]
    assert (event.action, event.result, event.organization) == ("signed_in", REFUSED, "acme")
    assert (event.actor, event.target, event.address) == (alice.email, alice.email, "192.0.2.66")
    assert event.changes == {"factor": [None, "authenticator app"]}
    assert code not in str(event.__dict__["changes"])
