"""What the Administrators page shows, gathered once per request."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

from watchword.control.base.actor import Permission
from watchword.control.base.refusals import Refusal, RefusalReason
from watchword.control.identity import queries
from watchword.control.identity.role_commands import FULL_ROLE
from watchword.control.identity.rules import PersonStatus
from watchword.control.identity.safeguards import full_administrators, permissions_not_held
from watchword.control.web.people.person_dialogs import can_be_reset
from watchword.control.web.shell.page import OrganizationPage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from watchword.control.base.actor import Actor
    from watchword.control.identity.queries import PersonRow, RoleRow


_HOLDS_MORE: Final = "You cannot change this administrator: your role does not have the “{permission}” permission."
_ONESELF: Final = "You cannot deactivate yourself."
_LAST: Final = "The last active administrator with every permission cannot be deactivated."


@dataclass(frozen=True, slots=True)
class Line:
    """An administrator as this actor may deal with.

    Attributes:
        lock: why the actor can change nothing about the person; None where it can.
        kept: why the person cannot be deactivated; None where that is possible.
        resettable: whether the person has a second factor to reset.
    """

    person: PersonRow
    is_actor: bool
    lock: str | None
    kept: str | None
    resettable: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """A role to choose. `closed` says why this actor cannot assign it."""

    role: str
    closed: str | None = None


class FactorState(Enum):
    """Whether a person has a second factor. The values appear in URLs."""

    SET_UP = ("set-up", "Set up")
    MISSING = ("missing", "Not set up yet")

    def __init__(self, code: str, label: str) -> None:
        self.code = code
        self.label = label


@dataclass(frozen=True, slots=True)
class Narrowing:
    """What the list is narrowed to; empty text and None leave it whole."""

    text: str = ""
    status: PersonStatus | None = None
    factor: FactorState | None = None

    @classmethod
    def asked_for(cls, query: Mapping[str, str]) -> Self:
        """Read the address; unknown values narrow nothing."""
        status = next((status for status in PersonStatus if status.value == query.get("status")), None)
        factor = next((factor for factor in FactorState if factor.code == query.get("factor")), None)
        return cls(query.get("q", ""), status, factor)

    def fits(self, person: PersonRow) -> bool:
        wanted = self.text.strip().casefold()
        found = any(wanted in text.casefold() for text in (person.name, person.email, person.role))
        has = FactorState.SET_UP if person.factors else FactorState.MISSING
        return found and self.status in {None, person.status} and self.factor in {None, has}

    def __bool__(self) -> bool:
        return self.text.strip() != "" or self.status is not None or self.factor is not None


@dataclass(frozen=True)
class AdministratorsPage(OrganizationPage):
    """The organization with its administrators."""

    template: ClassVar[str] = "people/administrators/page.html"
    content: ClassVar[str] = "people/administrators/content.html"
    route: ClassVar[str] = "people:administrators"
    permission: ClassVar[Permission] = Permission.ADMINISTRATORS

    narrowing: Narrowing = Narrowing()

    @cached_property
    def people(self) -> tuple[PersonRow, ...]:
        return queries.list_people(self.organization_id)

    @cached_property
    def full(self) -> frozenset[int]:
        """Who of them holds every permission."""
        return full_administrators(self.organization_id)

    def narrowed(self, narrowing: Narrowing) -> AdministratorsPage:
        return replace(self, narrowing=narrowing)

    def line(self, person_id: int) -> Line:
        """The line of one administrator.

        Raises:
            Refusal: not_found.
        """
        for person in self.people:
            if person.id == person_id:
                return self._line(person)
        raise Refusal(RefusalReason.NOT_FOUND)

    def choices(self) -> tuple[Choice, ...]:
        """The roles that this actor can assign, and those that it cannot, with the reason."""
        roles = queries.list_roles(self.organization_id)
        choices = [Choice(role.name, _closed(self.frame.actor, role)) for role in roles]
        if not roles:
            # A new organization has no roles yet; its first administrator's is made with the invitation.
            choices.append(Choice(FULL_ROLE, _lacking(self.frame.actor, frozenset(Permission))))
        return tuple(choices)

    def context(self) -> dict[str, Any]:
        """All that `people/administrators/content.html` and the frame around it need."""
        lines = [self._line(person) for person in self.people if self.narrowing.fits(person)]
        return super().context() | {
            "lines": lines,
            "all_count": len(self.people),
            "counts": [(status.value, _count(self.people, status)) for status in PersonStatus],
            "narrowing": self.narrowing,
            "narrowed": bool(self.narrowing),
            "factor_states": FactorState,
        }

    def _line(self, person: PersonRow) -> Line:
        is_actor = person.id == self.frame.actor.person_id
        kept = None
        if is_actor:
            kept = _ONESELF
        elif self.full == {person.id}:
            kept = _LAST
        lock = _lacking(self.frame.actor, person.permissions)
        return Line(person, is_actor, lock, kept, can_be_reset(person))


def _lacking(actor: Actor, permissions: frozenset[Permission]) -> str | None:
    missing = permissions_not_held(actor, permissions)
    return _HOLDS_MORE.format(permission=missing[0]) if missing else None


def _closed(actor: Actor, role: RoleRow) -> str | None:
    missing = permissions_not_held(actor, role.permissions)
    return f"your role lacks {missing[0]}" if missing else None


def _count(people: Iterable[PersonRow], status: PersonStatus) -> int:
    return sum(person.status is status for person in people)
