"""What operators see of organizations. Reading a list takes the same number of queries at any length."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from django.db.models import (
    DateTimeField,
    DurationField,
    Exists,
    ExpressionWrapper,
    F,
    OuterRef,
    Q,
    TextChoices,
    Value,
)
from django.db.models.functions import Coalesce
from django.db.models.lookups import LessThanOrEqual

from watchword.control.activity.queries import allowed_on_day
from watchword.control.activity.rules import today
from watchword.control.base.paging import Key, Order, Page, moment, page_of
from watchword.control.identity.models import Person
from watchword.control.organizations.listing import fitting
from watchword.control.organizations.models import Organization, Subscription, Suspension
from watchword.control.organizations.queries import notice_of, terms_of
from watchword.control.organizations.rules import (
    EXPIRY_ANNOUNCED,
    EXPIRY_ANNOUNCED_SHARE,
    Entitlement,
    SubscriptionTerms,
    entitlement,
    is_organization_id,
)
from watchword.control.servers.models import AuthorizationServer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from django.db.models import QuerySet

SUSPENSIONS_SHOWN: Final = 50


class StateFilter(TextChoices):
    """Which organizations to list. The values stand in addresses."""

    ACTIVE = "active", "Active"
    EXPIRING = "expiring", "Expires soon"
    EXPIRED = "expired", "Expired"
    NOT_STARTED = "not_started", "Not started"
    NONE = "none", "No subscription"
    SUSPENDED = "suspended", "Suspended"


@dataclass(frozen=True, slots=True)
class Search:
    """What somebody looks for.

    Attributes:
        text: the beginning of an id, or a part of a name; case does not matter.
        state: None for all.
        asked: the address's query, which holds the position in the list.
    """

    text: str = ""
    state: StateFilter | None = None
    asked: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ServerBrief:
    name: str
    enabled: bool
    failing: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganizationRow:
    """One organization of the list. `terms` is None without an API subscription."""

    id: str
    name: str
    standing: Entitlement
    terms: SubscriptionTerms | None
    api_call_threshold: int | None
    calls_today: int
    servers: tuple[ServerBrief, ...]


def _id(text: str) -> str:
    if not is_organization_id(text):
        raise ValueError("not an id")
    return text


_BY_ID: Final = Order((Key("pk", _id),))
_BY_EXPIRY: Final = Order((Key("subscription__expires_at", moment), Key("subscription__pk", _id)))
_LAST_EXPIRED_FIRST: Final = Order(_BY_EXPIRY.keys, descending=True)
_BY_START: Final = Order((Key("subscription__starts_at", moment), Key("subscription__pk", _id)))

# Sorted by what the filter asks of, the list begins in an index where the filter does. A search for text is sorted by
# id: it goes through all names in that order, and looks at the subscriptions of those alone that fit.
_ORDERS: Final = {
    None: _BY_ID,
    StateFilter.ACTIVE: _BY_EXPIRY,
    StateFilter.EXPIRING: _BY_EXPIRY,
    StateFilter.EXPIRED: _LAST_EXPIRED_FIRST,
    StateFilter.NOT_STARTED: _BY_START,
    StateFilter.NONE: _BY_ID,
    StateFilter.SUSPENDED: _BY_ID,
}


def list_organizations(search: Search, now: datetime) -> Page[OrganizationRow]:
    """A page of the organizations that fit. Four queries."""
    organizations = Organization.objects.select_related("subscription")
    if search.state is not None:
        organizations = _in_state(organizations, search.state, now, joined=not search.text)
    if search.text:
        organizations = fitting(organizations, search.text)
    page = page_of(organizations, _BY_ID if search.text else _ORDERS[search.state], search.asked)
    ids = [organization.pk for organization in page.rows]
    suspensions = {row.organization_id: row for row in _live_suspensions().filter(organization_id__in=ids)}
    servers = _servers_of(ids)
    calls = allowed_on_day(ids, today(now))
    return page.of(
        [
            _row(
                organization,
                suspensions.get(organization.pk),
                servers.get(organization.pk, []),
                calls.get(organization.pk, 0),
                now,
            )
            for organization in page.rows
        ]
    )


def suspensions_of(organization_id: str) -> tuple[Suspension, ...]:
    """The newest first; a live one is among them, since nothing is newer than it."""
    return tuple(
        Suspension.objects.filter(organization_id=organization_id).order_by("-started_at", "-pk")[:SUSPENSIONS_SHOWN]
    )


def subscription_of(organization_id: str) -> Subscription | None:
    return Subscription.objects.filter(pk=organization_id).first()


def administrators_of(organization_id: str) -> int:
    """How many may sign in."""
    return Person.objects.filter(organization_id=organization_id, is_active=True).count()


def _in_state(
    organizations: QuerySet[Organization], state: StateFilter, now: datetime, *, joined: bool
) -> QuerySet[Organization]:
    """The organizations of one state.

    Args:
        organizations: all of them.
        state: the one wanted.
        now: when.
        joined: whether to come from the subscriptions, by their index, to the organizations; else the other way round.
    """
    if state is StateFilter.SUSPENDED:
        return organizations.filter(pk__in=_live_suspensions().values("organization"))
    free = organizations.exclude(Exists(_live_suspensions().filter(organization=OuterRef("pk"))))
    if state is StateFilter.NONE:
        return free.filter(subscription__isnull=True)
    if joined:
        return free.filter(_terms(state, now, "subscription__"))
    return free.filter(Exists(Subscription.objects.filter(_terms(state, now), organization=OuterRef("pk"))))


def _terms(state: StateFilter, now: datetime, path: str = "") -> Q:
    """What the subscriptions of a state have in common, each column reached by `path`."""

    def has(**bounds: datetime) -> Q:
        return Q(**{f"{path}{name}": value for name, value in bounds.items()})

    match state:
        case StateFilter.EXPIRED:
            return has(expires_at__lte=now)
        case StateFilter.NOT_STARTED:
            return has(starts_at__gt=now)
        case StateFilter.EXPIRING:
            ending = has(starts_at__lte=now, expires_at__gt=now, expires_at__lte=now + EXPIRY_ANNOUNCED)
            return ending & Q(_in_the_last_share(now, path))
        case _:
            return has(starts_at__lte=now, expires_at__gt=now)


def _in_the_last_share(now: datetime, path: str) -> LessThanOrEqual:
    """`expires_soon` as the database says it."""
    expires_at, starts_at = F(f"{path}expires_at"), Coalesce(F(f"{path}term_starts_at"), F(f"{path}starts_at"))
    left = ExpressionWrapper(expires_at - Value(now, DateTimeField()), DurationField())
    return LessThanOrEqual(
        ExpressionWrapper(left * EXPIRY_ANNOUNCED_SHARE, DurationField()),
        ExpressionWrapper(expires_at - starts_at, DurationField()),
    )


def _live_suspensions() -> QuerySet[Suspension]:
    return Suspension.objects.filter(lifted_at__isnull=True)


def _servers_of(ids: Iterable[str]) -> dict[str, list[ServerBrief]]:
    found: dict[str, list[ServerBrief]] = {}
    rows = (
        AuthorizationServer.objects.filter(organization_id__in=ids)
        .order_by("organization_id", "slot")
        # Never the key sets themselves, which are large and of no use here.
        .values_list("organization_id", "name", "enabled", "key_set__failing_since")
    )
    for organization_id, name, enabled, failing_since in rows:
        found.setdefault(organization_id, []).append(ServerBrief(name, enabled, failing_since is not None))
    return found


def _row(
    organization: Organization,
    suspension: Suspension | None,
    servers: list[ServerBrief],
    calls_today: int,
    now: datetime,
) -> OrganizationRow:
    subscription: Subscription | None = getattr(organization, "subscription", None)
    terms = terms_of(subscription)
    return OrganizationRow(
        id=organization.pk,
        name=organization.name,
        standing=entitlement(subscription=terms, suspension=notice_of(suspension), now=now),
        terms=terms,
        api_call_threshold=None if subscription is None else subscription.api_call_threshold,
        calls_today=calls_today,
        servers=tuple(servers),
    )
