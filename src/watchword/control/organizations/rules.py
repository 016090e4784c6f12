"""Entitlement, and rules for the fields of organizations, subscriptions and suspensions. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import MAXYEAR, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Final

from watchword.control.base.refusals import RefusalReason
from watchword.control.base.times import duration, spoken
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
"""The end of an API subscription is announced in the last quarter of its term, at most 30 days before."""

_ID: Final = re.compile(ORGANIZATION_ID)

RESERVED_IDS: Final = frozenset(
    # Host names that an API provider uses, or that its customers would take for the provider's.
    {"account", "admin", "api", "auth", "console", "docs", "login", "mail", "portal", "sso", "status", "support", "www"}
    # Host names at which programs look for a proxy or for mail settings.
    | {"autoconfig", "autodiscover", "isatap", "localhost", "mta-sts", "wpad"}
)
"""Refused for new organizations: gateways that take the organization from the host make its id a host name."""

_OTHER_SCRIPT: Final = re.compile(r"..--")
"""Begins a host label such as `xn--…`, which browsers show in letters of another script (RFC 5890 section 2.3.1)."""


class Situation(Enum):
    """The organization's situation; exactly one applies at any time."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    EXPIRED = "expired"
    NOT_STARTED = "not_started"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionTerms:
    """An API subscription, the half-open interval [starts_at, expires_at); both with a time zone.

    Attributes:
        term_starts_at: when the last renewal began; None for a subscription that was never renewed.
    """

    starts_at: datetime
    expires_at: datetime
    term_starts_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspensionNotice:
    """What an organization sees of its live suspension, which is never the private note."""

    reason: str
    public_text: str
    reference: str
    started_at: datetime


@dataclass(frozen=True, slots=True)
class Entitlement:
    """What follows from the situation.

    Attributes:
        situation: which of the five applies.
        refusal: why changes are refused, None if they are allowed.
        banner: the sentence above every page of the organization, or None. While active it announces the end of the
            subscription.
        tokens_refused: why every token is refused, follows "Tokens are refused:"; None while active.
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
    """Return the entitlement; no other code decides it. A suspension takes precedence: renewing never lifts it."""
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
    """Whether to announce the end of an active subscription; not from the first day of one that lasts a month."""
    left, term = terms.expires_at - now, terms.expires_at - (terms.term_starts_at or terms.starts_at)
    return left <= EXPIRY_ANNOUNCED and left * EXPIRY_ANNOUNCED_SHARE <= term


def renewed_term(before: SubscriptionTerms, expires_at: datetime, now: datetime) -> datetime | None:
    """Return when the term of a renewal begins: at the former end, or now if that has passed."""
    return before.term_starts_at if expires_at <= before.expires_at else max(before.expires_at, now)


def a_year_after(at: datetime) -> datetime:
    """Return the same date and time a calendar year later; 28 February for a 29 February.

    A time in the last year that `datetime` supports is returned unchanged.
    """
    try:
        return at.replace(year=at.year + 1)
    except ValueError:
        return at.replace(year=at.year + 1, day=28) if at.year < MAXYEAR else at


def is_organization_id(text: str) -> bool:
    return _ID.fullmatch(text) is not None


def check_organization(*, organization_id: str, name: str) -> dict[str, str]:
    """Return one sentence for each invalid field of a new organization, by the field's name."""
    faults = {}
    if not is_organization_id(organization_id):
        faults["organization_id"] = (
            "The ID has 2 to 32 characters: lower-case letters a to z, digits and hyphens. It begins with a letter "
            "and does not end with a hyphen."
        )
    elif organization_id in RESERVED_IDS:
        faults["organization_id"] = (
            f"The ID {organization_id} is reserved: as a host name it could be mistaken for one of the API provider's."
        )
    elif _OTHER_SCRIPT.match(organization_id):
        faults["organization_id"] = (
            "The ID cannot have hyphens as its third and fourth characters: browsers show such host names differently."
        )
    if name == "" or name != name.strip() or not is_printable(name):
        faults["name"] = "Enter a name without leading or trailing spaces and without invisible characters."
    elif len(name) > NAME_MAX:
        faults["name"] = f"The name cannot exceed {NAME_MAX} characters; this one has {len(name)}."
    return faults


def check_subscription(*, starts_at: datetime, expires_at: datetime, api_call_threshold: int | None) -> dict[str, str]:
    """Return one sentence for each invalid field, by the field's name."""
    faults = {}
    if starts_at.tzinfo is None or expires_at.tzinfo is None:
        faults["expires_at"] = "The times need a time zone."
    elif int(expires_at.timestamp()) <= int(starts_at.timestamp()):
        # Verifiers use whole seconds; a shorter subscription would never be active for them.
        faults["expires_at"] = "The subscription must end after its start."
    return faults | check_threshold(api_call_threshold)


def check_threshold(api_call_threshold: int | None) -> dict[str, str]:
    """Return the sentence for an invalid threshold, by the field's name."""
    if api_call_threshold is None:
        return {}
    if api_call_threshold < 1:
        return {"api_call_threshold": "The API call threshold is at least 1. Leave it blank for no limit."}
    if api_call_threshold > API_CALL_THRESHOLD_MAX:
        return {"api_call_threshold": f"The API call threshold cannot exceed {API_CALL_THRESHOLD_MAX:,} calls per day."}
    return {}


def check_renewal(*, starts_at: datetime, expires_at: datetime, now: datetime) -> dict[str, str]:
    """Return the sentence for an invalid new expiry, by the field's name."""
    faults = check_subscription(starts_at=starts_at, expires_at=expires_at, api_call_threshold=None)
    if not faults and expires_at <= now:
        return {"expires_at": f"The new expiry must be in the future. It is now {spoken(now)}."}
    return faults


def check_suspension(*, public_text: str, private_note: str, text_required: bool) -> dict[str, str]:
    """Return one sentence for each invalid field, by the field's name.

    Args:
        public_text: as typed; shown to the organization.
        private_note: as typed; shown to operators only.
        text_required: for a reason that explains nothing without a text.
    """
    faults = {
        "public_text": _fault_of_text(public_text, PUBLIC_TEXT_MAX),
        "private_note": _fault_of_text(private_note, PRIVATE_NOTE_MAX),
    }
    if text_required and public_text.strip() == "":
        faults["public_text"] = "State the other reason. The organization sees it above every page."
    return {field: sentence for field, sentence in faults.items() if sentence is not None}


def _fault_of_text(text: str, limit: int) -> str | None:
    if len(text) > limit:
        return f"The text cannot exceed {limit} characters; this one has {len(text)}."
    # Line breaks are allowed. PostgreSQL cannot store U+0000; bidirectional overrides change what a sentence says.
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
    """Return the banner of a suspension; operators see it as a preview."""
    text = notice.public_text.strip()
    if text:
        text = f" {text}" if text.endswith(_SENTENCE_ENDS) else f" {text}."
    return (
        f"Disabled on {spoken(notice.started_at)}: {notice.reason}.{text} "
        f"Tokens are rejected; contact support (reference {notice.reference})."
    )
