"""How a verifier follows, judged by what it last said. Pure."""

from __future__ import annotations

from datetime import timedelta
from enum import Enum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime

SILENT_AFTER: Final = timedelta(seconds=60)
"""A verifier that follows asks again at least every 20 seconds, and waits at most as long before another attempt."""


class VerifierState(Enum):
    """Exactly one holds at any time."""

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
    """How many revisions the verifier lacked when it last asked; None for one that never asked.

    After a backup was restored a verifier may know of more revisions than there are; it then lacks none.
    """
    return None if revision is None else max(0, newest - revision)
