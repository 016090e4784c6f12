"""How the console says what it shows: icon, word and colour together, never one of them alone. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from watchword.control.base.times import duration
from watchword.control.fleet.rules import VerifierState
from watchword.control.organizations.rules import Situation, expires_soon

if TYPE_CHECKING:
    from datetime import datetime

    from watchword.control.organizations.rules import SubscriptionTerms


@dataclass(frozen=True, slots=True)
class Look:
    """A state as a badge; `tone` is good, warn, bad, or "" for none."""

    icon: str
    word: str
    tone: str


_SITUATIONS: Final = {
    Situation.ACTIVE: Look("check-circle", "Active", "good"),
    Situation.SUSPENDED: Look("no-symbol", "Suspended", "bad"),
    Situation.EXPIRED: Look("exclamation-circle", "Expired", "bad"),
    Situation.NOT_STARTED: Look("clock", "Not started", ""),
    Situation.ABSENT: Look("minus-circle", "No subscription", ""),
}
_EXPIRES_SOON: Final = Look("exclamation-triangle", "Expires soon", "warn")

_VERIFIERS: Final = {
    VerifierState.FOLLOWING: Look("check-circle", "Following", "good"),
    VerifierState.SILENT: Look("exclamation-triangle", "Silent", "bad"),
    VerifierState.NEVER_SEEN: Look("clock", "Never seen", "warn"),
    VerifierState.REVOKED: Look("no-symbol", "Revoked", ""),
}


def look_of(situation: Situation, terms: SubscriptionTerms | None, now: datetime) -> Look:
    if situation is Situation.ACTIVE and terms is not None and expires_soon(terms, now):
        return _EXPIRES_SOON
    return _SITUATIONS[situation]


def look_of_verifier(state: VerifierState) -> Look:
    return _VERIFIERS[state]


def countdown(terms: SubscriptionTerms | None, now: datetime) -> str:
    """`27 days left`, `expired 3 days ago`, `starts in 5 days`, or `none`. A suspension does not stop it."""
    if terms is None:
        return "none"
    if now < terms.starts_at:
        return f"starts in {duration(terms.starts_at - now)}"
    if now >= terms.expires_at:
        return f"expired {duration(now - terms.expires_at)} ago"
    return f"{duration(terms.expires_at - now)} left"


def calls_allowed(api_call_threshold: int | None) -> str:
    """An API call threshold as people read it."""
    return "no limit" if api_call_threshold is None else f"{api_call_threshold:,} per day"
