"""API roles: create, edit, delete. The only writers.

All three need Privilege.API_ROLES, which people hold through the permission Administrators. Like the roles of
administrators they can be changed without an active API subscription. The actor must hold what the role gives, before
and after the change: Full of a category needs the right to change, View Only the right to read. Operators are not
exempt, because no operator may change an organization's authorization servers (decision 16). Only the command line is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction

from watchword.control.base import hooks
from watchword.control.base.actor import Privilege
from watchword.control.base.audit_log import difference
from watchword.control.base.refusals import Refusal, RefusalReason, changed_meanwhile, name_taken
from watchword.control.base.unit_of_work import unit_of_work
from watchword.control.identity import api_rules
from watchword.control.identity.api_key_commands import revoke_keys_of_role
from watchword.control.identity.api_models import ApiClientUse, ApiRole
from watchword.control.identity.safeguards import refuse_more_api_rights_than_own

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from watchword.control.base.actor import Actor
    from watchword.control.base.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateApiRole:
    """Create an API role of an organization.

    Attributes:
        rights: `{ApiCategory value: ApiLevel value}`; a category that is left out gives no access.

    Raises (`run`):
        Refusal: fields_invalid with `name` or `rights`, name_taken with `name`, permission_missing,
            api_roles_used_up.
    """

    organization_id: str
    name: str
    rights: Mapping[str, str]

    def run(self, actor: Actor, *, now: datetime | None = None) -> ApiRole:
        with unit_of_work(
            actor, self.organization_id, permission=Privilege.API_ROLES, action="api_role_created", now=now
        ) as work:
            _check(self.name, self.rights)
            if ApiRole.objects.filter(organization_id=self.organization_id).count() >= api_rules.ROLES_MAX:
                raise Refusal(RefusalReason.API_ROLES_USED_UP, most=api_rules.ROLES_MAX)
            role = ApiRole(organization_id=self.organization_id, name=self.name, rights=dict(self.rights))
            refuse_more_api_rights_than_own(work.actor, work.organization_id, role.held())
            _save(role)
            work.record(target=role.name, changes=difference({}, _audit_fields(role)))
            return role


@dataclass(frozen=True, slots=True, kw_only=True)
class EditApiRole:
    """Rename an API role or change its rights. Takes effect with the next request of each key and client.

    After a rename, access tokens that name the old role are refused. API keys of the role keep working.

    Attributes:
        role_id: its primary key.
        expected_version: the version that the page, or the ETag, showed.
        rights: all rights after the edit, as in CreateApiRole.

    Raises (`run`):
        Refusal: not_found, version_stale, api_role_required for another name, and as CreateApiRole.
    """

    organization_id: str
    role_id: int
    expected_version: int
    name: str
    rights: Mapping[str, str]

    def run(self, actor: Actor, *, now: datetime | None = None) -> ApiRole:
        with unit_of_work(
            actor, self.organization_id, permission=Privilege.API_ROLES, action="api_role_edited", now=now
        ) as work:
            role = _role(work, self.role_id)
            _check_version(role, self.expected_version)
            _check(self.name, self.rights)
            before = _audit_fields(role)
            if self.name != role.name:
                _refuse_if_required(role)
                # The clients that were seen have tokens with the old name.
                ApiClientUse.objects.filter(api_role=role).delete()
            role.name, role.rights = self.name, dict(self.rights)
            refuse_more_api_rights_than_own(work.actor, work.organization_id, role.held())
            role.version += 1
            role.updated_at, role.updated_by = work.now, work.actor.name
            _save(role)
            work.record(target=role.name, changes=difference(before, _audit_fields(role)))
            return role


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteApiRole:
    """Delete an API role. Its API keys are revoked, and access tokens that name it are refused.

    Attributes:
        role_id: its primary key.
        expected_version: as in EditApiRole; None deletes the role in any version.

    Raises (`run`):
        Refusal: not_found, version_stale, api_role_required, permission_missing.
    """

    organization_id: str
    role_id: int
    expected_version: int | None = None

    def run(self, actor: Actor, *, now: datetime | None = None) -> None:
        with unit_of_work(
            actor, self.organization_id, permission=Privilege.API_ROLES, action="api_role_deleted", now=now
        ) as work:
            role = _role(work, self.role_id)
            if self.expected_version is not None:
                _check_version(role, self.expected_version)
            _refuse_if_required(role)
            work.record(target=role.name, changes=difference(_audit_fields(role), {}))
            revoke_keys_of_role(work, role)
            role.delete()


def _role(work: UnitOfWork, role_id: int) -> ApiRole:
    # By organization and id: roles of another organization are not found.
    role = ApiRole.objects.filter(organization_id=work.organization_id, pk=role_id).first()
    if role is None:
        raise Refusal(RefusalReason.NOT_FOUND)
    refuse_more_api_rights_than_own(work.actor, work.organization_id, role.held())
    return role


def _refuse_if_required(role: ApiRole) -> None:
    """No token could name the role any more, so the API would refuse every client of the authorization server."""
    servers = hooks.servers_requiring_api_role(role.organization_id, role.name)
    if servers:
        raise Refusal(RefusalReason.API_ROLE_REQUIRED, who=" and ".join(servers))


def _check(name: str, rights: Mapping[str, str]) -> None:
    faults = api_rules.check_api_role(name=name, rights=rights)
    if faults:
        raise Refusal(RefusalReason.FIELDS_INVALID, field_errors=faults)


def _check_version(role: ApiRole, expected: int) -> None:
    if role.version != expected:
        raise changed_meanwhile(role.updated_by, role.updated_at)


def _save(role: ApiRole) -> None:
    try:
        with transaction.atomic():
            role.save()
    except IntegrityError:
        raise name_taken(role.name) from None


def _audit_fields(role: ApiRole) -> dict[str, str]:
    rights = ", ".join(f"{category.value}: {level.label}" for category, level in role.held().items())
    return {"name": role.name, "rights": rights}
