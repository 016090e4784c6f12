"""The identity providers through which people can sign in: an organization's, and the operators'."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from django.conf import settings

from watchword.control.identity.models import EmailDomain, ProviderAccount, SingleSignOn
from watchword.control.identity.sealing import unseal
from watchword.control.identity.single_sign_on.configuration_commands import CLIENT_SECRET
from watchword.control.identity.single_sign_on.rules import domain_of, normalised_domain

if TYPE_CHECKING:
    from watchword.control.identity.models import Person
    from watchword.settings.control import ControlSettings


_ID: Final = re.compile(r"[a-z0-9-]{1,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """An enabled identity provider.

    Attributes:
        organization_id: whose people it signs in; None for the operators.
        role_values: pairs of a value of `role_claim` and the primary key of a role.
    """

    organization_id: str | None
    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    role_claim: str = ""
    role_values: tuple[tuple[str, int], ...] = ()
    default_role_id: int | None = None

    @property
    def of_operators(self) -> bool:
        return self.organization_id is None

    @property
    def host(self) -> str:
        """The host of the issuer, for pages."""
        return urlsplit(self.issuer).hostname or ""


def provider_of(organization_id: str) -> Provider | None:
    """The organization's provider; None if there is none, or it is disabled or cannot be decrypted."""
    row = SingleSignOn.objects.filter(pk=organization_id, enabled=True).first()
    # After a new secret key, the client secret must be entered again.
    secret = None if row is None else unseal(CLIENT_SECRET, row.sealed_client_secret)
    if row is None or secret is None:
        return None
    return Provider(
        organization_id=row.organization_id,
        issuer=row.issuer,
        client_id=row.client_id,
        client_secret=secret,
        role_claim=row.role_claim,
        role_values=tuple((value, role) for value, role in row.role_values),
        default_role_id=row.default_role_id,
    )


def provider_of_email(email: str) -> Provider | None:
    """The provider of the organization to which the domain of the address is assigned."""
    domain = normalised_domain(domain_of(email))
    assigned = EmailDomain.objects.filter(domain=domain or "").first()
    return None if assigned is None else provider_of(assigned.organization_id)


def named_provider(organization_id: str) -> Provider | None:
    """The provider of the organization that a browser names."""
    return provider_of(organization_id) if _ID.fullmatch(organization_id) else None


def provider_of_person(person: Person) -> Provider | None:
    """The provider at which the person has an account that can be used now."""
    provider = provider_of_operators() if person.organization_id is None else provider_of(person.organization_id)
    if provider is None:
        return None
    linked = ProviderAccount.objects.filter(person=person, issuer=provider.issuer).exists()
    return provider if linked else None


def provider_of_operators() -> Provider | None:
    """The operators' provider, as the settings name it; None without one."""
    given: ControlSettings = settings.WATCHWORD
    if given.operator_sso_issuer is None or given.operator_sso_client_id is None:
        return None
    return Provider(
        organization_id=None,
        issuer=given.operator_sso_issuer,
        client_id=given.operator_sso_client_id,
        client_secret=given.read_operator_sso_client_secret(),
    )
