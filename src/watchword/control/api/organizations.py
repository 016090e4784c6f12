"""Organizations, their API subscriptions and suspensions. Clients of an organization read; operators change."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Final, Literal, Self

from django.utils import timezone
from ninja import Router
from pydantic import Field

from watchword.control.api.addresses import address_of
from watchword.control.api.cursors import Cursor, Limit, cursor_of, position_of
from watchword.control.api.declarations import ETag
from watchword.control.api.operation import Answer, Call, operation
from watchword.control.api.strict_requests import etag
from watchword.control.api.types import Body, GivenTime, Resource
from watchword.control.base.actor import Permission, Privilege
from watchword.control.base.refusals import RefusalReason
from watchword.control.organizations import commands
from watchword.control.organizations.listing import list_standings, standing_of
from watchword.control.organizations.models import SuspensionReason

if TYPE_CHECKING:
    from watchword.control.organizations import models
    from watchword.control.organizations.listing import OrganizationStanding

router: Final = Router(tags=["Organizations"])

_ALL: Final = "/organizations"
_ONE: Final = "/organizations/{slug:organization}"
_OPERATOR: Final = Privilege.OPERATOR

_Threshold = Annotated[int | None, Field(description="Allowed API calls per day; null for no limit.")]


class Subscription(Resource):
    """The API subscription. It ends at `expires_at`, to the second. Without one all members but `version` are null."""

    starts_at: datetime | None
    expires_at: datetime | None
    api_call_threshold: _Threshold
    version: int
    """0 without a subscription."""
    updated_at: datetime | None
    updated_by: str | None

    @classmethod
    def of(cls, row: models.Subscription | None) -> Self:
        return cls(
            starts_at=None if row is None else row.starts_at,
            expires_at=None if row is None else row.expires_at,
            api_call_threshold=None if row is None else row.api_call_threshold,
            version=0 if row is None else row.version,
            updated_at=None if row is None else row.updated_at,
            updated_by=None if row is None else row.updated_by,
        )


class Suspension(Resource):
    """The provider's lock on an organization: its tokens are refused."""

    reason: str
    public_text: str
    reference: str
    """For the organization to quote to support."""
    started_at: datetime

    @classmethod
    def of(cls, row: models.Suspension) -> Self:
        # Never the private note, which is for operators.
        return cls(reason=row.reason, public_text=row.public_text, reference=row.reference, started_at=row.started_at)


class CurrentSuspension(Resource):
    """The suspension; null if the organization is not suspended."""

    suspension: Suspension | None


class Organization(Resource):
    """A customer of the API's provider."""

    id: str
    name: str
    created_at: datetime
    situation: str
    """active, suspended, expired, not_started or absent (no API subscription)."""
    subscription: Subscription
    suspension: Suspension | None

    @classmethod
    def of(cls, standing: OrganizationStanding) -> Self:
        return cls(
            id=standing.organization.pk,
            name=standing.organization.name,
            created_at=standing.organization.created_at,
            situation=standing.situation.value,
            subscription=Subscription.of(standing.subscription),
            suspension=None if standing.suspension is None else Suspension.of(standing.suspension),
        )


class Organizations(Resource):
    """A page of organizations, by ID."""

    items: list[Organization]
    next_cursor: str | None


class NewOrganization(Body):
    """An organization to create."""

    id: str
    """Part of URLs; cannot be changed."""
    name: str


class SubscriptionTerms(Body):
    """What an API subscription becomes. It never lifts a suspension."""

    starts_at: GivenTime
    expires_at: GivenTime
    api_call_threshold: _Threshold


class CallThreshold(Body):
    """Raising the threshold lifts a suspension for too many API calls."""

    api_call_threshold: _Threshold


class NewSuspension(Body):
    """Why an organization is suspended."""

    reason: Literal["api_call_threshold_exceeded", "terms_violated", "other"]
    public_text: str = ""
    """Shown to the organization; required for `other`."""
    private_note: str = ""
    """Shown to operators only."""


