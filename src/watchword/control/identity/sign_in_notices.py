"""What a person must hear after a sign-in: that a second factor was added or reset since the last one.

Someone who knew the password may have added it, so the owner hears of every one, once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from watchword.control.base.audit_log import SUCCESS
from watchword.control.base.audit_models import AuditEvent

if TYPE_CHECKING:
    from datetime import datetime

    from watchword.control.identity.sign_in_commands import SignedIn

_ACTIONS: Final = ("factor_added", "factors_reset")


@dataclass(frozen=True, slots=True)
class FactorChange:
    """A change of a person's second factors.

    Attributes:
        action: `factor_added` or `factors_reset`.
        actor: who changed them.
        at: when.
        address: the client's; None where there is none.
    """

    action: str
    actor: str
    at: datetime
    address: str | None


def changes_of_factors(signed_in: SignedIn) -> tuple[FactorChange, ...]:
    """The changes from the last sign-in to this one, the oldest first."""
    person = signed_in.person
    events = AuditEvent.objects.filter(
        organization=person.organization_id,
        at__gte=signed_in.last_before or person.created_at,
        at__lt=signed_in.at,
        action__in=_ACTIONS,
        target=person.email,
        result=SUCCESS,
    )
    return tuple(FactorChange(e.action, e.actor, e.at, e.address) for e in events.order_by("sequence"))
