"""Lists of organizations with their situation, for the management API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.db.models import Q

from watchword.control.base.paging import AFTER, Key, Order, page_of
from watchword.control.base.refusals import Refusal, RefusalReason
from watchword.control.organizations.models import Organization, Subscription, Suspension
from watchword.control.organizations.queries import notice_of, terms_of
from watchword.control.organizations.rules import Situation, entitlement
from watchword.core.characters import is_printable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from django.db.models import QuerySet

    from watchword.control.base.paging import Page

_BY_ID: Final = Order((Key("pk", str),))

SEARCH_MAX: Final = 120


@dataclass(frozen=True, slots=True)
class OrganizationStanding:
    """An organization at one time. `suspension` is the live one."""

    organization: Organization
    subscription: Subscription | None
    suspension: Suspension | None
    situation: Situation


def fitting(organizations: QuerySet[Organization], text: str) -> QuerySet[Organization]:
    """Return the organizations whose id begins with the text or whose name contains it; case does not matter."""
    # PostgreSQL refuses U+0000; nothing stored has any of the invisible characters.
    if len(text) > SEARCH_MAX or not is_printable(text):
        return organizations.none()
    return organizations.filter(Q(pk__startswith=text.lower()) | Q(name__icontains=text))


def list_standings(after: str | None, now: datetime, *, text: str, length: int) -> Page[OrganizationStanding]:
    """Return the page after a position, by id, of the organizations that fit; "" for all. Two queries."""
    organizations = Organization.objects.select_related("subscription")
    if text:
        organizations = fitting(organizations, text)
    page = page_of(organizations, _BY_ID, {} if after is None else {AFTER: after}, length=length)
    return page.of(_standings(page.rows, now))


def standing_of(organization_id: str, now: datetime) -> OrganizationStanding:
    """Return one organization's. Two queries.

    Raises:
        Refusal: not_found.
    """
    organizations = Organization.objects.select_related("subscription").filter(pk=organization_id)
    found = _standings(list(organizations), now)
    if not found:
        raise Refusal(RefusalReason.NOT_FOUND)
    return found[0]


def _standings(organizations: Sequence[Organization], now: datetime) -> list[OrganizationStanding]:
    live = Suspension.objects.filter(organization__in=organizations, lifted_at__isnull=True)
    suspensions = {suspension.organization_id: suspension for suspension in live}
    return [_standing(each, suspensions.get(each.pk), now) for each in organizations]


def _standing(organization: Organization, suspension: Suspension | None, now: datetime) -> OrganizationStanding:
    subscription: Subscription | None = getattr(organization, "subscription", None)
    entitled = entitlement(subscription=terms_of(subscription), suspension=notice_of(suspension), now=now)
    return OrganizationStanding(organization, subscription, suspension, entitled.situation)
