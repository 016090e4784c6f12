"""Rules about people, roles and repeated sign-in attempts. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import TYPE_CHECKING, Final

from watchword.core.characters import is_printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

EMAIL_MAX: Final = 254
NAME_MAX: Final = 120
ROLE_NAME_MAX: Final = 64
_EMAIL: Final = re.compile(r"[!-?\[-~]+@[!-?A-Z\[-~]+")

LINK_LIFETIME: Final = timedelta(hours=24)

LONGEST_DELAY: Final = timedelta(seconds=60)
"""Long enough to stop guessing, short enough that an attacker cannot lock a person out for good."""

FORGOTTEN_AFTER: Final = timedelta(minutes=15)

LONGEST_FACTOR_DELAY: Final = timedelta(hours=1)
"""Of guesses at a second factor. Six digits are quickly guessed, and a blocked person can use another factor."""

FACTOR_FORGOTTEN_AFTER: Final = timedelta(days=1)
"""Longer than the delay; otherwise each delay would end with new free guesses."""

ABANDONED_AFTER: Final = timedelta(minutes=1)
"""An attempt that takes longer counts as failed: its process was killed, or the database was unavailable."""

FREE_PER_ACCOUNT: Final = 5
FREE_PER_ADDRESS: Final = 20
"""Many people of one office may share an address."""


class PersonStatus(Enum):
    """The state of a person's access. The values appear in URLs."""

    INVITED = "invited"
    ACTIVE = "active"
    DEACTIVATED = "deactivated"


@dataclass(frozen=True, slots=True)
class Delays:
    """How failures in a row delay the next attempt.

    Attributes:
        longest: the delay doubles from 1 s up to this.
        forgotten_after: without a failure for so long, counting begins again.
    """

    longest: timedelta = LONGEST_DELAY
    forgotten_after: timedelta = FORGOTTEN_AFTER


PASSWORD_DELAYS: Final = Delays()
FACTOR_DELAYS: Final = Delays(LONGEST_FACTOR_DELAY, FACTOR_FORGOTTEN_AFTER)


@dataclass(frozen=True, slots=True)
class Attempts:
    """Failed sign-ins of one account or one address."""

    failures: int
    last_failed_at: datetime
    blocked_until: datetime


def normalised_email(typed: str) -> str:
    """Return one spelling per mailbox, so that variants share an account and a counter (P-01).

    Only ASCII is changed: the lower case of the Kelvin sign is a k, so another mailbox would become this one (P-60).
    """
    typed = typed.strip()
    return typed.lower() if typed.isascii() else typed


def check_person(*, email: str, name: str) -> dict[str, str]:
    """Return one sentence for each invalid field, by the field's name."""
    faults = {}
    # A name that ends with `$` is that of an API client in the audit log.
    if len(email) > EMAIL_MAX or _EMAIL.fullmatch(email) is None or "$@" in email:
        faults["email"] = "Enter an e-mail address such as alice@acme.example."
    if len(name) > NAME_MAX or (name != "" and not is_printable(name)):
        faults["name"] = f"The name has at most {NAME_MAX} characters, none of them invisible."
    return faults


def person_status(*, is_active: bool, has_joined: bool) -> PersonStatus:
    """Invited until a password is set or the identity provider signs the person in; deactivated takes precedence."""
    if not is_active:
        return PersonStatus.DEACTIVATED
    return PersonStatus.ACTIVE if has_joined else PersonStatus.INVITED


def listed(names: Sequence[str], *, at_most: int = 3) -> str:
    """Join names: `Alice, Bob and 2 more`."""
    shown, rest = list(names[:at_most]), len(names) - at_most
    if rest > 0:
        shown.append(f"{rest} more")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def check_role(*, name: str, permissions: Iterable[str], known: Iterable[str]) -> dict[str, str]:
    """Return one sentence for each invalid field, by the field's name."""
    faults = {}
    if name == "" or name != name.strip() or len(name) > ROLE_NAME_MAX or not is_printable(name):
        faults["role"] = f"The role's name has 1 to {ROLE_NAME_MAX} characters, no blanks around it, none invisible."
    unknown = sorted(set(permissions) - set(known))
    if unknown:
        faults["permissions"] = f"There is no permission “{unknown[0]}”."
    return faults


def after_attempt(attempts: Attempts | None, *, free: int, now: datetime, delays: Delays = PASSWORD_DELAYS) -> Attempts:
    """Count one more failure. After the first `free`, the delay doubles from 1 s up to the longest."""
    failures = 1
    if attempts is not None and now - attempts.last_failed_at < delays.forgotten_after:
        failures = attempts.failures + 1
    delay = timedelta()
    if failures > free:
        # Bounded before it is computed: a large power of 2 is slow and exceeds timedelta.
        delay = min(timedelta(seconds=2 ** min(failures - free - 1, 16)), delays.longest)
    return Attempts(failures, now, now + delay)


def most_under_way(attempts: Attempts, *, free: int, now: datetime, delays: Delays = PASSWORD_DELAYS) -> int:
    """How many attempts may be in progress at once: as many as could fail in a row without a delay."""
    failures = attempts.failures if now - attempts.last_failed_at < delays.forgotten_after else 0
    return max(free + 1 - failures, 1)
