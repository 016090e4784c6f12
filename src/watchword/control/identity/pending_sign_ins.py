"""Sign-ins whose password was accepted and whose second factor is missing.

The browser holds one in a session without a person, so it opens no page but those of the second factor.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Self

from django.utils.crypto import constant_time_compare, salted_hmac

from watchword.control.base.refusals import Refusal, RefusalReason
from watchword.control.identity import factor_rules
from watchword.control.identity.factor_rules import PENDING_LIFETIME
from watchword.control.identity.models import Person

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watchword.control.identity.factor_rules import Factor

_SALT: Final = "watchword.access.pending-sign-in"


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingSignIn:
    """Attributes: the person, a mark of the password that was accepted, what was proven, and when it began."""

    person_id: int
    password_mark: str
    factors: frozenset[Factor]
    at: datetime

    @classmethod
    def of(cls, person: Person, factors: frozenset[Factor], now: datetime) -> Self:
        return cls(person_id=person.pk, password_mark=_mark_of(person), factors=factors, at=now)

    def content(self) -> dict[str, Any]:
        """What the session stores."""
        return {
            "person": self.person_id,
            "password_mark": self.password_mark,
            "factors": factor_rules.stored(self.factors),
            "at": self.at.isoformat(),
        }

    @classmethod
    def read(cls, content: Mapping[str, Any]) -> Self:
        return cls(
            person_id=content["person"],
            password_mark=content["password_mark"],
            factors=factor_rules.read(content["factors"]),
            at=datetime.fromisoformat(content["at"]),
        )

    def person(self, now: datetime) -> Person:
        """Return the person as the database has it now.

        Raises:
            Refusal: sign_in_expired, also if the person was deactivated or the password was replaced meanwhile.
        """
        people = Person.objects.select_related("organization", "role")
        person = people.filter(pk=self.person_id, is_active=True).first()
        # A negative age is that of another portal's clock, which may be slightly later.
        if (
            person is None
            or now - self.at >= PENDING_LIFETIME
            or not constant_time_compare(_mark_of(person), self.password_mark)
        ):
            raise Refusal(RefusalReason.SIGN_IN_EXPIRED)
        return person


def _mark_of(person: Person) -> str:
    # The session's content is readable in the database, and must not repeat the password's hash.
    return salted_hmac(_SALT, f"{person.pk}:{person.password}", algorithm="sha256").hexdigest()
