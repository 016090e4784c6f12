"""A verifier's state, from its last request, and the times of its secrets. Pure."""

from __future__ import annotations

from datetime import timedelta
from enum import Enum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime

SILENT_AFTER: Final = timedelta(seconds=60)
"""A following verifier sends a request at least every 20 seconds, also after a failed one."""

OVERLAP: Final = timedelta(hours=24)
"""How long a verifier's previous secret stays valid after a rotation, unless the operator says otherwise."""

LONGEST_OVERLAP: Final = timedelta(days=7)


class VerifierState(Enum):
    """Exactly one applies at any time."""

    FOLLOWING = "following"
    SILENT = "silent"
    NEVER_SEEN = "never_seen"
    REVOKED = "revoked"


def verifier_state(*, revoked_at: datetime | None, last_seen_at: datetime | None, now: datetime) -> VerifierState:
    if revoked_at is not None:
        return VerifierState.REVOKED
    if last_seen_at is None:
        return VerifierState.NEVER_SEEN
    return VerifierState.SILENT if now - last_seen_at > SILENT_AFTER else VerifierState.FOLLOWING


def lag(*, newest: int, revision: int | None) -> int | None:
    """Return how many revisions the verifier lacked at its last request; None before the first.

    After restoring a backup a verifier may have a higher revision than the feed; its lag is then 0.
    """
    return None if revision is None else max(0, newest - revision)


def has_previous_secret(previous_until: datetime | None, now: datetime) -> bool:
    """Whether the feed still accepts the secret from before the last rotation."""
    return previous_until is not None and now < previous_until
