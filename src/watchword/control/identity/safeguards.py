"""What nobody may do to an organization's people, whatever the command."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from watchword.control.base.actor import Permission
from watchword.control.base.refusals import Refusal, RefusalReason
from watchword.control.identity.models import JOINED, Person, PersonKind, Role

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watchword.control.base.actor import Actor


def refuse_more_than_own(actor: Actor, permissions: frozenset[Permission]) -> None:
    """Nobody gives away, takes away or takes over what they do not hold, or they would hold it a moment later.

    Operators are exempt: somebody must give the first administrator every permission.

    Raises:
        Refusal: permission_missing.
    """
    missing = beyond(actor, permissions)
    if missing:
        raise Refusal(RefusalReason.PERMISSION_MISSING, permission=missing[0])


def beyond(actor: Actor, permissions: frozenset[Permission]) -> tuple[str, ...]:
    """Which of the permissions the actor neither holds nor may hand out, by name."""
    if actor.operator:
        return ()
    return tuple(sorted(permission.value for permission in permissions - actor.permissions))


@contextmanager
def full_administrator_kept(organization_id: str) -> Iterator[None]:
    """Refuse what would take away the organization's last full administrator.

    The organization's row must be locked, as `change` does: of two people who demote each other at the same moment the
    second finds what the first one did. It is looked at before and after, so an organization whose administrators are
    all still invited can be put in order.

    Raises:
        Refusal: last_administrator; the transaction around it rolls back.
    """
    before = full_administrators(organization_id)
    yield
    if before and not full_administrators(organization_id):
        raise Refusal(RefusalReason.LAST_ADMINISTRATOR)


def full_administrators(organization_id: str) -> frozenset[int]:
    """The ids of those who are active, have set a password, and have a role that holds every permission.

    Whoever was invited and never set a password does not count: the link may be lost or have run out, and then nobody
    could get in.
    """
    roles = Role.objects.filter(organization_id=organization_id)
    full = [role.pk for role in roles if role.held() == frozenset(Permission)]
    people = Person.objects.filter(JOINED, organization_id=organization_id, role_id__in=full, is_active=True)
    return frozenset(people.values_list("pk", flat=True))


@contextmanager
def operator_kept() -> Iterator[None]:
    """Refuse what would take away the last operator who can sign in.

    The operators' rows must be locked, as `change` does where there is no organization: of two operators who deactivate
    each other at the same time, the second one is refused.

    Raises:
        Refusal: last_operator; the transaction around it rolls back.
    """
    before = able_operators()
    yield
    if before and not able_operators():
        raise Refusal(RefusalReason.LAST_OPERATOR)


def able_operators() -> frozenset[int]:
    """The ids of the operators who are active and have set a password."""
    people = Person.objects.filter(JOINED, kind=PersonKind.OPERATOR, is_active=True)
    return frozenset(people.values_list("pk", flat=True))
