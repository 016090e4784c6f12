"""What an organization is entitled to right now. Pure: no database, and the clock comes in as an argument."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import MAXYEAR, UTC, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Final

from watchword.control.base.refusals import RefusalReason
from watchword.core.characters import is_printable
from watchword.core.trust import ORGANIZATION_ID

if TYPE_CHECKING:
    from datetime import datetime

ID_MAX: Final = 32
NAME_MAX: Final = 120
PUBLIC_TEXT_MAX: Final = 500
PRIVATE_NOTE_MAX: Final = 2000
_SENTENCE_ENDS: Final = (".", "!", "?", "…")
API_CALL_THRESHOLD_MAX: Final = 10**15

EXPIRY_ANNOUNCED: Final = timedelta(days=30)
EXPIRY_ANNOUNCED_SHARE: Final = 4
"""An API subscription is said to expire soon in the last quarter of its term, and at most 30 days before its end."""

_ID: Final = re.compile(ORGANIZATION_ID)

RESERVED_IDS: Final = frozenset(
    # Hosts that an API provider has, or that its customers would take for the provider's.
    {"account", "admin", "api", "auth", "console", "docs", "login", "mail", "portal", "sso", "status", "support", "www"}
    # Hosts where programs look by themselves for a proxy or for the settings of mail.
    | {"autoconfig", "autodiscover", "isatap", "localhost", "mta-sts", "wpad"}
)
"""No new organization can have one: where the gateway takes the organization from the host, its id becomes one."""

_OTHER_SCRIPT: Final = re.compile(r"..--")
"""Begins a host label such as `xn--…`, which browsers show in letters of another script (RFC 5890 section 2.3.1)."""


class Situation(Enum):
    """The organization's standing; exactly one holds at any time."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    EXPIRED = "expired"
    NOT_STARTED = "not_started"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionTerms:
    """An API subscription, the half-open interval [starts_at, expires_at); both aware of their time zone.

    Attributes:
        term_starts_at: since when the present term runs, if that is later than the start: the last renewal.
    """

    starts_at: datetime
    expires_at: datetime
    term_starts_at: datetime | None = None


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
        banner: the sentence above every page of the organization, None when there is nothing to say. While active it
            announces the end of the subscription and locks nothing.
        tokens_refused: why every token is refused, to stand behind "Tokens are refused:"; None while active.
    """

    situation: Situation
    refusal: RefusalReason | None = None
    banner: str | None = None
    tokens_refused: str | None = None

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
        return Entitlement(
            Situation.SUSPENDED,
            RefusalReason.ORGANIZATION_SUSPENDED,
            suspension_sentence(suspension),
            f"the organization was disabled on {spoken(suspension.started_at)} ({suspension.reason})",
        )
    if subscription is None:
        return Entitlement(
            Situation.ABSENT,
            RefusalReason.SUBSCRIPTION_INACTIVE,
            "There is no API subscription: you can view everything; changes are locked until there is one.",
            "there is no API subscription",
        )
    if now < subscription.starts_at:
        return Entitlement(
            Situation.NOT_STARTED,
            RefusalReason.SUBSCRIPTION_INACTIVE,
            f"The API subscription starts on {spoken(subscription.starts_at)}: you can view everything; "
            "changes are locked until then.",
            f"the API subscription starts on {spoken(subscription.starts_at)}",
        )
    if now >= subscription.expires_at:
        return Entitlement(
            Situation.EXPIRED,
            RefusalReason.SUBSCRIPTION_INACTIVE,
            f"API subscription expired on {spoken(subscription.expires_at)}: you can view everything; "
            "changes are locked until renewal.",
            f"the API subscription expired on {spoken(subscription.expires_at)}",
        )
    return Entitlement(Situation.ACTIVE, banner=_announced(subscription, now))


def expires_soon(terms: SubscriptionTerms, now: datetime) -> bool:
    """Whether the end of an active subscription is announced. One that lasts a month is not from its first day."""
    left, term = terms.expires_at - now, terms.expires_at - (terms.term_starts_at or terms.starts_at)
    return left <= EXPIRY_ANNOUNCED and left * EXPIRY_ANNOUNCED_SHARE <= term


def renewed_term(before: SubscriptionTerms, expires_at: datetime, now: datetime) -> datetime | None:
    """Since when the term runs that a renewal gives: from the end that it moves, or from now after that end."""
    return before.term_starts_at if expires_at <= before.expires_at else max(before.expires_at, now)


def a_year_after(at: datetime) -> datetime:
    """The same date and time of day a calendar year later; 28 February after a 29 February.

    The last year that a date can have has no later one and is returned as it is.
    """
    try:
        return at.replace(year=at.year + 1)
    except ValueError:
        return at.replace(year=at.year + 1, day=28) if at.year < MAXYEAR else at


def duration(span: timedelta) -> str:
    """How long a countdown says it is, in full units rounded down: `12 days`, `31 hours`, `5 minutes`."""
    minutes = int(span.total_seconds()) // 60
    if minutes < 1:
        return "less than a minute"
    if minutes < 120:  # noqa: PLR2004 - two hours: below them minutes say more.
        return "1 minute" if minutes == 1 else f"{minutes} minutes"
    hours = minutes // 60
    return f"{hours} hours" if hours < 48 else f"{hours // 24} days"  # noqa: PLR2004 - likewise two days.


def spoken(instant: datetime) -> str:
    """A date and time as people read it, in UTC, such as `31 December 2026, 23:59 UTC`."""
    utc = instant.astimezone(UTC)
    return f"{utc.day} {utc:%B %Y, %H:%M} UTC"


def is_organization_id(text: str) -> bool:
    return _ID.fullmatch(text) is not None


def check_organization(*, organization_id: str, name: str) -> dict[str, str]:
    """What is wrong with a new organization: one sentence by the name of each field; empty when all is well."""
    faults = {}
    if not is_organization_id(organization_id):
        faults["organization_id"] = (
            "The id has 2 to 32 characters: lower-case letters a to z, digits and hyphens. It begins with a letter "
            "and does not end with a hyphen."
        )
    elif organization_id in RESERVED_IDS:
        faults["organization_id"] = (
            f"The id {organization_id} is reserved: as a host name it could be taken for one of the API provider's."
        )
    elif _OTHER_SCRIPT.match(organization_id):
        faults["organization_id"] = (
            "The id cannot have hyphens as its third and fourth characters: browsers show such host names differently."
        )
    if name == "" or name != name.strip() or not is_printable(name):
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
    return faults | check_threshold(api_call_threshold)


def check_threshold(api_call_threshold: int | None) -> dict[str, str]:
    """The sentence for a threshold at fault, by the field's name; empty when all is well."""
    if api_call_threshold is None:
        return {}
    if api_call_threshold < 1:
        return {"api_call_threshold": "The API call threshold is at least 1; leave it out for no limit."}
    if api_call_threshold > API_CALL_THRESHOLD_MAX:
        return {"api_call_threshold": f"The API call threshold cannot exceed {API_CALL_THRESHOLD_MAX:,} calls per day."}
    return {}


