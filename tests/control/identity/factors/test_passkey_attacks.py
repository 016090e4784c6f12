"""Ceremonies that are replayed, mixed up, or run with a copy of an authenticator (P-21 to P-25)."""

from __future__ import annotations

import copy
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from django.db import transaction

from kit.authenticator import Authenticator
from kit.factors import add_app, add_passkey
from kit.people import NOW
from watchword.control.base.refusals import Refusal
from watchword.control.identity import ceremonies
from watchword.control.identity.factors.passkeys import (
    EnrolPasskey,
    VerifiedAssertion,
    assertion_options,
    note_use,
    registration_options,
    verify_assertion,
)
from watchword.control.identity.models import Passkey

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watchword.control.base.actor import Actor
    from watchword.control.identity.models import Person

pytestmark = pytest.mark.django_db
ORIGIN = "https://portal.example"


@pytest.fixture
def laptop(acting_alice: Actor, alice: Person) -> Authenticator:
    """Alice's, enrolled; it counts its signatures."""
    authenticator = Authenticator(ORIGIN, count=0)
    add_passkey(acting_alice, alice, authenticator)
    return authenticator


@pytest.fixture
def phone(acting_bob: Actor, bob: Person) -> Authenticator:
    """Bob's, enrolled."""
    authenticator = Authenticator(ORIGIN)
    add_passkey(acting_bob, bob, authenticator, name="Phone")
    return authenticator


def accepted(assertion: VerifiedAssertion) -> None:
    with transaction.atomic():
        note_use(assertion, NOW)


@contextmanager
def refused(code: str) -> Iterator[None]:
    with pytest.raises(Refusal) as raised:
        yield
    assert raised.value.code == code


def test_assertion_is_accepted_once(alice: Person, laptop: Authenticator) -> None:
    options, sealed = assertion_options(None)
    response = laptop.get(options)

    accepted(verify_assertion(response, sealed))

    with refused("ceremony_expired"):
        accepted(verify_assertion(response, sealed))


def test_assertion_of_a_counter_less_authenticator_is_accepted_once(bob: Person, phone: Authenticator) -> None:
    options, sealed = assertion_options(bob.pk)
    response = phone.get(options)

    accepted(verify_assertion(response, sealed, person_id=bob.pk))

    again = verify_assertion(response, sealed, person_id=bob.pk)
    with refused("ceremony_expired"):
        accepted(again)


def test_registration_is_accepted_once(acting_alice: Actor, alice: Person, authenticator: Authenticator) -> None:
    options, sealed = registration_options(alice)
    enrol = EnrolPasskey(name="Laptop", response=authenticator.create(options), sealed=sealed)
    enrol.run(acting_alice)
    Passkey.objects.all().delete()

    with refused("ceremony_expired"):
        enrol.run(acting_alice)


def test_challenge_of_another_browser_is_refused(alice: Person, laptop: Authenticator) -> None:
    """An attacker begins a sign-in, and lets Alice sign the challenge."""
    of_alice, _ = assertion_options(None)
    _, of_attacker = assertion_options(None)

    with refused("passkey_refused"):
        verify_assertion(laptop.get(of_alice), of_attacker)


def test_ceremonies_of_two_people_are_not_mixed(alice: Person, bob: Person, laptop: Authenticator) -> None:
    options, of_bob = assertion_options(bob.pk)
    response = laptop.get(options)

    with refused("passkey_refused"):
        verify_assertion(response, of_bob, person_id=alice.pk)
    with refused("passkey_refused"):
        verify_assertion(response, of_bob, person_id=bob.pk)
    with refused("passkey_refused"):
        verify_assertion(response, of_bob)


def test_ceremony_of_a_sign_in_is_no_second_factor_and_the_reverse(alice: Person, laptop: Authenticator) -> None:
    options, of_sign_in = assertion_options(None)
    response = laptop.get(options)
    with refused("passkey_refused"):
        verify_assertion(response, of_sign_in, person_id=alice.pk)

    options, of_second_factor = assertion_options(alice.pk)
    response = laptop.get(options)
    with refused("passkey_refused"):
        verify_assertion(response, of_second_factor)


def test_registration_for_another_person_is_refused(
    acting_alice: Actor, bob: Person, authenticator: Authenticator
) -> None:
    options, of_bob = registration_options(bob)
    enrol = EnrolPasskey(name="Laptop", response=authenticator.create(options), sealed=of_bob)

    with refused("ceremony_expired"):
        enrol.run(acting_alice)
    assert not Passkey.objects.exists()


def test_ceremonies_of_other_kinds_are_refused(acting_alice: Actor, alice: Person, laptop: Authenticator) -> None:
    of_assertion, sealed_assertion = assertion_options(alice.pk)
    of_registration, sealed_registration = registration_options(alice)
    enrol = EnrolPasskey(name="Other", response=Authenticator(ORIGIN).create(of_registration), sealed=sealed_assertion)

    with refused("ceremony_expired"):
        enrol.run(acting_alice)
    for sealed in (sealed_registration, ceremonies.begun("single sign-on", {}), "", "x" * 100_000):
        response = laptop.get(of_assertion)
        with refused("ceremony_expired"):
            verify_assertion(response, sealed)


def test_credential_of_another_person_is_no_second_factor(
    alice: Person, laptop: Authenticator, phone: Authenticator
) -> None:
    options, sealed = assertion_options(alice.pk)

    with refused("passkey_refused"):
        verify_assertion(phone.get(options), sealed, person_id=alice.pk)


