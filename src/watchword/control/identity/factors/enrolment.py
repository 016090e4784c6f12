"""What adding a second factor of any kind has in common."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from watchword.control.base.actor import Privilege
from watchword.control.base.refusals import AccessLost, Refusal, RefusalReason
from watchword.control.base.unit_of_work import unit_of_work
from watchword.control.identity.factors.queries import enrolled_factors, has_second_factor
from watchword.control.identity.factors.recovery_codes import replace_codes
from watchword.control.identity.models import Person
from watchword.control.identity.rights import check_password_unchanged
from watchword.control.identity.session_rules import SessionEnd, browser_name
from watchword.control.identity.session_store import end_weak_sessions
from watchword.control.identity.single_sign_on.queries import only_single_sign_on

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from watchword.control.base.actor import Actor
    from watchword.control.base.unit_of_work import UnitOfWork
    from watchword.control.identity.factor_rules import Factor


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """The transaction in which a person adds a second factor.

    Attributes:
        work: its unit of work.
        person: the actor.
        browser: its name.
    """

    work: UnitOfWork
    person: Person
    browser: str

    @property
    def added_from(self) -> str:
        """Browser and IP address, for the person's own page."""
        address = self.work.actor.address
        return self.browser if address is None else f"{self.browser}, {address}"

    def finish(self, factor: Factor, *, name: str | None = None) -> list[str]:
        """Record the new factor. Returns new recovery codes, if the person has none left.

        Other sessions that were begun with the password alone end: from now on it is not enough, and one of them may be
        an attacker's.
        """
        changes = {"factor": [None, factor.value], "browser": [None, self.browser]}
        if name is not None:
            changes["name"] = [None, name]
        self.work.record(target=self.person.email, changes=changes)
        end_weak_sessions(self.person.pk, except_for=self.work.actor.session)
        if enrolled_factors(self.person.pk).codes_left > 0:
            return []
        return replace_codes(self.work, self.person)


@contextmanager
def enrolment(actor: Actor, *, pending: Person | None, user_agent: str, now: datetime | None) -> Iterator[Enrolment]:
    """Open the transaction.

    Args:
        actor: the person; without a session while the sign-in waits for a first second factor.
        pending: only then: the person as read when the password was checked. A password that was replaced since then
            adds nothing.
        user_agent: of the browser.
        now: by default the clock's time under the lock.

    Raises:
        Refusal: second_factor_exists, because the password alone must not add another factor; single_sign_on_required.
        AccessLost: session_ended.
    """
    with unit_of_work(actor, actor.organization, permission=Privilege.SELF, action="factor_added", now=now) as work:
        person = Person.objects.get(email=work.actor.name)
        if work.actor.session is None:
            if pending is None or pending.pk != person.pk:
                raise AccessLost(Refusal(RefusalReason.SESSION_ENDED, session_end=SessionEnd.GONE))
            check_password_unchanged(pending)
            if has_second_factor(person.pk):
                raise Refusal(RefusalReason.SECOND_FACTOR_EXISTS)
            if only_single_sign_on(person):
                # The password signs the person in no longer, so it adds nothing either.
                raise Refusal(RefusalReason.SINGLE_SIGN_ON_REQUIRED)
        yield Enrolment(work=work, person=person, browser=browser_name(user_agent))