def check_renewal(*, starts_at: datetime, expires_at: datetime, now: datetime) -> dict[str, str]:
    """The sentence for a new expiry at fault, by the field's name; empty when all is well."""
    faults = check_subscription(starts_at=starts_at, expires_at=expires_at, api_call_threshold=None)
    if not faults and expires_at <= now:
        return {"expires_at": f"The new expiry must lie in the future; it is {spoken(now)} now."}
    return faults


def check_suspension(*, public_text: str, private_note: str, text_required: bool) -> dict[str, str]:
    """One sentence for each field at fault, by the field's name; empty when all is well.

    Args:
        public_text: as typed; shown to the organization.
        private_note: as typed; for operators alone.
        text_required: whether the reason alone would leave the organization without any.
    """
    faults = {
        "public_text": _fault_of_text(public_text, PUBLIC_TEXT_MAX),
        "private_note": _fault_of_text(private_note, PRIVATE_NOTE_MAX),
    }
    if text_required and public_text.strip() == "":
        faults["public_text"] = "Say what the other reason is: the organization reads it above every page."
    return {field: sentence for field, sentence in faults.items() if sentence is not None}


def _fault_of_text(text: str, limit: int) -> str | None:
    if len(text) > limit:
        return f"The text cannot exceed {limit} characters; this one has {len(text)}."
    # Line breaks aside. PostgreSQL cannot store U+0000, and bidirectional overrides make a sentence read as another.
    if not is_printable(text.replace("\n", "")):
        return "The text contains a control character or another invisible character."
    return None


def _announced(terms: SubscriptionTerms, now: datetime) -> str | None:
    if not expires_soon(terms, now):
        return None
    return (
        f"API subscription expires on {spoken(terms.expires_at)} (in {duration(terms.expires_at - now)}): from then on "
        "changes are locked and tokens are refused until renewal."
    )


def suspension_sentence(notice: SuspensionNotice) -> str:
    """The banner of a suspension; also what the operator is shown of it beforehand."""
    text = notice.public_text.strip()
    if text:
        text = f" {text}" if text.endswith(_SENTENCE_ENDS) else f" {text}."
    return (
        f"Disabled on {spoken(notice.started_at)}: {notice.reason}.{text} "
        f"Tokens are rejected; contact support (reference {notice.reference})."
    )
