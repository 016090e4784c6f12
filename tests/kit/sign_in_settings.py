"""Acme's sign-in settings: people with a second factor, an identity provider, an e-mail domain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from kit import people
from watchword.control.audit.models import AuditEvent
from watchword.control.base.actor import command_line
from watchword.control.base.refusals import Refusal
from watchword.control.identity.ceremonies import begun, opened
from watchword.control.identity.factor_models import AuthenticatorApp
from watchword.control.identity.factor_rules import Factor, stored
from watchword.control.identity.models import ProviderAccount, Session
from watchword.control.identity.single_sign_on.ceremony import KIND, ProviderResponse
from watchword.control.identity.single_sign_on.configuration_commands import (
    ConfigureSingleSignOn,
    SetSingleSignOnEnabled,
)
from watchword.control.identity.single_sign_on.domain_commands import AssignEmailDomain
from watchword.control.identity.single_sign_on.policy_commands import AllowSingleSignOnOnly, RequireSecondFactor
from watchword.control.identity.single_sign_on.providers import provider_of
from watchword.core.claims import SignedClaims
from watchword.openid.id_token import IdTokenClaims

if TYPE_CHECKING:
    from watchword.control.base.actor import Actor
    from watchword.control.identity.models import Person, SingleSignOn

STRONG: Final = (Factor.PASSWORD, Factor.AUTHENTICATOR_APP)
WEAK: Final = (Factor.PASSWORD,)
ISSUER: Final = "https://login.acme.example"


def add_app(person: Person) -> None:
    """Let the person have an authenticator app whose codes no test types."""
    AuthenticatorApp.objects.create(person=person, sealed_secret="sealed", created_at=people.NOW)


def acting(person: Person, *factors: Factor) -> Actor:
    """The person in a session with these factors."""
    actor = people.acting(person)
    assert actor.session is not None
    Session.objects.filter(public_id=actor.session).update(factors=stored(factors))
    return actor


def strong(person: Person) -> Actor:
    """The person with a second factor, in a session that began with it."""
    if not AuthenticatorApp.objects.filter(person=person).exists():
        add_app(person)
    return acting(person, *STRONG)


def configuration(organization_id: str = "acme", **changes: Any) -> ConfigureSingleSignOn:
    """A first configuration by default: everybody gets the role of Alice."""
    good: dict[str, Any] = {
        "organization_id": organization_id,
        "issuer": ISSUER,
        "client_id": "watchword",
        "client_secret": "a-secret-of-at-least-32-characters",
        "role_claim": "",
        "role_values": (),
        "default_role": "Role of alice",
        "expected_version": 0,
    }
    return ConfigureSingleSignOn(**{**good, **changes})


def enabled(actor: Actor, **changes: Any) -> SingleSignOn:
    """Configure single sign-on and enable it."""
    row = configuration(**changes).run(actor)
    return SetSingleSignOnEnabled(
        organization_id=row.organization_id, enabled=True, expected_version=row.version
    ).run(actor)  # fmt: skip


def assign(domain: str = "acme.example", organization_id: str = "acme") -> None:
    AssignEmailDomain(organization_id=organization_id, domain=domain).run(command_line())


def response(
    subject: str = "new", email: str | None = "new@acme.example", *, organization: str = "acme", **changes: Any
) -> ProviderResponse:
    """What the provider says about a person with a verified address."""
    provider = provider_of(organization)
    assert provider is not None
    good: dict[str, Any] = {
        "issuer": provider.issuer, "subject": subject, "email": email, "email_verified": True, "name": "New",
        "auth_time": None, "_claims": SignedClaims(changes.pop("claims", {})),
    }  # fmt: skip
    claims = IdTokenClaims(**{**good, **changes})
    return ProviderResponse(provider, opened(KIND, begun(KIND, {})), claims, "", changes.pop("confirms", None), None)


def require(*, required: bool = True, version: int = 0) -> RequireSecondFactor:
    """The command about the second factor of Acme's people."""
    return RequireSecondFactor(organization_id="acme", required=required, expected_version=version)


def only(emergency: Person | None, *, allowed_only: bool = True, version: int = 0) -> AllowSingleSignOnOnly:
    """The command about Acme's single sign-on only."""
    return AllowSingleSignOnOnly(
        organization_id="acme",
        only=allowed_only,
        emergency_person_id=None if emergency is None else emergency.pk,
        expected_version=version,
    )


def refused(command: Any, actor: Actor) -> Refusal:
    """Run the command, and return why it was refused."""
    with pytest.raises(Refusal) as refusal:
        command.run(actor)
    return refusal.value


def event() -> AuditEvent:
    """The last audit event."""
    return AuditEvent.objects.latest("sequence")


def account(person: Person, subject: str = "alice") -> ProviderAccount:
    """Give the person an account at the identity provider."""
    return ProviderAccount.objects.create(
        person=person,
        organization_id=person.organization_id,
        issuer=ISSUER,
        subject=subject,
        created_at=people.NOW,
    )


def live(actor: Actor) -> bool:
    """Whether the actor's session has not ended."""
    assert actor.session is not None
    return Session.objects.filter(public_id=actor.session).exists()
