"""What the page Your sessions shows, gathered once per request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.urls import reverse

from watchword.control.access.sessions import live_sessions
from watchword.control.portal.frame import Frame

if TYPE_CHECKING:
    from watchword.control.access.actor import Actor
    from watchword.control.access.models import Session

ROUTE: Final = "access:sessions"


@dataclass(frozen=True, slots=True)
class SessionPage:
    """Somebody's own live sessions. Which of them is the browser's own, the request knows."""

    template: ClassVar[str] = "access/sessions/page.html"
    content: ClassVar[str] = "access/sessions/content.html"

    frame: Frame
    sessions: tuple[Session, ...]

    @classmethod
    def of(cls, actor: Actor) -> SessionPage:
        frame = Frame.of_person(actor, route=ROUTE)
        return cls(frame, tuple(live_sessions(actor.person_id, frame.now)))

    @property
    def home(self) -> str:
        return reverse(ROUTE)

    def context(self) -> dict[str, Any]:
        """All that both templates and the frame around them need."""
        return self.frame.context() | {"home": self.home, "crumb": "Your account", "sessions": self.sessions}
