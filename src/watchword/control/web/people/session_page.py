"""What the page Your sessions shows, gathered once per request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.urls import reverse

from watchword.control.identity.sessions import live_sessions
from watchword.control.web.shell.frame import Frame

if TYPE_CHECKING:
    from watchword.control.base.actor import Actor
    from watchword.control.identity.models import Session

ROUTE: Final = "access:sessions"


@dataclass(frozen=True, slots=True)
class SessionPage:
    """Somebody's own live sessions. Which of them is the browser's own, the request knows."""

    template: ClassVar[str] = "people/sessions/page.html"
    content: ClassVar[str] = "people/sessions/content.html"

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
