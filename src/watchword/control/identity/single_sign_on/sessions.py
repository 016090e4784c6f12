"""Which sessions end when an organization's sign-in settings change. Within the transaction of the change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchword.control.identity.factor_rules import Factor, is_strong, read
from watchword.control.identity.models import Session

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID


def end_weak_sessions(organization_id: str) -> None:
    """End the sessions that began without a second factor."""
    _end(organization_id, lambda session: not is_strong(read(session.factors)))


def end_sessions_without_single_sign_on(organization_id: str, *, emergency_person: int) -> None:
    """End the sessions that began without the identity provider. The emergency administrator's need two factors."""

    def ends(session: Session) -> bool:
        factors = read(session.factors)
        return not (is_strong(factors) if session.person_id == emergency_person else Factor.SINGLE_SIGN_ON in factors)

    _end(organization_id, ends)


def end_single_sign_on_sessions(organization_id: str, *, domain: str = "", kept: UUID | None = None) -> None:
    """End the sessions that began by single sign-on, of people in the domain or of all, except for `kept`."""

    def ends(session: Session) -> bool:
        return Factor.SINGLE_SIGN_ON in read(session.factors) and session.public_id != kept

    _end(organization_id, ends, **({"person__email__endswith": f"@{domain}"} if domain else {}))


def _end(organization_id: str, ends: Callable[[Session], bool], **narrowed: str) -> None:
    # The factors are a list in JSON, which SQLite cannot search; the people of one organization are few.
    sessions = Session.objects.filter(person__organization_id=organization_id, **narrowed)
    Session.objects.filter(pk__in=[session.pk for session in sessions if ends(session)]).delete()