def test_credential_of_another_person_is_refused_whatever_it_says(
    alice: Person, laptop: Authenticator, phone: Authenticator
) -> None:
    options, sealed = assertion_options(None)
    claims_alice = phone.get(options, user_handle=laptop.user_handle)
    signs_for_alice = phone.get(options, user_handle=laptop.user_handle, credential_id=laptop.credential_id)

    with refused("passkey_refused"):
        verify_assertion(claims_alice, sealed)
    with refused("passkey_refused"):
        verify_assertion(signs_for_alice, sealed)


def test_unknown_credential_is_refused(alice: Person) -> None:
    stranger = Authenticator(ORIGIN)
    stranger.create(registration_options(alice)[0])

    for person_id in (None, alice.pk):
        options, sealed = assertion_options(person_id)
        response = stranger.get(options)
        with refused("passkey_refused"):
            verify_assertion(response, sealed, person_id=person_id)


def test_passkey_alone_must_say_whose_it_is(alice: Person, laptop: Authenticator) -> None:
    options, sealed = assertion_options(None)
    response = laptop.get(options, user_handle=None)
    with refused("passkey_refused"):
        verify_assertion(response, sealed)

    options, sealed = assertion_options(alice.pk)
    response = laptop.get(options, user_handle=None)
    assert verify_assertion(response, sealed, person_id=alice.pk).person == alice


@pytest.mark.parametrize(
    "origin", ["https://evil.portal.example", "https://portal.example:8443", "http://portal.example"]
)
def test_page_of_another_origin_proves_nothing(
    acting_alice: Actor, alice: Person, laptop: Authenticator, origin: str
) -> None:
    options, sealed = assertion_options(None)
    with refused("passkey_refused"):
        verify_assertion(laptop.get(options, origin=origin), sealed)

    options, sealed = registration_options(alice)
    response = Authenticator(origin).create(options)
    enrol = EnrolPasskey(name="Other", response=response, sealed=sealed)
    with refused("passkey_refused"):
        enrol.run(acting_alice)


def test_counter_set_back_or_equal_is_refused(alice: Person, laptop: Authenticator) -> None:
    """The copy of an authenticator counts from where it was copied."""
    copied = copy.copy(laptop)
    for _ in range(3):
        options, sealed = assertion_options(None)
        accepted(verify_assertion(laptop.get(options), sealed))

    for count in (copied.count or 0, 1, 2, 3):
        options, sealed = assertion_options(None)
        proven = verify_assertion(copied.get(options, sign_count=count), sealed)
        with refused("passkey_refused"):
            accepted(proven)
    assert Passkey.objects.get().sign_count == 3

    options, sealed = assertion_options(None)
    accepted(verify_assertion(laptop.get(options), sealed))
    assert Passkey.objects.get().sign_count == 4


def test_refused_counter_does_not_spend_the_ceremony(alice: Person, laptop: Authenticator) -> None:
    options, sealed = assertion_options(None)
    accepted(verify_assertion(laptop.get(options), sealed))

    options, sealed = assertion_options(None)
    set_back = verify_assertion(laptop.get(options, sign_count=1), sealed)
    with refused("passkey_refused"):
        accepted(set_back)
    accepted(verify_assertion(laptop.get(options), sealed))


def test_authenticators_that_do_not_count_stay_at_zero(bob: Person, phone: Authenticator) -> None:
    for _ in range(2):
        options, sealed = assertion_options(None)
        accepted(verify_assertion(phone.get(options), sealed))

    assert Passkey.objects.get().sign_count == 0


def test_authenticator_may_begin_to_count(bob: Person, phone: Authenticator) -> None:
    options, sealed = assertion_options(None)
    accepted(verify_assertion(phone.get(options, sign_count=2**32 - 1), sealed))

    assert Passkey.objects.get().sign_count == 2**32 - 1


def test_credential_cannot_be_enrolled_for_a_second_person(
    acting_bob: Actor, bob: Person, alice: Person, laptop: Authenticator
) -> None:
    options, sealed = registration_options(bob)
    enrol = EnrolPasskey(name="Mine", response=laptop.create(options), sealed=sealed)

    with refused("passkey_refused"):
        enrol.run(acting_bob)
    assert Passkey.objects.get().person == alice


def test_malformed_response_adds_nothing_and_is_recorded_nowhere(acting_alice: Actor, alice: Person) -> None:
    for response in ("", "{", "x" * 1_000_000, '{"id":"AA","rawId":"AA","type":"public-key","response":{}}'):
        _, sealed = registration_options(alice)
        enrol = EnrolPasskey(name="Laptop", response=response, sealed=sealed)
        with refused("passkey_refused"):
            enrol.run(acting_alice)
        _, sealed = assertion_options(None)
        with refused("passkey_refused"):
            verify_assertion(response, sealed)
    assert not Passkey.objects.exists()


def test_sign_in_of_a_person_without_passkeys_is_not_offered_anothers(
    acting_bob: Actor, bob: Person, laptop: Authenticator
) -> None:
    add_app(acting_bob, bob)
    options, sealed = assertion_options(bob.pk)

    assert options["allowCredentials"] == []
    with refused("passkey_refused"):
        verify_assertion(laptop.get(options), sealed, person_id=bob.pk)
