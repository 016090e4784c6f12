"""What an administrator must not do to an organization's people, whatever the command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchword.control.refusals import Refusal, RefusalReason

if TYPE_CHECKING:
    from watchword.control.access.actor import Actor, Permission


def refuse_more_than_own(actor: Actor, permissions: frozenset[Permission]) -> None:
    """Nobody gives away what they do not hold, or they would hold it a moment later.

    Operators are exempt: somebody must give the first administrator every permission.
    """
    missing = sorted(permission.value for permission in permissions - actor.permissions)
    if missing and not actor.operator:
        raise Refusal(RefusalReason.PERMISSION_MISSING, permission=missing[0])
