"""Which factors a person has, whether they must have a second one, and how the factors changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.db.models import Q

from watchword.control.base.audit_log import SUCCESS
from watchword.control.base.audit_models import AuditEvent
from watchword.control.identity.models import (
    AuthenticatorApp,
    Passkey,
    Person,
    PersonKind,
    RecoveryCode,
    SignInPolicy,
)

if TYPE_CHECKING:
    from datetime import datetime

    from watchword.control.identity.sign_in_commands import SignedIn


_CHANGES: Final = ("factor_added", "factors_reset")


@dataclass(frozen=True, slots=True)
class EnrolledFactors:
    """What a person can use as a second factor.

    Attributes:
        passkeys: the oldest first; `created_at` and `added_from` say when and from where each was added.
        app: likewise; None without one.
        codes_left: recovery codes that are not used up.
    """

    passkeys: tuple[Passkey, ...]
    app: AuthenticatorApp | None
    codes_left: int

    @property
    def has_app(self) -> bool:
        return self.app is not None

    @property
    def any(self) -> bool:
        """Whether there is a second factor. Recovery codes alone are none: they replace one."""
        return self.has_app or self.passkeys != ()


@dataclass(frozen=True, slots=True)
class FactorsReset:
    """When another person removed all factors of a person, and who did."""

    at: datetime
    by: str


def enrolled_factors(person_id: int) -> EnrolledFactors:
    """Three queries."""
    return EnrolledFactors(
        passkeys=tuple(Passkey.objects.filter(person_id=person_id).order_by("created_at", "pk")),
        app=AuthenticatorApp.objects.filter(person_id=person_id).first(),
        codes_left=RecoveryCode.objects.filter(person_id=person_id, used_at__isnull=True).count(),
    )


def has_second_factor(person_id: int) -> bool:
    """Whether the person has a passkey or an authenticator app. One query."""
    either = Q(passkeys__isnull=False) | Q(authenticator_app__isnull=False)
    return Person.objects.filter(either, pk=person_id).exists()


def must_have_second_factor(person: Person) -> bool:
    """Whether the person signs in with a second factor only.

    These are all operators, the people of an organization that requires it, and its emergency administrator.
    """
    if person.kind == PersonKind.OPERATOR:
        return True
    demanding = Q(second_factor_required=True) | Q(emergency_person_id=person.pk)
    return SignInPolicy.objects.filter(demanding, organization_id=person.organization_id).exists()


def last_reset(person: Person) -> FactorsReset | None:
    """Return who last reset the person's factors; None if it never happened."""
    if person.factors_reset_at is None or person.factors_reset_by is None:
        return None
    return FactorsReset(person.factors_reset_at, person.factors_reset_by)


@dataclass(frozen=True, slots=True)
class FactorChange:
    """A change of a person's second factors.

    Attributes:
        action: `factor_added` or `factors_reset`.
        actor: who changed them.
        at: when.
        address: the client's; None where there is none.
    """

    action: str
    actor: str
    at: datetime
    address: str | None


def changes_of_factors(signed_in: SignedIn) -> tuple[FactorChange, ...]:
    """The changes from the last sign-in to this one, the oldest first: what a person must hear after a sign-in.

    Someone who knew the password may have added a factor, so the owner hears of every one, once.
    """
    person = signed_in.person
    events = AuditEvent.objects.filter(
        organization=person.organization_id,
        at__gte=signed_in.last_before or person.created_at,
        at__lt=signed_in.at,
        action__in=_CHANGES,
        target=person.email,
        result=SUCCESS,
    )
    return tuple(FactorChange(e.action, e.actor, e.at, e.address) for e in events.order_by("sequence"))
