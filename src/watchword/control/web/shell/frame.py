"""The frame of every page behind the sign-in: whose it is, who may open it, and what stands above its content."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from watchword.control.activity.usage_queries import threshold_notice
from watchword.control.base.actor import Privilege
from watchword.control.base.refusals import Refusal, RefusalReason
from watchword.control.base.unit_of_work import check_permission
from watchword.control.organizations.models import Organization
from watchword.control.organizations.queries import entitlement_of

if TYPE_CHECKING:
    from datetime import datetime

    from watchword.control.activity.rules import ThresholdNotice
    from watchword.control.base.actor import Actor, Required
    from watchword.control.organizations.rules import Entitlement


@dataclass(frozen=True)
class Frame:
    """A page opened by somebody who may see it.

    Attributes:
        actor: who looks.
        route: the URL name of the page, which the rail marks and the breadcrumbs end with.
        now: the time at which everything on the page holds.
    """

    actor: Actor
    route: str
    now: datetime

    @classmethod
    def of_provider(cls, actor: Actor, *, route: str, permission: Required = Privilege.OPERATOR) -> Frame:
        """Open a page of the provider.

        Raises:
            Refusal: permission_missing.
        """
        check_permission(actor, None, permission)
        return cls(actor, route, timezone.now())

    @classmethod
    def of_person(cls, actor: Actor, *, route: str) -> Frame:
        """Open a page about the actor's own account, an administrator's with the organization around it."""
        organization = Organization.objects.filter(pk=actor.organization).first()
        if organization is None:
            return cls(actor, route, timezone.now())
        return OrganizationFrame.around(actor, organization, route=route)

    @classmethod
    def of_refused(cls, actor: Actor, organization_id: str | None, *, route: str) -> Frame:
        """The frame around the answer to somebody who may not open the page itself.

        It holds nothing but what the actor sees on every page: the own organization, or the provider's console.
        """
        organization = Organization.objects.filter(pk=organization_id).first()
        if organization is None or not actor.reaches(organization.pk):
            return cls.of_person(actor, route=route)
        return OrganizationFrame.around(actor, organization, route=route)

    def context(self) -> dict[str, Any]:
        """What `shell/base.html` needs."""
        return {"frame": self, "rail_route": self.route, "banners": self.banners()}

    def banners(self) -> list[dict[str, Any]]:
        """Sentences above the content, each with its tone: bad, warn or note; `contact` adds the support contact."""
        return []


@dataclass(frozen=True)
class OrganizationFrame(Frame):
    """A page of one organization. What stands above the content is read when it is first needed.

    Attributes:
        organization: whose page it is.
    """

    organization: Organization

    @cached_property
    def standing(self) -> Entitlement:
        """What the organization is entitled to at `now`."""
        return entitlement_of(self.organization.pk, self.now)

    @cached_property
    def notice(self) -> ThresholdNotice | None:
        """How far its API call threshold is used up today; None while there is nothing to say."""
        return threshold_notice(self.organization.pk, self.now)

    @classmethod
    def of(cls, actor: Actor, organization_id: str, *, route: str, permission: Required) -> OrganizationFrame:
        """Open it. Operators see what the organization's administrators see, so that they can help.

        Raises:
            Refusal: not_found, also for an organization outside the actor's reach; permission_missing.
        """
        if not actor.operator:
            check_permission(actor, organization_id, permission)
        organization = Organization.objects.filter(pk=organization_id).first()
        if organization is None:
            raise Refusal(RefusalReason.NOT_FOUND)
        return cls.around(actor, organization, route=route)

    @classmethod
    def around(cls, actor: Actor, organization: Organization, *, route: str) -> OrganizationFrame:
        """Open the frame without checking permissions, for pages that every signed-in person may see."""
        return cls(actor, route, timezone.now(), organization)

    def context(self) -> dict[str, Any]:
        """What `shell/base.html` needs."""
        return Frame.context(self) | {
            "organization_id": self.organization.pk,
            "organization_name": self.organization.name,
        }

    def banners(self, *, tokens_shown: bool = False) -> list[dict[str, Any]]:
        """The one place where an organization's state is told, above the content of each of its pages.

        `tokens_shown` is for a page whose first line says already that tokens are refused.
        """
        banners: list[dict[str, Any]] = []
        sentence, locked, why = self.standing.banner, not self.standing.may_change, self.standing.tokens_refused
        if sentence is not None:
            # The banner of a suspension says it by itself. People, roles and sign-in settings can still be changed.
            if why is not None and not self.standing.suspended and not tokens_shown:
                sentence = f"{why[0].upper()}{why[1:]}: authorization servers cannot be changed. Tokens are refused."
            tone = "bad" if self.standing.suspended else "warn" if locked else "note"
            banners.append({"sentence": sentence, "tone": tone, "contact": locked})
        if self.notice is not None and not self.standing.suspended:
            banners.append({"sentence": self.notice.sentence, "tone": "warn" if self.notice.pressing else "note"})
        return banners
