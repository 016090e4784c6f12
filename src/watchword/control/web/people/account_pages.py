"""What the pages Your sessions and Your sign-in show, gathered once per request."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

from watchword.control.base.refusals import Refusal, RefusalReason
from watchword.control.identity.factors.passkeys import relying_party
from watchword.control.identity.factors.queries import EnrolledFactors, enrolled_factors, must_have_second_factor
from watchword.control.identity.factors.rules import CODES, PASSKEYS_MAX, free_name
from watchword.control.identity.models import Passkey, Person, ProviderAccount, Session
from watchword.control.identity.session_store import live_sessions
from watchword.control.web.shell.frame import Frame
from watchword.control.web.shell.page import Page

if TYPE_CHECKING:
    from uuid import UUID

    from watchword.control.base.actor import Actor

FEW_CODES: Final = 3
"""From here on the page asks the person to replace the recovery codes."""

_ALL_PASSKEYS: Final = f"You have {PASSKEYS_MAX} passkeys, the most that one person can have. Remove one first."
_NO_PASSKEYS: Final = "Passkeys are not available here, because the portal's address is an IP address."
_LAST: Final = "You need a second factor. Add another one before you remove this one."
_NOTHING_TO_REPLACE: Final = "Set up a passkey or an authenticator app first."


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


@dataclass(frozen=True)
class YourSignInPage(Page):
    """How the actor signs in: passkeys, authenticator app, recovery codes, password and single sign-on."""

    template: ClassVar[str] = "people/your_sign_in/page.html"
    content: ClassVar[str] = "people/your_sign_in/content.html"
    route: ClassVar[str] = "people:your-sign-in"
    entry: ClassVar[str] = SessionPage.route

    @classmethod
    def of(cls, actor: Actor, **place: str) -> Self:  # noqa: ARG003 - it has no place.
        return cls(Frame.of_person(actor, route=cls.entry))

    @cached_property
    def person(self) -> Person:
        return Person.objects.get(email=self.frame.actor.name)

    @cached_property
    def enrolled(self) -> EnrolledFactors:
        return enrolled_factors(self.person.pk)

    @cached_property
    def required(self) -> bool:
        """Whether the person must have a second factor."""
        return must_have_second_factor(self.person)

    @property
    def is_last(self) -> bool:
        """Whether there is one factor alone, so that removing it would leave none."""
        return len(self.enrolled.passkeys) + self.enrolled.has_app == 1

    @property
    def kept(self) -> str | None:
        """Why no factor can be removed; None where one can."""
        return _LAST if self.required and self.is_last else None

    def passkey(self, public_id: UUID) -> Passkey:
        """One of the person's passkeys.

        Raises:
            Refusal: not_found.
        """
        for passkey in self.enrolled.passkeys:
            if passkey.public_id == public_id:
                return passkey
        raise Refusal(RefusalReason.NOT_FOUND)

    def free_name(self, name: str) -> str:
        """The name, with a number if one of the person's passkeys has it already."""
        return free_name(name, [passkey.name for passkey in self.enrolled.passkeys])

    def context(self) -> dict[str, Any]:
        """All that both templates and the frame around them need."""
        enrolled = self.enrolled
        return super().context() | {
            "crumb": "Your account",
            "document_route": self.route,
            "tab": "your_sign_in",
            "passkeys": enrolled.passkeys,
            "app": enrolled.app,
            "codes_left": enrolled.codes_left,
            "codes_few": enrolled.codes_left <= FEW_CODES,
            "codes_most": CODES,
            "has_factor": enrolled.any,
            "required": self.required,
            "kept": self.kept,
            "add_lock": self._add_lock(),
            "codes_lock": None if enrolled.any else _NOTHING_TO_REPLACE,
            "provider_account": ProviderAccount.objects.filter(person=self.person).first(),
        }

    def _add_lock(self) -> str | None:
        """Why no passkey can be added; None where one can."""
        if relying_party() is None:
            return _NO_PASSKEYS
        return _ALL_PASSKEYS if len(self.enrolled.passkeys) >= PASSKEYS_MAX else None
