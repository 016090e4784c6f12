"""What operators see of the fleet: the verifiers, and the key sets that could not be fetched."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from uuid import UUID

from django.db.models import Count, Q

from watchword.control.activity.models import UsageAllowance
from watchword.control.activity.plausibility import Implausible
from watchword.control.base.paging import PAGE_LENGTH, Key, Order, Page, moment, page_of
from watchword.control.fleet.models import VerifierCredential
from watchword.control.fleet.queries import following_verifiers, head
from watchword.control.fleet.rules import VerifierState, has_previous_secret, lag, verifier_state
from watchword.control.servers.models import KeySetState
from watchword.control.servers.queries import problem_of
from watchword.control.servers.shown_location import ShownLocation, shown_location

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

TROUBLES_SHOWN: Final = 20
ORGANIZATIONS_SHOWN: Final = 10
REFUSED_SHOWN_FOR: Final = timedelta(days=7)

_BECAUSE: Final = {
    Implausible.TOO_MANY_CALLS.value: "more calls than it could have processed",
    Implausible.FOREIGN_STREAM.value: "continues the reports of another credential",
}

_SECRETS: Final = ("secret_hash", "previous_secret_hash")
_BY_NAME: Final = Order((Key("name", str),))
_LONGEST_FAILING_FIRST: Final = Order((Key("failing_since", moment), Key("pk", UUID)))


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifierRow:
    """One verifier.

    Attributes:
        behind: how many revisions it lacked when it was last seen; None if it never was.
        credential_created_at: when its newest secret was created.
        previous_until: when the secret before it ends; None if it has ended, or there was none.
        is_newest_used: whether a request has come with the newest secret.
    """

    id: int
    name: str
    state: VerifierState
    node: str | None
    version: str | None
    revision: int | None
    behind: int | None
    created_at: datetime
    credential_created_at: datetime
    previous_until: datetime | None
    is_newest_used: bool
    last_seen_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FailingKeySet:
    """One key set whose latest fetch failed.

    Attributes:
        host: of the JWKS location.
        good_until: when the keys of the last good fetch stop being believed; None if there never were any.
        still_served: whether tokens are verified with those keys now.
    """

    organization_id: str
    organization_name: str
    server: str
    enabled: bool
    location: ShownLocation
    failing_since: datetime
    problem: str
    fix: str | None
    good_until: datetime | None
    still_served: bool


def list_verifiers(asked: Mapping[str, str], now: datetime, *, length: int = PAGE_LENGTH) -> Page[VerifierRow]:
    """A page of the verifiers by name, revoked ones too. Two queries."""
    newest = head().revision
    page = page_of(VerifierCredential.objects.defer(*_SECRETS), _BY_NAME, asked, length=length)
    return page.of([_verifier(row, newest, now) for row in page.rows])


@dataclass(frozen=True, slots=True, kw_only=True)
class Misunderstanding:
    """One verifier that cannot read the trust of so many organizations.

    Attributes:
        shown: the names of some.
        more: how many are not among them.
    """

    verifier: str
    version: str | None
    shown: tuple[str, ...]
    more: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedUsage:
    """One verifier, some of whose usage batches were refused because they cannot be true."""

    verifier: str
    batches: int
    last_at: datetime
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetTrouble:
    """What operators must see to in the fleet.

    Attributes:
        following: how many verifiers follow the feed.
        lacking: how many of them cannot read the trust of some organization; `misunderstandings` shows the first.
    """

    following: int
    lacking: int
    misunderstandings: tuple[Misunderstanding, ...]
    refused: tuple[RefusedUsage, ...]


def fleet_trouble(now: datetime) -> FleetTrouble:
    """The verifiers that follow and lack organizations, and those that reported impossible usage. Three queries."""
    following = following_verifiers(now)
    lacking = following.filter(not_understood_count__gt=0).order_by("name")
    counts = following.aggregate(all=Count("pk"), lacking=Count("pk", filter=Q(not_understood_count__gt=0)))
    refused = (
        UsageAllowance.objects.filter(refused_at__gt=now - REFUSED_SHOWN_FOR, verifier__revoked_at__isnull=True)
        .order_by("-refused_at")
        .values_list("verifier__name", "refused", "refused_at", "problem")[:TROUBLES_SHOWN]
    )
    return FleetTrouble(
        following=counts["all"],
        lacking=counts["lacking"],
        misunderstandings=tuple(_misunderstanding(row) for row in lacking[:TROUBLES_SHOWN]),
        refused=tuple(
            RefusedUsage(verifier=name, batches=batches, last_at=at, because=_BECAUSE[problem])
            for name, batches, at, problem in refused
            if at is not None and problem is not None
        ),
    )


def _misunderstanding(row: VerifierCredential) -> Misunderstanding:
    shown = tuple(row.not_understood[:ORGANIZATIONS_SHOWN])
    return Misunderstanding(
        verifier=row.name, version=row.version, shown=shown, more=row.not_understood_count - len(shown)
    )


def verifier_name(verifier_id: int) -> str | None:
    return VerifierCredential.objects.filter(pk=verifier_id).values_list("name", flat=True).first()


def verifier_row(name: str, now: datetime) -> VerifierRow:
    """The verifier with this name, which exists. Two queries."""
    return _verifier(VerifierCredential.objects.defer(*_SECRETS).get(name=name), head().revision, now)


def list_failing(asked: Mapping[str, str], now: datetime, *, length: int = PAGE_LENGTH) -> Page[FailingKeySet]:
    """A page of the key sets that fail, the longest failing first. One query."""
    failing = (
        KeySetState.objects.filter(failing_since__isnull=False)
        .select_related("server__organization")
        .only(
            "failing_since",
            "problem",
            "good_until",
            "server__name",
            "server__enabled",
            "server__jwks_location",
            "server__organization__name",
        )
    )
    page = page_of(failing, _LONGEST_FAILING_FIRST, asked, length=length)
    return page.of([_failing(row, now) for row in page.rows])


def _verifier(row: VerifierCredential, newest: int, now: datetime) -> VerifierRow:
    return VerifierRow(
        id=row.pk,
        name=row.name,
        state=verifier_state(revoked_at=row.revoked_at, last_seen_at=row.last_seen_at, now=now),
        node=row.node,
        version=row.version,
        revision=row.last_revision,
        behind=lag(newest=newest, revision=row.last_revision),
        created_at=row.created_at,
        credential_created_at=row.rotated_at or row.created_at,
        previous_until=row.previous_until if has_previous_secret(row.previous_until, now) else None,
        is_newest_used=row.is_newest_used,
        last_seen_at=row.last_seen_at,
        revoked_at=row.revoked_at,
    )


def _failing(row: KeySetState, now: datetime) -> FailingKeySet:
    problem, fix = problem_of(row.problem)
    if row.failing_since is None or problem is None:
        raise RuntimeError("the database holds that what fails has its time and its problem")
    return FailingKeySet(
        organization_id=row.server.organization_id,
        organization_name=row.server.organization.name,
        server=row.server.name,
        enabled=row.server.enabled,
        location=shown_location(row.server.jwks_location),
        failing_since=row.failing_since,
        problem=problem,
        fix=fix,
        good_until=row.good_until,
        still_served=row.good_until is not None and now < row.good_until,
    )
