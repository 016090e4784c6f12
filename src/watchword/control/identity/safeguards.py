"""Rules that all commands about people, roles and API keys share."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from watchword.control.base.actor import Interface, Permission
from watchword.control.base.refusals import Refusal, RefusalReason, right_missing
from watchword.control.identity.api_rules import ApiLevel
from watchword.control.identity.models import JOINED, Person, PersonKind, Role, SignInPolicy

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from watchword.control.base.actor import Actor, ApiCategory


def refuse_more_than_own(actor: Actor, permissions: frozenset[Permission]) -> None:
    """Refuse to grant, revoke or take over permissions that the actor does not hold: that would be an escalation.

    Operators are exempt, because they give the first administrator every permission.

    Raises:
        Refusal: permission_missing.
    """
    missing = permissions_not_held(actor, permissions)
    if missing:
        raise right_missing(actor, Permission(missing[0]))


def permissions_not_held(actor: Actor, permissions: frozenset[Permission]) -> tuple[str, ...]:
    """Return the names of the permissions that the actor neither holds nor may grant."""
    if actor.operator:
        return ()
    return tuple(sorted(permission.value for permission in permissions - actor.permissions))


def refuse_more_api_rights_than_own(actor: Actor, organization_id: str, held: Mapping[ApiCategory, ApiLevel]) -> None:
    """Refuse to create, change or assign an API role that gives more than the actor holds.

    Unlike with people's roles, operators are not exempt: with an API key of their own making they could change the
    organization's authorization servers.

    Raises:
        Refusal: permission_missing.
    """
    missing = api_rights_not_held(actor, organization_id, held)
    if missing:
        raise right_missing(actor, missing[0].right)


def api_rights_not_held(
    actor: Actor, organization_id: str, held: Mapping[ApiCategory, ApiLevel]
) -> tuple[ApiCategory, ...]:
    """Return the categories in which the actor has less than `held`. The command line may grant everything."""
    if actor.interface is Interface.COMMAND_LINE:
        return ()
    may = {ApiLevel.FULL: actor.may, ApiLevel.VIEW: actor.may_view}
    return tuple(category for category, level in held.items() if not may[level](category.right, organization_id))


@contextmanager
def keep_full_administrator(organization_id: str) -> Iterator[None]:
    """Refuse to remove the organization's last full administrator, or the emergency administrator's permissions.

    The organization's row must be locked, as `unit_of_work` does: if two people demote each other at the same time, the
    second is refused. An organization that had no full administrator before, because all are still invited, may change.

    Raises:
        Refusal: last_administrator or emergency_administrator; the transaction around it rolls back.
    """
    before = full_administrators(organization_id)
    yield
    after = full_administrators(organization_id)
    if before and not after:
        raise Refusal(RefusalReason.LAST_ADMINISTRATOR)
    # Whether this administrator still has a second factor, the commands about factors check.
    emergency = SignInPolicy.objects.filter(pk=organization_id).values_list("emergency_person_id", flat=True).first()
    if emergency is not None and emergency not in after:
        raise Refusal(RefusalReason.EMERGENCY_ADMINISTRATOR)


def full_administrators(organization_id: str) -> frozenset[int]:
    """The ids of people who are active, have set a password, and whose role holds every permission.

    Invited people do not count: if the link is lost or expires, no administrator could sign in.
    """
    roles = Role.objects.filter(organization_id=organization_id)
    full = [role.pk for role in roles if role.held() == frozenset(Permission)]
    people = Person.objects.filter(JOINED, organization_id=organization_id, role_id__in=full, is_active=True)
    return frozenset(people.values_list("pk", flat=True))


@contextmanager
def keep_operator() -> Iterator[None]:
    """Refuse to remove the last operator who can sign in.

    The operators' rows must be locked, as `unit_of_work` does without an organization: if two operators deactivate each
    other at the same time, the second is refused.

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
