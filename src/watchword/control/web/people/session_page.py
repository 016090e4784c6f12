"""What the page Your sessions shows, gathered once per request."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Self

from watchword.control.identity.session_store import live_sessions
from watchword.control.web.shell.frame import Frame
from watchword.control.web.shell.page import Page

if TYPE_CHECKING:
    from watchword.control.base.actor import Actor
    from watchword.control.identity.models import Session


@dataclass(frozen=True)
class SessionPage(Page):
    """A person's own live sessions. Which of them is the browser's own, the request knows."""

    template: ClassVar[str] = "people/sessions/page.html"
    content: ClassVar[str] = "people/sessions/content.html"
    route: ClassVar[str] = "people:sessions"

    @classmethod
    def of(cls, actor: Actor, **place: str) -> Self:  # noqa: ARG003 - it has no place.
        return cls(Frame.of_person(actor, route=cls.route))

    @cached_property
    def sessions(self) -> tuple[Session, ...]:
        return tuple(live_sessions(self.frame.actor.person_id, self.frame.now))

    def context(self) -> dict[str, Any]:
        """All that both templates and the frame around them need."""
        return super().context() | {"crumb": "Your account", "tab": "sessions", "sessions": self.sessions}
