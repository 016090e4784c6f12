from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import transaction
from django.utils import timezone

from kit.people import NOW
from watchword.control.base.refusals import Refusal
from watchword.control.identity import ceremonies
from watchword.control.identity.factor_rules import CEREMONY_LIFETIME, Factor, is_strong, read, stored
from watchword.control.identity.models import UsedCeremony
from watchword.control.identity.sealing import seal, unseal
from watchword.control.identity.sign_in_link_commands import purge


def test_only_the_begun_kind_opens() -> None:
    sealed = ceremonies.begun("passkey", {"challenge": "abc"})

    assert ceremonies.opened("passkey", sealed).values == {"challenge": "abc"}
    for kind, cookie in (
        ("single sign-on", sealed),
        ("passkey", sealed[:-2] + "xx"),
        ("passkey", ""),
        ("passkey", "é"),
    ):
        with pytest.raises(Refusal) as refused:
            ceremonies.opened(kind, cookie)
        assert refused.value.code == "ceremony_expired"


def test_a_ceremony_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    sealed = ceremonies.begun("passkey", {})
    later = timezone.now() + CEREMONY_LIFETIME + timedelta(seconds=2)
    monkeypatch.setattr("cryptography.fernet.time.time", later.timestamp)

    with pytest.raises(Refusal, match="took too long"):
        ceremonies.opened("passkey", sealed)


@pytest.mark.django_db
def test_a_ceremony_succeeds_once() -> None:
    ceremony = ceremonies.opened("passkey", ceremonies.begun("passkey", {}))

    with transaction.atomic():
        ceremonies.spend(ceremony, NOW)
        with pytest.raises(Refusal) as refused:
            ceremonies.spend(ceremony, NOW)
    assert refused.value.code == "ceremony_expired"


@pytest.mark.django_db
def test_the_purge_keeps_what_can_be_replayed() -> None:
    for minutes in (-1, 1):
        UsedCeremony.objects.create(ceremony_id=uuid4(), expires_at=NOW + timedelta(minutes=minutes))

    purge(NOW)

    assert [used.expires_at > NOW for used in UsedCeremony.objects.all()] == [True]


def test_what_is_sealed_for_one_purpose_opens_for_no_other() -> None:
    sealed = seal("one", "text é")

    assert "text" not in sealed
    assert (unseal("one", sealed), unseal("other", sealed)) == ("text é", None)


def test_two_factors_are_strong_or_one_that_stands_for_two() -> None:
    strong = [
        {Factor.PASSWORD, Factor.AUTHENTICATOR_APP},
        {Factor.PASSWORD, Factor.RECOVERY_CODE},
        {Factor.PASSKEY},
        {Factor.SINGLE_SIGN_ON},
    ]
    weak = [
        set[Factor](),
        {Factor.PASSWORD},
        {Factor.AUTHENTICATOR_APP},
        {Factor.AUTHENTICATOR_APP, Factor.RECOVERY_CODE},
    ]

    assert [is_strong(factors) for factors in strong + weak] == [True] * 4 + [False] * 4


def test_stored_factors_are_read_back() -> None:
    assert read(stored(tuple(Factor))) == set(Factor)


def test_a_stored_factor_that_no_longer_exists_proves_nothing() -> None:
    assert read(["password", "retina"]) == {Factor.PASSWORD}
