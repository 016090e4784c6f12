"""Roles: named sets of permissions. The only writers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.db import IntegrityError, transaction

from watchword.control.access import rules
from watchword.control.access.actor import Permission
from watchword.control.access.models import Role
from watchword.control.access.safeguards import refuse_more_than_own
from watchword.control.change import change
from watchword.control.refusals import Refusal, RefusalReason

if TYPE_CHECKING:
    from datetime import datetime

    from watchword.control.access.actor import Actor
    from watchword.control.change import Work

FULL_ROLE: Final = "Administrator"
"""The role of an organization's first administrator; it carries every permission and is made when first needed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateRole:
    """Name a set of permissions of an organization."""

    organization_id: str
    name: str
    permissions: frozenset[Permission]

    def run(self, actor: Actor, *, now: datetime | None = None) -> Role:
        with change(
            actor, self.organization_id, permission=Permission.ADMINISTRATORS, action="role_created", now=now
        ) as work:
            return create_role(work, self.name, self.permissions)


def create_role(work: Work, name: str, permissions: frozenset[Permission]) -> Role:
    values = sorted(permission.value for permission in permissions)
    faults = rules.check_role(name=name, permissions=values, known=Permission.values)
    if faults:
        raise Refusal(RefusalReason.FIELDS_INVALID, field_errors=faults)
    refuse_more_than_own(work.actor, permissions)
    role = Role(organization=work.organization, name=name, permissions=values)
    try:
        with transaction.atomic():
            role.save(force_insert=True)
    except IntegrityError:
        raise Refusal(RefusalReason.NAME_TAKEN, name=name) from None
    work.record(action="role_created", target=name, changes={"permissions": [None, ", ".join(values)]})
    return role
