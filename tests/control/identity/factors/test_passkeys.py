from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.db import transaction

from kit import people
from kit.authenticator import EDDSA, ES256, RS256, Authenticator
from kit.factors import FIREFOX, add_app, add_passkey, waiting
from kit.people import NOW
from watchword.control.base.audit_models import AuditEvent
from watchword.control.base.refusals import Refusal
from watchword.control.identity.factors.passkeys import (
    EnrolPasskey,
    assertion_options,
    note_use,
    registration_options,
    relying_party,
    verify_assertion,
)
from watchword.control.identity.models import Passkey, RecoveryCode, Session
from watchword.core import base64url

if TYPE_CHECKING:
    from pytest_django import Settings

    from watchword.control.base.actor import Actor
    from watchword.control.identity.models import Person

pytestmark = pytest.mark.django_db
ORIGIN = "https://portal.example"


@pytest.mark.parametrize("algorithm", [ES256, EDDSA, RS256])
def test_enrolled_passkey_signs_in_without_anything_else(acting_alice: Actor, alice: Person, algorithm: int) -> None:
    authenticator = Authenticator(ORIGIN, algorithm=algorithm)
    codes = add_passkey(acting_alice, alice, authenticator)

    options, sealed = assertion_options(None)
    proven = verify_assertion(authenticator.get(options), sealed)
    with transaction.atomic():
        note_use(proven, NOW)

    assert proven.person == alice
    assert Passkey.objects.get().last_used_at == NOW
    assert len(codes) == 10


def test_enrolment_is_recorded_with_browser_and_address(
    acting_alice: Actor, alice: Person, authenticator: Authenticator
) -> None:
    add_passkey(acting_alice, alice, authenticator, now=NOW)

    codes, added = AuditEvent.objects.order_by("-sequence")[:2]
    assert (added.action, added.target, added.address) == ("factor_added", alice.email, "192.0.2.1")
    assert added.changes == {
        "factor": [None, "passkey"],
        "browser": [None, "Firefox on Linux"],
        "name": [None, "Laptop"],
    }
    assert (codes.action, codes.changes) == ("recovery_codes_replaced", {"recovery_codes": [0, 10]})
    assert Passkey.objects.get().added_from == "Firefox on Linux, 192.0.2.1"


def test_second_passkey_brings_no_new_recovery_codes(acting_alice: Actor, alice: Person) -> None:
    first, second = Authenticator(ORIGIN), Authenticator(ORIGIN)
    add_passkey(acting_alice, alice, first)

    assert add_passkey(acting_alice, alice, second, name="Phone") == []
    assert RecoveryCode.objects.count() == 10
    assert first.user_handle == second.user_handle


def test_new_recovery_codes_come_with_a_factor_when_all_are_used_up(
    acting_alice: Actor, alice: Person, authenticator: Authenticator
) -> None:
    add_passkey(acting_alice, alice, authenticator)
    RecoveryCode.objects.update(used_at=NOW)

    assert len(add_passkey(acting_alice, alice, Authenticator(ORIGIN), name="Phone")) == 10
    assert RecoveryCode.objects.filter(used_at__isnull=True).count() == 10


def test_registration_asks_for_what_the_portal_demands(
    acting_alice: Actor, alice: Person, authenticator: Authenticator
) -> None:
    add_passkey(acting_alice, alice, authenticator)

    options, sealed = registration_options(alice)

    assert options["rp"] == {"id": "portal.example", "name": "Watchword"}
    assert options["user"]["name"] == "alice@acme.example"
    assert options["attestation"] == "none"
    assert options["pubKeyCredParams"] == [{"type": "public-key", "alg": alg} for alg in (-7, -8, -257)]
    assert options["authenticatorSelection"] == {
        "residentKey": "required",
        "requireResidentKey": True,
        "userVerification": "required",
    }
    stored = base64url.encode(authenticator.credential_id)
    assert options["excludeCredentials"] == [{"type": "public-key", "id": stored}]
    assert options["challenge"] not in sealed
    assert registration_options(alice)[0]["challenge"] != options["challenge"]


def test_assertion_options_name_the_passkeys_of_a_known_person_only(
    acting_alice: Actor, alice: Person, bob: Person, authenticator: Authenticator
) -> None:
    add_passkey(acting_alice, alice, authenticator)

    shown = [assertion_options(person)[0]["allowCredentials"] for person in (alice.pk, bob.pk, None)]

    assert [len(credentials) for credentials in shown] == [1, 0, 0]
    assert assertion_options(None)[0]["userVerification"] == "required"


@pytest.mark.parametrize(
    ("origin", "party_id", "of_browsers"),
    [
        ("https://portal.example", "portal.example", "https://portal.example"),
        ("https://portal.example:443", "portal.example", "https://portal.example"),
        ("https://portal.example:8443", "portal.example", "https://portal.example:8443"),
        ("http://localhost:8080", "localhost", "http://localhost:8080"),
    ],
)
def test_p_21_the_only_origin_is_the_portals(settings: Settings, origin: str, party_id: str, of_browsers: str) -> None:
    settings.WATCHWORD = settings.WATCHWORD.model_copy(update={"public_origin": origin})

    party = relying_party()

    assert party is not None
    assert (party.id, party.origin) == (party_id, of_browsers)


