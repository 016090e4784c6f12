"""API keys: create and revoke. The only writers, except for the last use, which `api_actors` notes.

Keys of an organization need Privilege.API_ROLES, keys of the provider Privilege.OPERATOR. The creator must hold what
the key's role gives, as in `api_role_commands`. Revoking needs no more than the permission, so that a leaked key can
be revoked at once.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from django.db import IntegrityError, transaction
from django.db.models import Q

from watchword.control.base.actor import Privilege
from watchword.control.base.refusals import Refusal, RefusalReason, name_taken
from watchword.control.base.times import spoken
from watchword.control.base.unit_of_work import unit_of_work
from watchword.control.identity import api_rules
from watchword.control.identity.api_models import KEY_PREFIX, ApiKey, ApiRole, secret_hash
from watchword.control.identity.safeguards import refuse_more_api_rights_than_own

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from watchword.control.base.actor import Actor, Required
    from watchword.control.base.unit_of_work import UnitOfWork

_SECRET_BYTES: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class NewApiKey:
    """A new API key. `secret`, which starts with KEY_PREFIX, is not stored and cannot be shown again."""

    key: ApiKey
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateApiKey:
    """Create an API key of an organization, or of the provider's operators.

    Attributes:
        organization_id: None for a key with an operator's rights.
        api_role: the name of the key's API role; None for a key of the provider, and only there.
        name: unique among the keys in the list, ignoring case.
        expires_at: at most KEY_LIFETIME_MAX from now; None for KEY_LIFETIME from now.

    Raises (`run`):
        Refusal: fields_invalid with `name`, `api_role` or `expires_at`, name_taken with `name`, permission_missing,
            api_keys_used_up.
    """

    organization_id: str | None
    api_role: str | None
    name: str
    expires_at: datetime | None = None

    def run(self, actor: Actor, *, now: datetime | None = None) -> NewApiKey:
        with unit_of_work(
            actor, self.organization_id, permission=_needed(self.organization_id), action="api_key_created", now=now
        ) as work:
            expires_at = work.now + api_rules.KEY_LIFETIME if self.expires_at is None else self.expires_at
            role = self._checked_role(work, expires_at)
            _make_room(self.organization_id, work.now)
            secret = KEY_PREFIX + secrets.token_urlsafe(_SECRET_BYTES)
            key = ApiKey(
                organization_id=self.organization_id,
                api_role=role,
                name=self.name,
                secret_hash=secret_hash(secret),
                created_at=work.now,
                created_by=work.actor.name,
                expires_at=expires_at,
            )
            _save(key)
            changes = {"api_role": [None, self.api_role], "expires_at": [None, spoken(expires_at)]}
            work.record(target=key.name, changes=changes)
            return NewApiKey(key=key, secret=secret)

    def _checked_role(self, work: UnitOfWork, expires_at: datetime) -> ApiRole | None:
        faults = api_rules.check_api_key(name=self.name, expires_at=expires_at, now=work.now)
        role = None
        # PostgreSQL cannot look for a text with NUL.
        if self.api_role is not None and api_rules.is_role_name(self.api_role):
            role = ApiRole.objects.filter(organization_id=self.organization_id, name=self.api_role).first()
        if self.organization_id is None and self.api_role is not None:
            faults["api_role"] = "A key of the provider has no API role."
        elif self.organization_id is not None and role is None:
            faults["api_role"] = "Choose an API role of the organization."
        if faults:
            raise Refusal(RefusalReason.FIELDS_INVALID, field_errors=faults)
        if role is not None:
            refuse_more_api_rights_than_own(work.actor, role.organization_id, role.held())
        return role


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokeApiKey:
    """Revoke an API key. Requests with it are refused from the next one on.

    Attributes:
        organization_id: None for a key of the provider.
        key_id: its public id.

    Raises (`run`):
        Refusal: not_found, also for a key that is revoked already.
    """

    organization_id: str | None
    key_id: UUID

    def run(self, actor: Actor, *, now: datetime | None = None) -> ApiKey:
        with unit_of_work(
            actor, self.organization_id, permission=_needed(self.organization_id), action="api_key_revoked", now=now
        ) as work:
            # By organization and id: keys of another organization are not found.
            keys = ApiKey.objects.select_for_update(no_key=True).filter(organization_id=self.organization_id)
            key = keys.filter(public_id=self.key_id, revoked_at__isnull=True).first()
            if key is None:
                raise Refusal(RefusalReason.NOT_FOUND)
            _revoke(work, key)
            return key


def revoke_keys_of_role(work: UnitOfWork, role: ApiRole) -> None:
    """Revoke the keys of a role that is being deleted, and detach the ones that had ended before."""
    for key in ApiKey.objects.select_for_update(no_key=True).filter(api_role=role, revoked_at__isnull=True):
        _revoke(work, key)
    ApiKey.objects.filter(api_role=role).update(api_role=None)


def _revoke(work: UnitOfWork, key: ApiKey) -> None:
    key.revoked_at, key.revoked_by = work.now, work.actor.name
    key.save(update_fields=["revoked_at", "revoked_by"])
    work.record(target=key.name, action="api_key_revoked")


def _needed(organization_id: str | None) -> Required:
    return Privilege.OPERATOR if organization_id is None else Privilege.API_ROLES


def _make_room(organization_id: str | None, now: datetime) -> None:
    """Refuse one key too many, and forget the ended keys that have been in the list for the longest."""
    keys = ApiKey.objects.filter(organization_id=organization_id)
    ended = Q(revoked_at__isnull=False) | Q(expires_at__lte=now)
    if keys.exclude(ended).count() >= api_rules.KEYS_MAX:
        raise Refusal(RefusalReason.API_KEYS_USED_UP, most=api_rules.KEYS_MAX)
    newest = keys.filter(ended).order_by("-created_at", "-pk").values_list("pk", flat=True)
    keys.filter(pk__in=list(newest[api_rules.ENDED_KEYS_KEPT :])).delete()


def _save(key: ApiKey) -> None:
    try:
        with transaction.atomic():
            key.save(force_insert=True)
    except IntegrityError:
        raise name_taken(key.name) from None
