"""Activity: the calls that verifiers counted."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final

from django.utils import timezone
from ninja import Router
from pydantic import ConfigDict

from watchword.control.activity import usage_queries
from watchword.control.activity.queries import threshold_of
from watchword.control.api.operation import Answer, Call, operation
from watchword.control.api.types import Resource
from watchword.control.base.actor import Permission

router: Final = Router(tags=["Activity"])


class _Read(Resource):
    model_config = ConfigDict(from_attributes=True)


class ActivityDay(_Read):
    """Calls of one day (UTC)."""

    day: date
    allowed: int
    denied: int


class Outcome(_Read):
    """Calls with one outcome."""

    outcome: str | None
    """The reason's code; null for allowed."""
    calls: int
    last_at: datetime


class Profile(_Read):
    """Tokens of one kind. Claims of refused tokens are unverified."""

    outcome: str | None
    read: str
    issuer: str | None
    audience: str | None
    client_claim: str | None
    client_id: str | None
    kid: str | None
    alg: str | None
    typ: str | None
    calls: int
    last_at: datetime


class Activity(Resource):
    """What was called."""

    api_call_threshold: int | None
    """Allowed calls per day; null for no limit."""
    days: list[ActivityDay]
    """The last 31 days, the oldest first; the last one is today."""
    outcomes: list[Outcome]
    """Of the last 24 hours, the most frequent first."""
    profiles: list[Profile]
    """Of the last 24 hours, the last seen first; at most 50."""


@operation(
    router, "GET", "/organizations/{slug:organization}/activity", reads=Permission.ACTIVITY, returns=Activity,
)  # fmt: skip
def read_activity(call: Call) -> Answer:
    """Read the calls of the last days and why tokens were refused."""
    organization, now = call.organization, timezone.now()
    return Answer(
        body=Activity(
            api_call_threshold=threshold_of(organization),
            days=[ActivityDay.model_validate(day) for day in usage_queries.last_days(organization, now)],
            outcomes=[Outcome.model_validate(each) for each in usage_queries.outcomes(organization, now)],
            profiles=[Profile.model_validate(each) for each in usage_queries.profiles(organization, now)],
        )
    )
