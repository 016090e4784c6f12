"""The ways in which a person can prove again who they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchword.control.identity.factor_rules import Factor
from watchword.control.identity.factors.queries import enrolled_factors
from watchword.control.identity.single_sign_on.providers import provider_of_person
from watchword.control.identity.single_sign_on.queries import only_single_sign_on

if TYPE_CHECKING:
    from watchword.control.identity.models import Person


def ways_to_prove(person: Person) -> frozenset[Factor]:
    """The person's second factors; of a person who has none the password, and the identity provider.

    An unattended browser often has the password at hand, so it does not replace a second factor.
    """
    enrolled = enrolled_factors(person.pk)
    if not enrolled.any:
        return _without_second_factor(person)
    ways = {Factor.RECOVERY_CODE}
    if enrolled.passkeys:
        ways.add(Factor.PASSKEY)
    if enrolled.has_app:
        ways.add(Factor.AUTHENTICATOR_APP)
    return frozenset(ways)


def _without_second_factor(person: Person) -> frozenset[Factor]:
    ways = set()
    if provider_of_person(person) is not None:
        ways.add(Factor.SINGLE_SIGN_ON)
    if person.has_joined and not only_single_sign_on(person):
        ways.add(Factor.PASSWORD)
    return frozenset(ways)
