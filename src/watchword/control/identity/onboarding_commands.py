"""Taking in a new organization with everything that it begins with. The only writer."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from watchword.control.base.actor import Permission, Privilege
from watchword.control.base.refusals import Refusal
from watchword.control.base.unit_of_work import unit_of_work
from watchword.control.identity import rules
from watchword.control.identity.commands import make_link
from watchword.control.identity.models import Person, PersonKind
from watchword.control.identity.people_commands import create_person
from watchword.control.identity.role_commands import FULL_ROLE, create_role
from watchword.control.organizations.commands import create_organization, set_subscription
from watchword.control.organizations.models import Subscription

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from watchword.control.base.actor import Actor
    from watchword.control.base.unit_of_work import UnitOfWork
    from watchword.control.organizations.models import Organization


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The API subscription that an organization begins with; `starts_at` None means now."""

    starts_at: datetime | None
    expires_at: datetime
    api_call_threshold: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstAdministrator:
    """Whoever gets every permission of the new organization."""

    email: str
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenIn:
    """What the command made.

    Attributes:
        link_secret: of the first administrator's one-time link; not kept and never to be had again.
        link_expires_at: when the link stops to work. Both None without a first administrator.
    """

    organization: Organization
    link_secret: str | None = field(default=None, repr=False)
    link_expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateOrganizationWithAdministrator:
    """Make an organization, its API subscription and its first administrator: all of it, or nothing.

    Attributes:
        subscription: None for none yet: its tokens are refused until there is one.
        administrator: None for nobody yet.
    """

    organization_id: str
    name: str
    subscription: Terms | None = None
    administrator: FirstAdministrator | None = None

    def run(self, actor: Actor, *, now: datetime | None = None) -> TakenIn:
        with unit_of_work(actor, None, permission=Privilege.OPERATOR, action="organization_created", now=now) as work:
            organization = create_organization(work, self.organization_id, self.name)
            if self.subscription is not None:
                _subscribe(work, self.subscription)
            if self.administrator is None:
                return TakenIn(organization=organization)
            person = _create_administrator(work, self.administrator)
            return TakenIn(
                organization=organization,
                link_secret=make_link(work, person),
                link_expires_at=work.now + rules.LINK_LIFETIME,
            )


def _subscribe(work: UnitOfWork, terms: Terms) -> None:
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
    with _faults_of_administrator():
        return create_person(work, person, action="administrator_created")


@contextmanager
def _faults_of_administrator() -> Iterator[None]:
    """Name the fields as this command does, which has a name of the organization, too."""
    try:
        yield
    except Refusal as refusal:
        faults = refusal.field_errors or {"email": refusal.sentence}
        named = {f"administrator_{name}": sentence for name, sentence in faults.items()}
        raise Refusal(refusal.reason, field_errors=named, **refusal.details) from None
