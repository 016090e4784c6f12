"""What an organization demands of its people's sign-ins, and which sessions end when it changes. The only writers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from watchword.control.base.actor import Actor, Permission
from watchword.control.base.refusals import Refusal, RefusalReason, changed_meanwhile
from watchword.control.base.unit_of_work import UnitOfWork, unit_of_work
from watchword.control.identity.factor_rules import Factor, is_strong, read
from watchword.control.identity.factors.queries import has_second_factor
from watchword.control.identity.models import (
    Person,
    ProviderAccount,
    Session,
    SignInLink,
    SignInPolicy,
    SingleSignOn,
)
from watchword.control.identity.safeguards import full_administrators, refuse_more_than_own
from watchword.control.identity.session_store import end_where

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from uuid import UUID

_NEEDS_STRONG_SESSION = (
    "This change needs a session that began with a second factor or by single sign-on. Add a passkey or an "
    "authenticator app in Your sign-in if you have none, then sign out and sign in with it."
)
_NEEDS_OWN_FACTOR = "Add a passkey or an authenticator app of your own first, in Your sign-in."
_NOT_YET_USED = "Enable single sign-on first, and sign in through it once."
_EMERGENCY = "Choose an active administrator with every permission, a password and a second factor."


@dataclass(frozen=True, slots=True, kw_only=True)
class RequireSecondFactor:
    """Demand a second factor of all of the organization's people, or no longer.

    Sessions that began with a password alone end, the actor's too if it did; their people enrol at the next sign-in.

    Attributes:
        expected_version: the version that the page showed; 0 for an organization that never changed its policy.
    """

    organization_id: str
    required: bool
    expected_version: int

    def run(self, actor: Actor, *, now: datetime | None = None) -> SignInPolicy:
        """Return the policy.

        Raises:
            Refusal: permission_missing, version_stale, second_factor_needed.
        """
        with unit_of_work(
            actor,
            self.organization_id,
            permission=Permission.ADMINISTRATORS,
            action="sign_in_settings_changed",
            now=now,
        ) as work:
            refuse_operators(work.actor)
            policy = _policy(work, self.expected_version)
            _check_own_factors(work.actor, own_factor=self.required)
            before, policy.second_factor_required = policy.second_factor_required, self.required
            _save(work, policy)
            if self.required:
                _end_weak_sessions(self.organization_id)
            work.record(target=self.organization_id, changes={"second_factor_required": [before, self.required]})
            return policy


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowSingleSignOnOnly:
    """Let the organization's people sign in through the identity provider alone, or in other ways again.

    All other sessions and unused sign-in links end, except those of the emergency administrator.

    Attributes:
        only: whether other ways are closed.
        emergency_person_id: the administrator who can always sign in; None if other ways are open.
    """

    organization_id: str
    only: bool
    emergency_person_id: int | None
    expected_version: int

    def run(self, actor: Actor, *, now: datetime | None = None) -> SignInPolicy:
        """Return the policy.

        Raises:
            Refusal: permission_missing, version_stale, second_factor_needed, single_sign_on_needed, fields_invalid.
        """
        with unit_of_work(
            actor,
            self.organization_id,
            permission=Permission.ADMINISTRATORS,
            action="sign_in_settings_changed",
            now=now,
        ) as work:
            refuse_unless_full(work.actor)
            policy = _policy(work, self.expected_version)
            _check_own_factors(work.actor, own_factor=False)
            before = _audit_fields(policy)
            policy.single_sign_on_only = self.only
            policy.emergency_person = self._emergency_person() if self.only else None
            _save(work, policy)
            if policy.emergency_person is not None:
                self._close_other_ways(policy.emergency_person)
            after = _audit_fields(policy)
            work.record(target=self.organization_id, changes={name: [before[name], after[name]] for name in after})
            return policy

    def _emergency_person(self) -> Person:
        if not SingleSignOn.objects.filter(pk=self.organization_id, enabled=True).exists() or not (
            # A provider that never signed a person in may be configured wrongly.
            ProviderAccount.objects.filter(organization_id=self.organization_id).exists()
        ):
            raise Refusal(RefusalReason.SINGLE_SIGN_ON_NEEDED, sentence=_NOT_YET_USED)
        able = full_administrators(self.organization_id)
        chosen = able & {self.emergency_person_id}
        person = Person.objects.filter(pk__in=chosen).first()
        if person is None or not has_second_factor(person.pk):
            raise Refusal(RefusalReason.FIELDS_INVALID, field_errors={"emergency_person": _EMERGENCY})
        return person

    def _close_other_ways(self, emergency: Person) -> None:
        _end_sessions_without_single_sign_on(self.organization_id, emergency_person=emergency.pk)
        links = SignInLink.objects.filter(person__organization_id=self.organization_id, used_at__isnull=True)
        links.exclude(person=emergency).delete()


def refuse_operators(actor: Actor) -> None:
    """Refuse an operator: how an organization's people sign in is decided by the organization alone.

    Raises:
        Refusal: permission_missing.
    """
    if actor.operator:
        sentence = "Operators cannot change an organization's sign-in settings."
        raise Refusal(RefusalReason.PERMISSION_MISSING, sentence=sentence)


def refuse_unless_full(actor: Actor) -> None:
    """Refuse who may not change single sign-on: operators, and administrators who do not hold every permission.

    The provider's administrator can become every person of the organization, so the change gives all of them.

    Raises:
        Refusal: permission_missing.
    """
    refuse_operators(actor)
    refuse_more_than_own(actor, frozenset(Permission))


def _policy(work: UnitOfWork, expected_version: int) -> SignInPolicy:
    """Return the stored policy, or a new one. The organization is locked, so no other transaction creates it."""
    policy = SignInPolicy.objects.select_related("emergency_person").filter(pk=work.organization_id).first()
    if policy is None:
        policy = SignInPolicy(organization_id=work.organization_id, version=0)
    if policy.version != expected_version:
        raise changed_meanwhile(policy.updated_by, policy.updated_at)
    return policy


def _save(work: UnitOfWork, policy: SignInPolicy) -> None:
    policy.version += 1
    policy.updated_at, policy.updated_by = work.now, work.actor.name
    policy.save()


def _check_own_factors(actor: Actor, *, own_factor: bool) -> None:
    sentence = missing_factor(actor, own_factor=own_factor)
    if sentence is not None:
        raise Refusal(RefusalReason.SECOND_FACTOR_NEEDED, sentence=sentence)


def missing_factor(actor: Actor, *, own_factor: bool) -> str | None:
    """Return what the actor must do first to change the policy; None for nothing.

    Args:
        actor: who acts.
        own_factor: whether the change also needs a second factor of the actor's own.
    """
    session = None if actor.session is None else Session.objects.filter(public_id=actor.session).first()
    if session is None or not is_strong(read(session.factors)):
        return _NEEDS_STRONG_SESSION
    if own_factor and (actor.person_id is None or not has_second_factor(actor.person_id)):
        return _NEEDS_OWN_FACTOR
    return None


def _audit_fields(policy: SignInPolicy) -> dict[str, bool | str | None]:
    emergency = policy.emergency_person
    return {
        "single_sign_on_only": policy.single_sign_on_only,
        "emergency_administrator": None if emergency is None else emergency.email,
    }


def _end_weak_sessions(organization_id: str) -> None:
    """End the sessions that began without a second factor."""
    _end(organization_id, lambda session: not is_strong(read(session.factors)))


def _end_sessions_without_single_sign_on(organization_id: str, *, emergency_person: int) -> None:
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
    end_where(Session.objects.filter(person__organization_id=organization_id, **narrowed), ends)
