"""Reading an organization's sign-in settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.conf import settings

from watchword.control.identity.factor_rules import is_strong, read
from watchword.control.identity.models import (
    JOINED,
    EmailDomain,
    Person,
    PersonKind,
    ProviderAccount,
    Role,
    Session,
    SignInPolicy,
    SingleSignOn,
)
from watchword.control.identity.safeguards import full_administrators

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.models import QuerySet


@dataclass(frozen=True, slots=True)
class Policy:
    """What an organization demands of its people's sign-ins.

    Attributes:
        emergency_administrator: the e-mail address; None while other ways than single sign-on are allowed.
        version: 0 for an organization that never changed it.
    """

    second_factor_required: bool = False
    single_sign_on_only: bool = False
    emergency_person_id: int | None = None
    emergency_administrator: str | None = None
    version: int = 0
    updated_at: datetime | None = None
    updated_by: str | None = None


@dataclass(frozen=True, slots=True)
class Configuration:
    """The identity provider of an organization, without its secret.

    Attributes:
        role_values: pairs of a value of the claim and the name of a role.
        default_role: a name; "" if people without a role by claim are refused.
        accounts: how many people have signed in through it.
    """

    enabled: bool
    issuer: str
    client_id: str
    role_claim: str
    role_values: tuple[tuple[str, str], ...]
    default_role: str
    accounts: int
    version: int
    updated_at: datetime | None
    updated_by: str | None


def policy_of(organization_id: str) -> Policy:
    """The organization's policy; the one that demands nothing where there is none. One query."""
    row = SignInPolicy.objects.select_related("emergency_person").filter(pk=organization_id).first()
    if row is None:
        return Policy()
    return Policy(
        second_factor_required=row.second_factor_required,
        single_sign_on_only=row.single_sign_on_only,
        emergency_person_id=row.emergency_person_id,
        emergency_administrator=None if row.emergency_person is None else row.emergency_person.email,
        version=row.version,
        updated_at=row.updated_at,
        updated_by=row.updated_by,
    )


def configuration_of(organization_id: str) -> Configuration | None:
    """The organization's single sign-on; None where there is none. Three queries."""
    row = SingleSignOn.objects.filter(pk=organization_id).first()
    if row is None:
        return None
    names = dict(Role.objects.filter(organization_id=organization_id).values_list("pk", "name"))
    return Configuration(
        enabled=row.enabled,
        issuer=row.issuer,
        client_id=row.client_id,
        role_claim=row.role_claim,
        role_values=tuple((value, names[role]) for value, role in row.role_values if role in names),
        default_role="" if row.default_role_id is None else names.get(row.default_role_id, ""),
        accounts=ProviderAccount.objects.filter(organization_id=organization_id).count(),
        version=row.version,
        updated_at=row.updated_at,
        updated_by=row.updated_by,
    )


def email_domains_of(organization_id: str) -> tuple[EmailDomain, ...]:
    """The organization's e-mail domains by name. One query."""
    return tuple(EmailDomain.objects.filter(organization_id=organization_id).order_by("domain"))


def without_second_factor(organization_id: str) -> QuerySet[Person]:
    """The active administrators who have neither a passkey nor an authenticator app, by e-mail address.

    Without those who have no password and sign in through the identity provider, which stands for two factors.
    """
    people = Person.objects.filter(organization_id=organization_id, is_active=True)
    people = people.exclude(~JOINED, provider_account__isnull=False)
    return people.filter(passkeys__isnull=True, authenticator_app__isnull=True).order_by("email")


def only_single_sign_on(person: Person) -> bool:
    """Whether this person can sign in through the identity provider alone. The emergency administrator need not."""
    if person.kind == PersonKind.OPERATOR:
        return bool(settings.WATCHWORD.operator_sso_only)
    policy = SignInPolicy.objects.filter(pk=person.organization_id, single_sign_on_only=True).first()
    return policy is not None and policy.emergency_person_id != person.pk


def uses_role(role: Role) -> bool:
    """Whether the organization's single sign-on gives the role to people."""
    row = SingleSignOn.objects.filter(pk=role.organization_id).first()
    return row is not None and (row.default_role_id == role.pk or any(pk == role.pk for _, pk in row.role_values))


def emergency_candidates(organization_id: str) -> tuple[Person, ...]:
    """Who can become the emergency administrator, by e-mail address."""
    able = Person.objects.filter(pk__in=full_administrators(organization_id)).order_by("email")
    return tuple(able.exclude(passkeys__isnull=True, authenticator_app__isnull=True).distinct())


def sessions_to_end(organization_id: str, now: datetime) -> int:
    """How many live sessions began without a second factor."""
    live = Session.objects.live(now).filter(person__organization_id=organization_id)
    return sum(not is_strong(read(factors)) for factors in live.values_list("factors", flat=True))