@operation(router, "GET", _ALL, reads=_OPERATOR, returns=Organizations)
def list_organizations(
    call: Call,  # noqa: ARG001 - every handler gets it.
    q: str = "",
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Answer:
    """List the organizations by ID. `q` finds the beginning of an ID or a part of a name."""
    page = list_standings(position_of(_ALL, {"q": q}, cursor), timezone.now(), text=q, length=limit)
    items = [Organization.of(standing) for standing in page.rows]
    return Answer(body=Organizations(items=items, next_cursor=cursor_of(_ALL, {"q": q}, page.after)))


@operation(
    router, "POST", _ALL,
    changes=(_OPERATOR, "organization_created"), returns=Organization, status=201,
    refusals=(RefusalReason.NAME_TAKEN,), members={"organization_id": "id"},
)  # fmt: skip
def create_organization(call: Call, organization: NewOrganization) -> Answer:
    """Create an organization without an API subscription."""
    commands.CreateOrganization(organization_id=organization.id, name=organization.name).run(call.actor)
    created = Organization.of(standing_of(organization.id, timezone.now()))
    return Answer(body=created, status=201, location=address_of(_ONE, created.id))


@operation(router, "GET", _ONE, reads=_OPERATOR, returns=Organization)
def read_organization(call: Call) -> Answer:
    """Read an organization."""
    return Answer(body=Organization.of(standing_of(call.organization, timezone.now())))


@operation(router, "GET", f"{_ONE}/subscription", reads=Permission.ACTIVITY, returns=Subscription, etag=ETag.SENT)
def read_subscription(call: Call) -> Answer:
    """Read the API subscription."""
    return _subscription(call, standing_of(call.organization, timezone.now()).subscription)


@operation(
    router, "PUT", f"{_ONE}/subscription",
    changes=(_OPERATOR, "subscription_set"), returns=Subscription, etag=ETag.REQUIRED, identity="organization",
)  # fmt: skip
def change_subscription(call: Call, terms: SubscriptionTerms) -> Answer:
    """Set or renew the API subscription. Without one, its ETag has the version 0."""
    changed = commands.SetSubscription(
        organization_id=call.organization,
        starts_at=terms.starts_at,
        expires_at=terms.expires_at,
        api_call_threshold=terms.api_call_threshold,
        expected_version=call.version,
    ).run(call.actor)
    return _subscription(call, changed)


@operation(
    router, "PUT", f"{_ONE}/call-threshold",
    changes=(_OPERATOR, "threshold_changed"), returns=Subscription, etag=ETag.REQUIRED, identity="organization",
    refusals=(RefusalReason.NOT_SUBSCRIBED,),
)  # fmt: skip
def change_call_threshold(call: Call, threshold: CallThreshold) -> Answer:
    """Change how many API calls per day the subscription allows. The ETag is the subscription's."""
    changed = commands.ChangeThreshold(
        organization_id=call.organization,
        api_call_threshold=threshold.api_call_threshold,
        expected_version=call.version,
    ).run(call.actor)
    return _subscription(call, changed)


@operation(router, "GET", f"{_ONE}/suspension", reads=Permission.ACTIVITY, returns=CurrentSuspension)
def read_suspension(call: Call) -> Answer:
    """Read why the organization is suspended."""
    live = standing_of(call.organization, timezone.now()).suspension
    return Answer(body=CurrentSuspension(suspension=None if live is None else Suspension.of(live)))


@operation(
    router, "PUT", f"{_ONE}/suspension",
    changes=(_OPERATOR, "organization_suspended"), returns=CurrentSuspension,
    refusals=(RefusalReason.ALREADY_SUSPENDED,),
)  # fmt: skip
def suspend_organization(call: Call, suspension: NewSuspension) -> Answer:
    """Suspend the organization: its tokens are refused within seconds."""
    live = commands.Suspend(
        organization_id=call.organization,
        reason=SuspensionReason(suspension.reason),
        public_text=suspension.public_text,
        private_note=suspension.private_note,
    ).run(call.actor)
    return Answer(body=CurrentSuspension(suspension=Suspension.of(live)))


@operation(
    router, "DELETE", f"{_ONE}/suspension",
    changes=(_OPERATOR, "organization_reinstated"), status=204,
    refusals=(RefusalReason.NOT_SUSPENDED, RefusalReason.VERSION_STALE),
)  # fmt: skip
def reinstate_organization(call: Call, reference: str) -> Answer:
    """Lift the suspension with this reference. A newer one, which the client has not seen, stays."""
    commands.Reinstate(organization_id=call.organization, reference=reference).run(call.actor)
    return Answer(status=204)


def _subscription(call: Call, row: models.Subscription | None) -> Answer:
    shown = Subscription.of(row)
    return Answer(body=shown, etag=etag(call.organization, shown.version))
