"""The counted calls that pages show. Each function is one query unless it says otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.db.models import Max, Q, Sum

from watchword.control.activity import rules
from watchword.control.activity.models import DailyCalls, ThresholdDay, UsageLine, UsageStream
from watchword.control.activity.queries import allowed_on
from watchword.control.activity.rules import ThresholdNotice

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date, datetime

HOURS_SHOWN: Final = 24
DAYS_SHOWN: Final = 31
PROFILES_SHOWN: Final = 50

_PROFILE: Final = ("issuer", "audience", "client_claim", "client_id", "kid", "alg", "typ")


@dataclass(frozen=True, slots=True)
class Day:
    """Calls of one day (UTC)."""

    day: date
    allowed: int = 0
    denied: int = 0


@dataclass(frozen=True, slots=True)
class OutcomeCount:
    """Calls with one outcome; `outcome` is the code of a reason, None for allowed."""

    outcome: str | None
    calls: int
    last_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileSeen:
    """Tokens with the same profile and outcome.

    Attributes:
        outcome: the code of a reason, None for allowed.
        read: a value of `UsageLine.Read`.
        issuer, audience, client_claim, client_id, kid, alg, typ: None if the token has none.
    """

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


@dataclass(frozen=True, slots=True)
class InUse:
    """The use of a server: requests with its tokens in the last 24 hours, and the minute of the last one."""

    requests: int
    last_at: datetime


def last_days(organization_id: str, now: datetime) -> tuple[Day, ...]:
    """Return the last DAYS_SHOWN days until today, also those without calls."""
    today = rules.today(now)
    days = [today - timedelta(days=back) for back in reversed(range(DAYS_SHOWN))]
    sums = (
        DailyCalls.objects.filter(organization=organization_id, day__gte=days[0])
        .values("day")
        .annotate(all_allowed=Sum("allowed"), all_denied=Sum("denied"))
    )
    found = {row["day"]: Day(row["day"], row["all_allowed"], row["all_denied"]) for row in sums}
    return tuple(found.get(day, Day(day)) for day in days)


def outcomes(organization_id: str, now: datetime) -> tuple[OutcomeCount, ...]:
    """Return the outcomes of the last 24 hours, the most frequent first."""
    sums = (
        UsageLine.objects.filter(organization=organization_id, hour__gte=_since(now))
        .values("outcome")
        .annotate(all_calls=Sum("calls"), newest=Max("last_at"))
        .order_by("-all_calls", "outcome")
    )
    return tuple(OutcomeCount(row["outcome"], row["all_calls"], row["newest"]) for row in sums)


def profiles(organization_id: str, now: datetime) -> tuple[ProfileSeen, ...]:
    """Return at most PROFILES_SHOWN profiles of the last 24 hours, the last seen first."""
    kinds = (
        UsageLine.objects.filter(organization=organization_id, hour__gte=_since(now))
        .exclude(read=UsageLine.Read.NOTHING)
        .values("outcome", "read", *_PROFILE)
        .annotate(all_calls=Sum("calls"), newest=Max("last_at"))
        .order_by("-newest", "-all_calls", "outcome", *_PROFILE)[:PROFILES_SHOWN]
    )
    return tuple(
        ProfileSeen(
            outcome=row["outcome"],
            read=row["read"],
            calls=row["all_calls"],
            last_at=row["newest"],
            **{name: row[name] for name in _PROFILE},
        )
        for row in kinds
    )


def servers_in_use(organization_id: str, now: datetime) -> dict[str, InUse]:
    """Return by server id the requests with a token that the server signed.

    Tokens that were refused before their signature was verified do not count: any client can send them.
    """
    signed = Q(outcome__isnull=True) | Q(outcome__in=rules.SIGNED)
    sums = (
        UsageLine.objects.filter(signed, organization=organization_id, server__isnull=False)
        .values("server")
        .annotate(lately=Sum("calls", filter=Q(hour__gte=_since(now))), newest=Max("last_at"))
    )
    return {str(row["server"]): InUse(row["lately"] or 0, row["newest"]) for row in sums}


def calls_per_second(verifier_ids: Iterable[int], now: datetime) -> dict[int, float]:
    """Return the rate by verifier, summed over its processes; without silent verifiers."""
    streams = UsageStream.objects.filter(
        verifier__in=list(verifier_ids), heard_at__gte=now - timedelta(minutes=5), minute__isnull=False
    )
    rates: dict[int, float] = {}
    for row in streams:
        rate = rules.CallRate(row.minute, row.calls, row.calls_before)
        rates[row.verifier_id] = rates.get(row.verifier_id, 0.0) + rate.per_second(now)
    return rates


def threshold_day(organization_id: str, now: datetime) -> ThresholdDay | None:
    """Return what was reported today about the threshold; None if nothing was."""
    return ThresholdDay.objects.filter(organization=organization_id, day=rules.today(now)).first()


def threshold_notice(organization_id: str, now: datetime) -> ThresholdNotice | None:
    """Return today's notice for the administrators, or None. One query, two with a notice."""
    day = threshold_day(organization_id, now)
    if day is None or not day.reported_percent or day.threshold is None:
        return None
    return ThresholdNotice(day.reported_percent, allowed_on(organization_id, day.day) - day.base, day.threshold)


def _since(now: datetime) -> datetime:
    # Whole hours: this one and the 23 before it.
    return now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=HOURS_SHOWN - 1)
