"""Create an organization together with its subscription and its first administrator. The only writer."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from watchword.control.base.actor import Permission, Privilege
from watchword.control.base.refusals import Refusal
from watchword.control.base.unit_of_work import unit_of_work
from watchword.control.identity import rules
from watchword.control.identity.models import Person, PersonKind
from watchword.control.identity.people_commands import create_person
from watchword.control.identity.role_commands import FULL_ROLE, create_role
from watchword.control.identity.sign_in_link_commands import make_link
from watchword.control.organizations.commands import create_organization, set_subscription
from watchword.control.organizations.models import Subscription

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from watchword.control.base.actor import Actor
    from watchword.control.base.unit_of_work import UnitOfWork
    from watchword.control.organizations.models import Organization


@dataclass(frozen=True, slots=True, kw_only=True)
class InitialSubscription:
    """The new organization's API subscription; `starts_at` None means now."""

    starts_at: datetime | None
    expires_at: datetime
    api_call_threshold: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstAdministrator:
    """The person who gets every permission of the new organization."""

    email: str
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OnboardedOrganization:
    """What the command made.

    Attributes:
        link_secret: of the first administrator's one-time link. It is not stored and cannot be shown again.
        link_expires_at: when the link expires. Both are None without a first administrator.
    """

    organization: Organization
    link_secret: str | None = field(default=None, repr=False)
    link_expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateOrganizationWithAdministrator:
    """Create an organization, its API subscription and its first administrator, in one transaction.

    Attributes:
        subscription: None for none yet; tokens are refused until there is one.
        administrator: None for none yet.
    """

    organization_id: str
    name: str
    subscription: InitialSubscription | None = None
    administrator: FirstAdministrator | None = None

    def run(self, actor: Actor, *, now: datetime | None = None) -> OnboardedOrganization:
        with unit_of_work(actor, None, permission=Privilege.OPERATOR, action="organization_created", now=now) as work:
            organization = create_organization(work, self.organization_id, self.name)
            if self.subscription is not None:
                _subscribe(work, self.subscription)
            if self.administrator is None:
                return OnboardedOrganization(organization=organization)
            person = _create_administrator(work, self.administrator)
            return OnboardedOrganization(
                organization=organization,
                link_secret=make_link(work, person),
                link_expires_at=work.now + rules.LINK_LIFETIME,
            )


def _subscribe(work: UnitOfWork, terms: InitialSubscription) -> None:
    subscription = Subscription(
        organization_id=work.organization_id,
        starts_at=work.now if terms.starts_at is None else terms.starts_at,
        expires_at=terms.expires_at,
        api_call_threshold=terms.api_call_threshold,
    )
    set_subscription(work, subscription, action="subscription_set")


def _create_administrator(work: UnitOfWork, first: FirstAdministrator) -> Person:
    person = Person(
        kind=PersonKind.ADMINISTRATOR,
        organization_id=work.organization_id,
        role=create_role(work, FULL_ROLE, frozenset(Permission.values)),
        email=rules.normalised_email(first.email),
        name=first.name,
    )
    with _prefixed_field_errors():
        return create_person(work, person, action="administrator_created")


@contextmanager
def _prefixed_field_errors() -> Iterator[None]:
    """Prefix the field names: this command also has the organization's name."""
    try:
        yield
    except Refusal as refusal:
        faults = refusal.field_errors or {"email": refusal.sentence}
        named = {f"administrator_{name}": sentence for name, sentence in faults.items()}
        raise Refusal(refusal.reason, field_errors=named, **refusal.details) from None
