from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import transaction
from django.utils import timezone

from kit import people
from kit.factors import FIREFOX, add_app, code_of
from kit.people import NOW
from watchword.control.base.audit_models import AuditEvent
from watchword.control.base.refusals import Refusal
from watchword.control.identity.factors.authenticator_app import (
    EnrolAuthenticatorApp,
    new_secret,
    seal_setup,
    secret_of_setup,
    setup_uri,
    use_code,
)
from watchword.control.identity.factors.rules import SETUP_LIFETIME
from watchword.control.identity.models import AuthenticatorApp, RecoveryCode

if TYPE_CHECKING:
    from watchword.control.base.actor import Actor
    from watchword.control.identity.models import Person

pytestmark = pytest.mark.django_db


def use(person: Person, code: str) -> bool:
    with transaction.atomic():
        return use_code(person.pk, code, NOW)


def test_p_26_code_works_once(acting_alice: Actor, alice: Person) -> None:
    secret, codes = add_app(acting_alice, alice, now=NOW)

    assert len(codes) == 10
    assert (use(alice, code_of(secret, NOW)), use(alice, code_of(secret, NOW))) == (True, False)
    assert AuthenticatorApp.objects.get().last_used_at == NOW


def test_no_earlier_code_works_after_a_later_one(acting_alice: Actor, alice: Person) -> None:
    secret, _ = add_app(acting_alice, alice, now=NOW)

    assert use(alice, code_of(secret, NOW, steps=1))
    assert not use(alice, code_of(secret, NOW))
    assert not use(alice, code_of(secret, NOW, steps=-1))


def test_the_code_that_confirmed_the_app_is_used_up(acting_alice: Actor, alice: Person) -> None:
    secret = new_secret()
    code = code_of(secret, NOW)
    EnrolAuthenticatorApp(sealed_secret=seal_setup(secret, alice), code=code).run(
        people.proven(acting_alice, NOW), now=NOW
    )

    assert not use(alice, code)
    assert use(alice, code_of(secret, NOW, steps=1))


def test_codes_of_other_apps_and_people_are_wrong(acting_alice: Actor, alice: Person, bob: Person) -> None:
    secret, _ = add_app(acting_alice, alice, now=NOW)

    assert not use(alice, code_of(new_secret(), NOW))
    assert not use(bob, code_of(secret, NOW))


def test_enrolment_is_recorded(acting_alice: Actor, alice: Person) -> None:
    add_app(acting_alice, alice, now=NOW)

    event = AuditEvent.objects.get(action="factor_added")
    assert (event.target, event.address) == (alice.email, "192.0.2.1")
    assert event.changes == {"factor": [None, "authenticator app"], "browser": [None, "Firefox on Linux"]}
    assert AuthenticatorApp.objects.get().added_from == "Firefox on Linux, 192.0.2.1"


def test_new_app_replaces_the_one_of_an_old_phone(acting_alice: Actor, alice: Person) -> None:
    old, _ = add_app(acting_alice, alice, now=NOW)

    new, codes = add_app(acting_alice, alice, now=NOW)

    assert codes == []
    assert RecoveryCode.objects.count() == 10
    assert (use(alice, code_of(old, NOW)), use(alice, code_of(new, NOW))) == (False, True)
    assert AuditEvent.objects.get(action="factor_removed").changes == {"factor": ["authenticator app", None]}


def test_wrong_code_adds_nothing(acting_alice: Actor, alice: Person) -> None:
    secret = new_secret()

    with pytest.raises(Refusal) as refused:
        EnrolAuthenticatorApp(
            sealed_secret=seal_setup(secret, alice), code=code_of(secret, NOW, steps=2), user_agent=FIREFOX
        ).run(people.proven(acting_alice, NOW), now=NOW)

    assert set(refused.value.field_errors) == {"code"}
    assert not AuthenticatorApp.objects.exists()


def test_secret_of_another_persons_form_is_refused(acting_alice: Actor, bob: Person) -> None:
    secret = new_secret()

    with pytest.raises(Refusal) as refused:
        EnrolAuthenticatorApp(sealed_secret=seal_setup(secret, bob), code=code_of(secret, NOW)).run(
            people.proven(acting_alice, NOW), now=NOW
        )

    assert refused.value.code == "ceremony_expired"


def test_form_shows_the_secret_again_and_expires(alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = new_secret()
    sealed = seal_setup(secret, alice)

    assert secret not in sealed
    assert secret_of_setup(sealed, alice.pk) == secret
    later = timezone.now() + SETUP_LIFETIME + timedelta(seconds=2)
    monkeypatch.setattr("cryptography.fernet.time.time", later.timestamp)
    with pytest.raises(Refusal) as refused:
        secret_of_setup(sealed, alice.pk)
    assert refused.value.code == "ceremony_expired"


def test_stored_secret_is_encrypted_for_its_person(acting_alice: Actor, alice: Person, bob: Person) -> None:
    secret, _ = add_app(acting_alice, alice, now=NOW)
    app = AuthenticatorApp.objects.get()

    assert secret not in app.sealed_secret
    AuthenticatorApp.objects.update(person=bob)
    assert not use(bob, code_of(secret, NOW))


def test_qr_code_names_portal_and_person(alice: Person) -> None:
    assert setup_uri("ABC", alice).startswith(
        "otpauth://totp/Watchword%20portal.example:alice@acme.example?secret=ABC&"
    )
