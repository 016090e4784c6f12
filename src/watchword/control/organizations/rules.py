"""What an organization is entitled to right now. Pure: no database, and the clock comes in as an argument."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC
from enum import Enum
from typing import TYPE_CHECKING, Final

from watchword.control.refusals import RefusalReason

if TYPE_CHECKING:
    from datetime import datetime

ID_MAX: Final = 32
NAME_MAX: Final = 120
PUBLIC_TEXT_MAX: Final = 500
_ID: Final = re.compile(r"[a-z][a-z0-9-]{0,30}[a-z0-9]")


class Situation(Enum):
    """The organization's standing; exactly one holds at any time."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    EXPIRED = "expired"
    NOT_STARTED = "not_started"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionTerms:
    """An API subscription, the half-open interval [starts_at, expires_at); both aware of their time zone."""

    starts_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspensionNotice:
    """What an organization is told about its live suspension. The private note is left out on purpose."""

    reason: str
    public_text: str
    reference: str
    started_at: datetime


@dataclass(frozen=True, slots=True)
class Entitlement:
    """What follows from the situation.

    Attributes:
        situation: which of the five holds.
        refusal: why changes are refused, None where they are allowed.
        banner: the sentence above every page of the organization, None when there is nothing to say.
    """

    situation: Situation
    refusal: RefusalReason | None = None
    banner: str | None = None

    @property
    def may_change(self) -> bool:
        return self.situation is Situation.ACTIVE

    @property
    def suspended(self) -> bool:
        return self.situation is Situation.SUSPENDED


def entitlement(
    *, subscription: SubscriptionTerms | None, suspension: SuspensionNotice | None, now: datetime
) -> Entitlement:
    """The one place that decides. A suspension weighs more than the subscription: renewing never lifts it."""
    if suspension is not None:
        return Entitlement(Situation.SUSPENDED, RefusalReason.ORGANIZATION_SUSPENDED, _suspended(suspension))
    if subscription is None:
        return Entitlement(
            Situation.ABSENT,
            RefusalReason.SUBSCRIPTION_INACTIVE,
            "There is no API subscription: you can view everything; changes are locked until there is one.",
        )
    if now < subscription.starts_at:
        return Entitlement(
            Situation.NOT_STARTED,
            RefusalReason.SUBSCRIPTION_INACTIVE,
            f"The API subscription starts on {spoken(subscription.starts_at)}: you can view everything; "
            "changes are locked until then.",
        )
    if now >= subscription.expires_at:
        return Entitlement(
            Situation.EXPIRED,
            RefusalReason.SUBSCRIPTION_INACTIVE,
            f"API subscription expired on {spoken(subscription.expires_at)}: you can view everything; "
            "changes are locked until renewal.",
        )
    return Entitlement(Situation.ACTIVE)


def spoken(instant: datetime) -> str:
    """A date and time as people read it, in UTC, such as `31 December 2026, 23:59 UTC`."""
    utc = instant.astimezone(UTC)
    return f"{utc.day} {utc:%B %Y, %H:%M} UTC"


def is_organization_id(text: str) -> bool:
    return _ID.fullmatch(text) is not None


def check_organization(*, organization_id: str, name: str) -> dict[str, str]:
    """One sentence for each field at fault, by the field's name; empty when all is well."""
    faults = {}
    if not is_organization_id(organization_id):
        faults["organization_id"] = (
            "The id has 2 to 32 characters: lower-case letters a to z, digits and hyphens. It begins with a letter "
            "and does not end with a hyphen."
        )
    if name == "" or name != name.strip() or not name.isprintable():
        faults["name"] = "Enter a name, without blanks around it and without invisible characters."
    elif len(name) > NAME_MAX:
        faults["name"] = f"The name cannot exceed {NAME_MAX} characters; this one has {len(name)}."
    return faults


def check_subscription(*, starts_at: datetime, expires_at: datetime, api_call_threshold: int | None) -> dict[str, str]:
    """One sentence for each field at fault, by the field's name; empty when all is well."""
    faults = {}
    if starts_at.tzinfo is None or expires_at.tzinfo is None:
        faults["expires_at"] = "The times need a time zone."
    elif int(expires_at.timestamp()) <= int(starts_at.timestamp()):
        # Verifiers count in whole seconds; a shorter subscription would never be active for them.
        faults["expires_at"] = "The subscription must end after its start."
    if api_call_threshold is not None and api_call_threshold < 1:
        faults["api_call_threshold"] = "The API call threshold is at least 1; leave it out for no limit."
    return faults


def check_public_text(text: str) -> dict[str, str]:
    """One sentence for the field at fault, by its name; empty when all is well."""
    if len(text) > PUBLIC_TEXT_MAX:
        return {"public_text": f"The text cannot exceed {PUBLIC_TEXT_MAX} characters; this one has {len(text)}."}
    return {}


def _suspended(notice: SuspensionNotice) -> str:
    text = f" {notice.public_text}" if notice.public_text else ""
    return (
        f"Disabled on {spoken(notice.started_at)}: {notice.reason}.{text} "
        f"Tokens are rejected; contact support (reference {notice.reference})."
    )
