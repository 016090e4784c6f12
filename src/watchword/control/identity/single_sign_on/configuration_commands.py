"""The identity provider of an organization: configure, enable, disable, remove. The only writers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from watchword.control.base.actor import Permission
from watchword.control.base.audit_log import difference
from watchword.control.base.refusals import Refusal, RefusalReason, changed_meanwhile
from watchword.control.base.unit_of_work import unit_of_work
from watchword.control.identity.models import ProviderAccount, Role, SignInPolicy, SingleSignOn
from watchword.control.identity.sealing import seal
from watchword.control.identity.single_sign_on.policy_commands import end_single_sign_on_sessions, refuse_unless_full
from watchword.control.identity.single_sign_on.rules import configuration_faults

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from datetime import datetime

    from watchword.control.base.actor import Actor
    from watchword.control.base.audit_log import Scalar
    from watchword.control.base.unit_of_work import UnitOfWork

CLIENT_SECRET: Final = "client secret of single sign-on"  # noqa: S105 - the purpose of the sealing.

_ONLY_WAY = "Single sign-on is the only way to sign in. Allow other ways first."
_SECRET_MISSING = "Enter the client secret."  # noqa: S105 - a sentence.
_SECRET_OF_OTHER = "Enter the client secret again: the stored one belongs to another issuer or client ID."  # noqa: S105


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigureSingleSignOn:
    """Store the organization's identity provider. A new one is disabled until `SetSingleSignOnEnabled`.

    The provider's administrator can become every person of the organization, so the actor needs every permission.
    Another issuer or client ID means other subjects: the links between people and accounts are removed and made again
    at each person's next sign-in, and the sessions that began by single sign-on end.

    Attributes:
        client_secret: "" keeps the stored one, which is never sent to another issuer.
        role_values: pairs of a value of the claim and the name of a role.
        default_role: a name; "" refuses people for whom the claim names no role.
        expected_version: the version that the page showed; 0 where there is none.
    """

    organization_id: str
    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    role_claim: str
    role_values: tuple[tuple[str, str], ...]
    default_role: str
    expected_version: int

    def run(self, actor: Actor, *, now: datetime | None = None) -> SingleSignOn:
        """Return what is stored.

        Raises:
            Refusal: permission_missing, version_stale, fields_invalid.
        """
        with _change(actor, self.organization_id, now) as work:
            refuse_unless_full(work.actor)
            stored = _stored(self.organization_id, self.expected_version)
            row = SingleSignOn(organization_id=self.organization_id, version=0) if stored is None else stored
            before = {} if stored is None else _audit_fields(stored)
            other = (row.issuer, row.client_id) != (self.issuer, self.client_id)
            roles = self._checked(row, other=other)
            row.issuer, row.client_id, row.role_claim = self.issuer, self.client_id, self.role_claim
            if self.client_secret:
                row.sealed_client_secret = seal(CLIENT_SECRET, self.client_secret)
            row.role_values = [[value, roles[name].pk] for value, name in self.role_values]
            row.default_role = roles[self.default_role] if self.default_role else None
            _save(work, row)
            if other:
                ProviderAccount.objects.filter(organization_id=self.organization_id).delete()
                end_single_sign_on_sessions(self.organization_id, kept=work.actor.session)
            changes = difference(before, _audit_fields(row))
            if self.client_secret:
                changes["client_secret"] = [None if stored is None else "set", "set anew"]
            work.record(target=self.issuer[:_TARGET_MAX], changes=changes)
            return row

    def _checked(self, row: SingleSignOn, *, other: bool) -> dict[str, Role]:
        """Return the roles by name.

        Raises:
            Refusal: fields_invalid.
        """
        faults = configuration_faults(
            issuer=self.issuer,
            client_id=self.client_id,
            client_secret=self.client_secret,
            role_claim=self.role_claim,
            role_values=self.role_values,
        )
        if other and not self.client_secret:
            faults.setdefault("client_secret", _SECRET_OF_OTHER if row.version else _SECRET_MISSING)
        roles = {role.name: role for role in Role.objects.filter(organization_id=self.organization_id)}
        unknown = next((name for _, name in self.role_values if name not in roles), None)
        if unknown is not None:
            faults.setdefault("role_values", f"There is no role “{unknown}”." if unknown else "Choose a role.")
        if self.default_role and self.default_role not in roles:
            faults["default_role"] = f"There is no role “{self.default_role}”."
        if not self.default_role and not self.role_values:
            faults.setdefault("default_role", "Choose a default role, or give roles by a claim.")
        if faults:
            raise Refusal(RefusalReason.FIELDS_INVALID, field_errors=faults)
        return roles


@dataclass(frozen=True, slots=True, kw_only=True)
class SetSingleSignOnEnabled:
    """Let people sign in through the identity provider, or no longer.

    Disabling ends the sessions that began so, except for the actor's.
    """

    organization_id: str
    enabled: bool
    expected_version: int

    def run(self, actor: Actor, *, now: datetime | None = None) -> SingleSignOn:
        """Return what is stored.

        Raises:
            Refusal: permission_missing, not_found, version_stale, single_sign_on_needed.
        """
        with _change(actor, self.organization_id, now) as work:
            row = _existing(work.actor, self.organization_id, self.expected_version)
            if not self.enabled:
                _refuse_while_only_way(self.organization_id)
            before, row.enabled = row.enabled, self.enabled
            _save(work, row)
            if not self.enabled:
                end_single_sign_on_sessions(self.organization_id, kept=work.actor.session)
            work.record(target=row.issuer[:_TARGET_MAX], changes={"enabled": [before, self.enabled]})
            return row


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveSingleSignOn:
    """Delete the identity provider with its secret and the links between people and their accounts there."""

    organization_id: str
    expected_version: int

    def run(self, actor: Actor, *, now: datetime | None = None) -> None:
        """Remove it.

        Raises:
            Refusal: permission_missing, not_found, version_stale, single_sign_on_needed.
        """
        with _change(actor, self.organization_id, now) as work:
            row = _existing(work.actor, self.organization_id, self.expected_version)
            _refuse_while_only_way(self.organization_id)
            work.record(target=row.issuer[:_TARGET_MAX], changes=difference(_audit_fields(row), {}))
            row.delete()
            ProviderAccount.objects.filter(organization_id=self.organization_id).delete()
            end_single_sign_on_sessions(self.organization_id, kept=work.actor.session)


_TARGET_MAX: Final = 254


def _change(actor: Actor, organization_id: str, now: datetime | None) -> AbstractContextManager[UnitOfWork]:
    return unit_of_work(
        actor, organization_id, permission=Permission.ADMINISTRATORS, action="single_sign_on_changed", now=now
    )


def _existing(actor: Actor, organization_id: str, expected_version: int) -> SingleSignOn:
    refuse_unless_full(actor)
    row = _stored(organization_id, expected_version)
    if row is None:
        raise Refusal(RefusalReason.NOT_FOUND)
    return row


def _stored(organization_id: str, expected_version: int) -> SingleSignOn | None:
    row = SingleSignOn.objects.select_related("default_role").filter(pk=organization_id).first()
    if (0 if row is None else row.version) != expected_version:
        by, at = (None, None) if row is None else (row.updated_by, row.updated_at)
        raise changed_meanwhile(by, at)
    return row


def _refuse_while_only_way(organization_id: str) -> None:
    if SignInPolicy.objects.filter(pk=organization_id, single_sign_on_only=True).exists():
        raise Refusal(RefusalReason.SINGLE_SIGN_ON_NEEDED, sentence=_ONLY_WAY)


def _save(work: UnitOfWork, row: SingleSignOn) -> None:
    row.version += 1
    row.updated_at, row.updated_by = work.now, work.actor.name
    row.save()


def _audit_fields(row: SingleSignOn) -> dict[str, Scalar]:
    names = dict(Role.objects.filter(organization_id=row.organization_id).values_list("pk", "name"))
    return {
        "issuer": row.issuer,
        "client_id": row.client_id,
        "role_claim": row.role_claim or None,
        "role_values": ", ".join(f"{value}: {names.get(role, '')}" for value, role in row.role_values) or None,
        "default_role": None if row.default_role is None else row.default_role.name,
    }