@pytest.mark.parametrize("origin", ["http://127.0.0.1:8080", "http://[::1]:8080", "https://192.0.2.7"])
def test_portal_at_an_ip_address_offers_no_passkeys(settings: Settings, alice: Person, origin: str) -> None:
    settings.WATCHWORD = settings.WATCHWORD.model_copy(update={"public_origin": origin})

    assert relying_party() is None
    with pytest.raises(Refusal, match="Not found"):
        registration_options(alice)
    with pytest.raises(Refusal, match="Not found"):
        assertion_options(None)


def test_name_must_be_readable(acting_alice: Actor, alice: Person, authenticator: Authenticator) -> None:
    with pytest.raises(Refusal) as refused:
        add_passkey(acting_alice, alice, authenticator, name="\u202eLaptop")

    assert set(refused.value.field_errors) == {"name"}
    assert not Passkey.objects.exists()


def test_second_passkey_of_a_name_gets_a_number(
    acting_alice: Actor, alice: Person, authenticator: Authenticator
) -> None:
    """The authenticator has made its part when the portal sees the name: a refusal would leave that behind."""
    add_passkey(acting_alice, alice, authenticator)

    add_passkey(acting_alice, alice, Authenticator(ORIGIN), name="LAPTOP")

    assert [passkey.name for passkey in Passkey.objects.order_by("pk")] == ["Laptop", "LAPTOP 2"]


def test_first_factor_ends_other_sessions_of_the_password_alone(
    acting_alice: Actor, alice: Person, bob: Person, authenticator: Authenticator
) -> None:
    weak, strong, of_bob = people.acting(alice), people.acting(alice), people.acting(bob)
    Session.objects.filter(pk=people.session_of(strong).pk).update(factors=["password", "recovery code"])

    add_passkey(acting_alice, alice, authenticator)

    left = set(Session.objects.values_list("public_id", flat=True))
    assert left == {acting_alice.session, strong.session, of_bob.session}
    assert weak.session not in left


def test_first_factor_of_a_sign_in_ends_all_sessions_of_the_password_alone(alice: Person, bob: Person) -> None:
    people.acting(alice)
    of_bob = people.acting(bob)

    add_app(waiting(alice), alice, pending=alice)

    assert [session.public_id for session in Session.objects.all()] == [of_bob.session]


def test_a_person_has_at_most_ten_passkeys(acting_alice: Actor, alice: Person) -> None:
    for number in range(10):
        add_passkey(acting_alice, alice, Authenticator(ORIGIN), name=f"Key {number}")

    with pytest.raises(Refusal) as refused:
        add_passkey(acting_alice, alice, Authenticator(ORIGIN), name="Key 10")

    assert (refused.value.code, Passkey.objects.count()) == ("passkeys_used_up", 10)


def test_other_people_have_passkeys_of_their_own(
    acting_alice: Actor, alice: Person, acting_bob: Actor, bob: Person, authenticator: Authenticator
) -> None:
    other = Authenticator(ORIGIN)
    add_passkey(acting_alice, alice, authenticator)
    add_passkey(acting_bob, bob, other)

    assert authenticator.user_handle != other.user_handle
    assert [key.person for key in Passkey.objects.order_by("pk")] == [alice, bob]


def test_two_first_passkeys_begun_at_once_share_the_handle(acting_alice: Actor, alice: Person) -> None:
    first, second = Authenticator(ORIGIN), Authenticator(ORIGIN)
    begun = [registration_options(alice) for _ in range(2)]
    responses = [one.create(options) for one, (options, _) in zip((first, second), begun, strict=True)]
    EnrolPasskey(name="Laptop", response=responses[0], sealed=begun[0][1]).run(acting_alice)

    with pytest.raises(Refusal) as refused:
        EnrolPasskey(name="Phone", response=responses[1], sealed=begun[1][1], user_agent=FIREFOX).run(acting_alice)

    assert refused.value.code == "ceremony_expired"


def test_deactivated_person_proves_nothing(acting_alice: Actor, alice: Person, authenticator: Authenticator) -> None:
    add_passkey(acting_alice, alice, authenticator)
    options, sealed = assertion_options(None)
    response = authenticator.get(options)
    proven = verify_assertion(response, sealed)
    type(alice).objects.update(is_active=False)

    with pytest.raises(Refusal) as refused:
        verify_assertion(response, sealed)
    assert refused.value.code == "passkey_refused"
    with pytest.raises(Refusal) as refused, transaction.atomic():
        note_use(proven, NOW)
    assert refused.value.code == "passkey_refused"


def test_passkey_removed_after_it_was_verified_proves_nothing(
    acting_alice: Actor, alice: Person, authenticator: Authenticator
) -> None:
    add_passkey(acting_alice, alice, authenticator)
    options, sealed = assertion_options(alice.pk)
    proven = verify_assertion(authenticator.get(options), sealed, person_id=alice.pk)
    Passkey.objects.all().delete()

    with pytest.raises(Refusal) as refused, transaction.atomic():
        note_use(proven, NOW)
    assert refused.value.code == "passkey_refused"
