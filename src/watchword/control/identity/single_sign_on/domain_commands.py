"""E-mail domains of organizations, which operators assign. The only writers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from watchword.control.base.actor import Privilege
from watchword.control.base.refusals import Refusal, RefusalReason
from watchword.control.base.unit_of_work import unit_of_work
from watchword.control.identity.models import EmailDomain
from watchword.control.identity.single_sign_on.policy_commands import end_single_sign_on_sessions
from watchword.control.identity.single_sign_on.rules import domain_fault, normalised_domain

if TYPE_CHECKING:
    from datetime import datetime

    from watchword.control.base.actor import Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignEmailDomain:
    """Let single sign-on create and find people of an organization in a domain.

    The operator has checked that the domain is the organization's: its identity provider can vouch for every address
    in it.

    Attributes:
        domain: as typed.
    """

    organization_id: str
    domain: str

    def run(self, actor: Actor, *, now: datetime | None = None) -> EmailDomain:
        """Return the assigned domain.

        Raises:
            Refusal: fields_invalid, domain_assigned.
        """
        with unit_of_work(
            actor, self.organization_id, permission=Privilege.OPERATOR, action="email_domain_assigned", now=now
        ) as work:
            domain = normalised_domain(self.domain)
            if domain is None:
                fault = domain_fault(self.domain)
                raise Refusal(RefusalReason.FIELDS_INVALID, field_errors={"domain": str(fault)})
            assigned, created = EmailDomain.objects.get_or_create(
                domain=domain,
                defaults={
                    "organization_id": self.organization_id,
                    "assigned_at": work.now,
                    "assigned_by": work.actor.name,
                },
            )
            if not created:
                raise _already_assigned(assigned)
            work.record(target=domain)
            return assigned


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveEmailDomain:
    """Take a domain from an organization. Its people in that domain can no longer sign in by single sign-on."""

    organization_id: str
    domain: str

    def run(self, actor: Actor, *, now: datetime | None = None) -> None:
        """Remove it, and end the sessions that began by single sign-on in it.

        Raises:
            Refusal: not_found.
        """
        with unit_of_work(
            actor, self.organization_id, permission=Privilege.OPERATOR, action="email_domain_removed", now=now
        ) as work:
            removed, _ = EmailDomain.objects.filter(
                domain=self.domain, organization_id=self.organization_id
            ).delete()  # fmt: skip
            if removed != 1:
                raise Refusal(RefusalReason.NOT_FOUND)
            end_single_sign_on_sessions(self.organization_id, domain=self.domain)
            work.record(target=self.domain)


def _already_assigned(assigned: EmailDomain) -> Refusal:
    who = assigned.organization.name
    sentence = Refusal(RefusalReason.DOMAIN_ASSIGNED, domain=assigned.domain, who=who).sentence
    return Refusal(
        RefusalReason.DOMAIN_ASSIGNED, domain=assigned.domain, who=who, field_errors={"domain": sentence}
    )  # fmt: skip
