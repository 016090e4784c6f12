"""The rows of a person's sessions: listing them, and ending them within a command's transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchword.control.identity.models import Session
from watchword.control.identity.session_rules import LIVE_MAX

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from django.db.models import QuerySet


def live_sessions(person_id: int | None, now: datetime) -> QuerySet[Session]:
    """The person's sessions that a browser can still use, the last used first; nobody has none."""
    if person_id is None:
        return Session.objects.none()
    return Session.objects.live(now).filter(person_id=person_id).order_by("-seen_at", "-pk")


def end_sessions(person_id: int, *, but: UUID | None = None) -> None:
    """End the person's sessions on the server, in all browsers or in all but one.

    Whatever takes a person's access away calls this in its transaction.
    """
    own = Session.objects.filter(person_id=person_id)
    (own if but is None else own.exclude(public_id=but)).delete()


def make_room(person_id: int, now: datetime) -> None:
    """End what exceeds LIVE_MAX with the session that is about to begin, the least recently used first."""
    leaving = list(live_sessions(person_id, now).values_list("pk", flat=True)[LIVE_MAX - 1 :])
    Session.objects.filter(pk__in=leaving).delete()
