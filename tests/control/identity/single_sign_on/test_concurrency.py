"""Sign-ins by single sign-on at the same moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kit import people, sign_in_settings
from kit.at_once import at_once
from kit.sign_in_settings import assign, response, strong
from watchword.control.base.actor import Permission
from watchword.control.identity.models import Person, ProviderAccount, SingleSignOn
from watchword.control.identity.single_sign_on.configuration_commands import SetSingleSignOnEnabled
from watchword.control.identity.single_sign_on.failures import SignInFailed
from watchword.control.identity.single_sign_on.sign_in_commands import SignInBySingleSignOn

if TYPE_CHECKING:
    from watchword.control.base.actor import Actor
    from watchword.control.identity.single_sign_on.ceremony import ProviderResponse

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("committing")]

ROUNDS = 3


@pytest.fixture
def acting_alice() -> Actor:
    """Alice, who has enabled Acme's single sign-on."""
    people.organization("acme")
    assign()
    actor = strong(people.administrator("alice", "acme", *Permission))
    sign_in_settings.enabled(actor)
    return actor


def outcomes(*given: ProviderResponse) -> list[str]:
    """The outcome of each sign-in, all begun at once."""
    found: list[str] = []

    def sign_in(one: ProviderResponse) -> None:
        try:
            SignInBySingleSignOn(response=one, address=None).run()
        except SignInFailed as failed:
            found.append(failed.detail)
        else:
            found.append("done")

    at_once(*(lambda one=one: sign_in(one) for one in given))
    return sorted(found)


def test_two_first_sign_ins_of_a_person_make_one_person(acting_alice: Actor) -> None:
    for number in range(ROUNDS):
        subject = f"new{number}"
        both = [response(subject, f"{subject}@acme.example") for _ in range(2)]
        assert outcomes(*both) == ["done", "done"]
        assert Person.objects.filter(email=f"{subject}@acme.example").count() == 1
    assert ProviderAccount.objects.count() == ROUNDS


def test_p_65_one_ceremony_signs_in_once(acting_alice: Actor) -> None:
    for number in range(ROUNDS):
        same = response(f"new{number}", f"new{number}@acme.example")
        assert outcomes(same, same) == ["ceremony_expired", "done"]


def test_p_70_sign_in_and_disabling_come_one_after_the_other(acting_alice: Actor) -> None:
    given = response()
    version = SingleSignOn.objects.get().version
    disable = SetSingleSignOnEnabled(organization_id="acme", enabled=False, expected_version=version)
    results: list[str] = []

    def sign_in() -> None:
        results.extend(outcomes(given))

    assert at_once(sign_in, lambda: disable.run(acting_alice)) == ["done", "done"]
    assert results in (["done"], ["single_sign_on_unknown"])
    assert outcomes(response_of(given)) == ["single_sign_on_unknown"]


def response_of(given: ProviderResponse) -> ProviderResponse:
    """Another response of the provider as it was before it was disabled."""
    SingleSignOn.objects.update(enabled=True)
    again = response()
    SingleSignOn.objects.update(enabled=False)
    assert again.provider == given.provider
    return again
