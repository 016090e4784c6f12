"""What the Operators page shows, gathered once per request."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Final

from watchword.control.base.refusals import Refusal, RefusalReason
from watchword.control.identity.queries import list_operators
from watchword.control.identity.safeguards import able_operators
from watchword.control.web.people.person_dialogs import can_be_reset
from watchword.control.web.shell.page import ProviderPage

if TYPE_CHECKING:
    from watchword.control.identity.queries import PersonRow


_ONESELF: Final = "You cannot deactivate yourself."
_LAST: Final = "The last active operator cannot be deactivated."


@dataclass(frozen=True, slots=True)
class Line:
    """An operator as this actor may deal with.

    Attributes:
        kept: why the operator cannot be deactivated; None where that is possible.
        resettable: whether the operator has a second factor to reset.
    """

    person: PersonRow
    is_actor: bool
    kept: str | None
    resettable: bool


@dataclass(frozen=True)
class OperatorsPage(ProviderPage):
    """The operators of the provider."""

    template: ClassVar[str] = "console/operators.html"
    content: ClassVar[str] = "console/operators_content.html"
    route: ClassVar[str] = "console:operators"

    @cached_property
    def people(self) -> tuple[PersonRow, ...]:
        return list_operators()

    @cached_property
    def able(self) -> frozenset[int]:
        """Who of them can sign in."""
        return able_operators()

    def line(self, person_id: int) -> Line:
        """The line of one operator.

        Raises:
            Refusal: not_found.
        """
        for person in self.people:
            if person.id == person_id:
                return self._line(person)
        raise Refusal(RefusalReason.NOT_FOUND)

    def context(self) -> dict[str, Any]:
        lines = [self._line(person) for person in self.people]
        return super().context() | {"lines": lines}

    def _line(self, person: PersonRow) -> Line:
        is_actor = person.id == self.frame.actor.person_id
        kept = None
        if is_actor:
            kept = _ONESELF
        elif self.able == {person.id}:
            kept = _LAST
        return Line(person, is_actor, kept, can_be_reset(person))
