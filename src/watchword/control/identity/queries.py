"""Reading people and roles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.db.models import Exists, Max, OuterRef, Q

from watchword.control.identity.factor_rules import Factor
from watchword.control.identity.models import AuthenticatorApp, Passkey, Person, PersonKind, ProviderAccount, Role
from watchword.control.identity.rules import PersonStatus, person_status

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from django.db.models import Manager, QuerySet

    from watchword.control.base.actor import Permission

_BEYOND_THE_PASSWORD: Final[Mapping[Factor, Manager[Any]]] = {
    Factor.PASSKEY: Passkey.objects,
    Factor.AUTHENTICATOR_APP: AuthenticatorApp.objects,
    Factor.SINGLE_SIGN_ON: ProviderAccount.objects,
}


@dataclass(frozen=True, slots=True)
class PersonRow:
    """An administrator or an operator.

    Attributes:
        role: its name, empty for an operator.
        permissions: of the role, empty for an operator.
        last_sign_in: None before the first.
        link_expires_at: of the unused link, also after it expired; None without one.
        factors: what the person can sign in with beyond the password: passkey, authenticator app, single sign-on.
    """

    id: int
    name: str
    email: str
    role: str
    permissions: frozenset[Permission]
    status: PersonStatus
    last_sign_in: datetime | None
    link_expires_at: datetime | None
    factors: tuple[Factor, ...]

    @property
    def factor_names(self) -> str:
        """Such as `passkey, authenticator app`; "" without any."""
        return ", ".join(factor.value for factor in self.factors)

    @property
    def has_name(self) -> bool:
        """Whether there is a name to show besides the e-mail address."""
        return self.name not in {"", self.email}

    @property
    def called(self) -> str:
        return self.name or self.email


@dataclass(frozen=True, slots=True)
class RoleRow:
    """A role. `holders` are the people who have it, active or not, by name."""

    id: int
    name: str
    permissions: frozenset[Permission]
    version: int
    holders: tuple[str, ...]


def list_people(organization_id: str) -> tuple[PersonRow, ...]:
    """All administrators of the organization by name. One query."""
    return _rows(Person.objects.filter(organization_id=organization_id))


def list_operators() -> tuple[PersonRow, ...]:
    """All operators by name. One query."""
    return _rows(Person.objects.filter(kind=PersonKind.OPERATOR))


def list_roles(organization_id: str) -> tuple[RoleRow, ...]:
    """All roles of the organization by name. Two queries."""
    holders: dict[int, list[str]] = {}
    people = Person.objects.filter(organization_id=organization_id, role__isnull=False)
    for role_id, name, email in people.values_list("role_id", "name", "email"):
        holders.setdefault(role_id, []).append(name or email)
    rows = [
        RoleRow(
            role.pk,
            role.name,
            role.held(),
            role.version,
            tuple(sorted(holders.get(role.pk, ()), key=str.casefold)),
        )
        for role in Role.objects.filter(organization_id=organization_id)
    ]
    return tuple(sorted(rows, key=lambda row: row.name.casefold()))


def _rows(people: QuerySet[Person]) -> tuple[PersonRow, ...]:
    unused = Max("sign_in_links__expires_at", filter=Q(sign_in_links__used_at__isnull=True))
    annotated = people.select_related("role").annotate(
        link_expires_at=unused,
        **{factor.name: Exists(kept.filter(person=OuterRef("pk"))) for factor, kept in _BEYOND_THE_PASSWORD.items()},
    )
    rows = [_person(person) for person in annotated]
    return tuple(sorted(rows, key=lambda row: (row.called.casefold(), row.email)))


def _person(person: Person) -> PersonRow:
    factors = tuple(factor for factor in _BEYOND_THE_PASSWORD if getattr(person, factor.name, False))
    has_joined = person.has_joined or Factor.SINGLE_SIGN_ON in factors
    return PersonRow(
        id=person.pk,
        name=person.name,
        email=person.email,
        role="" if person.role is None else person.role.name,
        permissions=frozenset() if person.role is None else person.role.held(),
        status=person_status(is_active=person.is_active, has_joined=has_joined),
        last_sign_in=person.last_login,
        link_expires_at=getattr(person, "link_expires_at", None),
        factors=factors,
    )
