"""Roles: create, edit, delete. The only writers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.db import IntegrityError, transaction

from watchword.control.base.actor import Permission
from watchword.control.base.audit_log import difference
from watchword.control.base.refusals import Refusal, RefusalReason, changed_meanwhile, name_taken
from watchword.control.base.unit_of_work import unit_of_work
from watchword.control.identity import rules
from watchword.control.identity.models import Person, Role
from watchword.control.identity.safeguards import keep_full_administrator, refuse_more_than_own
from watchword.control.identity.single_sign_on.queries import uses_role

if TYPE_CHECKING:
    from datetime import datetime

    from watchword.control.base.actor import Actor
    from watchword.control.base.unit_of_work import UnitOfWork

FULL_ROLE: Final = "Administrator"
"""The role of an organization's first administrator. It carries every permission and is created when first needed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateRole:
    """Create a role of an organization."""

    organization_id: str
    name: str
    permissions: frozenset[str]

    def run(self, actor: Actor, *, now: datetime | None = None) -> Role:
        with unit_of_work(
            actor, self.organization_id, permission=Permission.ADMINISTRATORS, action="role_created", now=now
        ) as work:
            return create_role(work, self.name, self.permissions)


@dataclass(frozen=True, slots=True, kw_only=True)
class EditRole:
    """Rename a role or change its permissions. Takes effect with each holder's next request.

    Attributes:
        expected_version: the version that the page showed.
    """

    organization_id: str
    role_id: int
    expected_version: int
    name: str
    permissions: frozenset[str]

    def run(self, actor: Actor, *, now: datetime | None = None) -> Role:
        with unit_of_work(
            actor, self.organization_id, permission=Permission.ADMINISTRATORS, action="role_edited", now=now
        ) as work:
            role = _role(work.actor, self.organization_id, self.role_id)
            if role.version != self.expected_version:
                raise changed_meanwhile(role.updated_by, role.updated_at)
            permissions = _checked(work.actor, self.name, self.permissions)
            before = _audit_fields(role)
            role.name, role.permissions = self.name, _stored(permissions)
            role.version += 1
            role.updated_at, role.updated_by = work.now, work.actor.name
            with keep_full_administrator(self.organization_id):
                _save(role)
            work.record(target=role.name, changes=difference(before, _audit_fields(role)))
            return role


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteRole:
    """Delete a role that is assigned to no person, active or not."""

    organization_id: str
    role_id: int

    def run(self, actor: Actor, *, now: datetime | None = None) -> None:
        with unit_of_work(
            actor, self.organization_id, permission=Permission.ADMINISTRATORS, action="role_deleted", now=now
        ) as work:
            role = _role(work.actor, self.organization_id, self.role_id)
            holders = list(Person.objects.filter(role=role).order_by("email").values_list("email", flat=True))
            if holders:
                raise Refusal(RefusalReason.ROLE_IN_USE, who=rules.listed(holders))
            if uses_role(role):
                raise Refusal(RefusalReason.ROLE_GIVEN_BY_PROVIDER)
            work.record(target=role.name, changes=difference(_audit_fields(role), {}))
            role.delete()


def create_role(work: UnitOfWork, name: str, permissions: frozenset[str]) -> Role:
    """Create the role within a change of its organization.

    Raises:
        Refusal: fields_invalid, permission_missing, name_taken.
    """
    checked = _checked(work.actor, name, permissions)
    role = Role(organization_id=work.organization_id, name=name, permissions=_stored(checked))
    _save(role)
    work.record(action="role_created", target=name, changes=difference({}, _audit_fields(role)))
    return role


def full_role(work: UnitOfWork) -> Role:
    """Return a role that holds every permission; create one under a free name where there is none."""
    roles = list(Role.objects.filter(organization_id=work.organization_id).order_by("pk"))
    full = [role for role in roles if role.held() == frozenset(Permission)]
    if full:
        return next((role for role in full if role.name == FULL_ROLE), full[0])
    # FULL_ROLE may have lost permissions in an edit, and the caller needs every permission.
    taken = {role.name.lower() for role in roles}
    names = [FULL_ROLE, *(f"{FULL_ROLE} {number}" for number in range(2, len(taken) + 2))]
    free = next(name for name in names if name.lower() not in taken)
    return create_role(work, free, frozenset(Permission.values))


def _role(actor: Actor, organization_id: str, role_id: int) -> Role:
    # By organization and id: roles of another organization are not found.
    role = Role.objects.filter(organization_id=organization_id, pk=role_id).first()
    if role is None:
        raise Refusal(RefusalReason.NOT_FOUND)
    refuse_more_than_own(actor, role.held())
    return role


def _checked(actor: Actor, name: str, permissions: frozenset[str]) -> frozenset[Permission]:
    faults = rules.check_role(name=name, permissions=permissions, known=Permission.values)
    if faults:
        raise Refusal(RefusalReason.FIELDS_INVALID, field_errors=faults)
    checked = frozenset(Permission(value) for value in permissions)
    refuse_more_than_own(actor, checked)
    return checked


def _save(role: Role) -> None:
    try:
        with transaction.atomic():
            role.save()
    except IntegrityError:
        raise name_taken(role.name, field="role") from None


def _stored(permissions: frozenset[Permission]) -> list[str]:
    return sorted(permission.value for permission in permissions)


def _audit_fields(role: Role) -> dict[str, str]:
    return {"name": role.name, "permissions": ", ".join(role.permissions)}
