from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.db import transaction

from kit.factors import add_app
from kit.people import NOW
from watchword.control.base.audit_models import AuditEvent
from watchword.control.identity.factors.commands import ReplaceRecoveryCodes
from watchword.control.identity.factors.recovery_codes import use_code
from watchword.control.identity.models import RecoveryCode

if TYPE_CHECKING:
    from watchword.control.base.actor import Actor
    from watchword.control.identity.models import Person


def use(person: Person, code: str) -> bool:
    with transaction.atomic():
        return use_code(person.pk, code, NOW)


@pytest.mark.django_db
def test_p_26_each_code_works_once(acting_alice: Actor, alice: Person, bob: Person) -> None:
    _, codes = add_app(acting_alice, alice)

    assert not use(bob, codes[0])
    assert [use(alice, code) for code in (*codes, codes[0])] == [True] * 10 + [False]


@pytest.mark.django_db
def test_new_codes_replace_all_earlier_ones(acting_alice: Actor, alice: Person) -> None:
    _, earlier = add_app(acting_alice, alice)
    use(alice, earlier[0])

    codes = ReplaceRecoveryCodes().run(acting_alice)

    assert not any(use(alice, code) for code in earlier)
    assert use(alice, codes[9])
    assert AuditEvent.objects.order_by("sequence").last() is not None
    assert AuditEvent.objects.order_by("-sequence")[0].changes == {"recovery_codes": [9, 10]}


@pytest.mark.django_db
def test_codes_are_neither_stored_nor_recorded(acting_alice: Actor, alice: Person) -> None:
    _, codes = add_app(acting_alice, alice)

    kept = str(list(RecoveryCode.objects.values())) + str(list(AuditEvent.objects.values()))
    assert not [code for code in codes if code in kept or code.replace("-", "") in kept]


@pytest.mark.django_db
@pytest.mark.parametrize("typed", ["", "\0", "\ud800" * 24, "0" * 24])
def test_text_that_is_no_code_is_wrong(acting_alice: Actor, alice: Person, typed: str) -> None:
    add_app(acting_alice, alice)

    assert not use(alice, typed)
