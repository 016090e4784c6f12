"""The ways in which a person can prove again who they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchword.control.identity.factor_rules import Factor
from watchword.control.identity.factors.queries import enrolled_factors

if TYPE_CHECKING:
    from watchword.control.identity.models import Person


def ways_to_prove(person: Person) -> frozenset[Factor]:
    """The person's second factors; the password only of a person who has none of them.

    An unattended browser often has the password at hand, so it does not replace a second factor.
    """
    enrolled = enrolled_factors(person.pk)
    if not enrolled.any:
        return frozenset({Factor.PASSWORD}) if person.has_joined else frozenset()
    ways = {Factor.RECOVERY_CODE}
    if enrolled.passkeys:
        ways.add(Factor.PASSKEY)
    if enrolled.has_app:
        ways.add(Factor.AUTHENTICATOR_APP)
    return frozenset(ways)
