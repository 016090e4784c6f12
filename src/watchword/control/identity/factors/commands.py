"""Changes of factors that exist: rename, remove, replace, reset. Adding them is in the module of each factor."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from watchword.control.base.actor import Permission, Privilege
from watchword.control.base.refusals import AccessLost, Refusal, RefusalReason, name_taken
from watchword.control.base.unit_of_work import unit_of_work
from watchword.control.identity.factor_rules import Factor
from watchword.control.identity.factors import rules
from watchword.control.identity.factors.queries import enrolled_factors, has_second_factor, must_have_second_factor
from watchword.control.identity.factors.recovery_codes import replace_codes
from watchword.control.identity.models import AuthenticatorApp, Passkey, Person, RecoveryCode
from watchword.control.identity.safeguards import refuse_more_than_own
from watchword.control.identity.session_rules import SessionEnd
from watchword.control.identity.session_store import end_sessions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from uuid import UUID

    from watchword.control.base.actor import Actor
    from watchword.control.base.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class RenamePasskey:
    """Rename one of the actor's own passkeys."""

    passkey_id: UUID
    name: str

    def run(self, actor: Actor, *, now: datetime | None = None) -> Passkey:
        """Return the renamed passkey.

        Raises:
            Refusal: fields_invalid, name_taken; not_found, also for another person's passkey.
        """
        faults = rules.check_passkey_name(self.name)
        if faults:
            raise Refusal(RefusalReason.FIELDS_INVALID, field_errors=faults)
        with _own(actor, "factor_renamed", now) as work:
            passkey = _own_passkey(work, self.passkey_id)
            others = Passkey.objects.filter(person_id=passkey.person_id).exclude(pk=passkey.pk)
            if self.name.casefold() in {name.casefold() for name in others.values_list("name", flat=True)}:
                # The person could not tell which one to remove.
                raise name_taken(self.name)
            before, passkey.name = passkey.name, self.name
            passkey.save(update_fields=["name"])
            work.record(target=work.actor.name, changes={"name": [before, passkey.name]})
            return passkey


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovePasskey:
    """Remove one of the actor's own passkeys."""

    passkey_id: UUID

    def run(self, actor: Actor, *, now: datetime | None = None) -> None:
        """Remove it.

        Raises:
            Refusal: last_factor; not_found, also for another person's passkey.
        """
        with _own(actor, "factor_removed", now) as work:
            passkey = _own_passkey(work, self.passkey_id)
            passkey.delete()
            work.record(
                target=work.actor.name,
                changes={"factor": [Factor.PASSKEY.value, None], "name": [passkey.name, None]},
            )
            _keep_a_factor(work)


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveAuthenticatorApp:
    """Remove the actor's own authenticator app."""

    def run(self, actor: Actor, *, now: datetime | None = None) -> None:
        """Remove it.

        Raises:
            Refusal: last_factor, not_found.
        """
        with _own(actor, "factor_removed", now) as work:
            if not AuthenticatorApp.objects.filter(person__email=work.actor.name).delete()[0]:
                raise Refusal(RefusalReason.NOT_FOUND)
            work.record(target=work.actor.name, changes={"factor": [Factor.AUTHENTICATOR_APP.value, None]})
            _keep_a_factor(work)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaceRecoveryCodes:
    """Make new recovery codes for the actor; the earlier ones stop working."""

    def run(self, actor: Actor, *, now: datetime | None = None) -> list[str]:
        """Return the codes, which cannot be shown again.

        Raises:
            Refusal: not_found, without a second factor that they could replace.
        """
        with _own(actor, "recovery_codes_replaced", now) as work:
            person = Person.objects.get(email=work.actor.name)
            if not has_second_factor(person.pk):
                raise Refusal(RefusalReason.NOT_FOUND)
            return replace_codes(work, person)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetFactors:
    """Remove all factors of another person who has lost them, and end their sessions. The password stays.

    Attributes:
        organization_id: of the administrator; None for an operator.
    """

    person_id: int
    organization_id: str | None

    def run(self, actor: Actor, *, now: datetime | None = None) -> Person:
        """Return the person.

        Raises:
            Refusal: not_found, permission_missing; own_factors.
        """
        permission = Privilege.OPERATOR if self.organization_id is None else Permission.ADMINISTRATORS
        with unit_of_work(actor, self.organization_id, permission=permission, action="factors_reset", now=now) as work:
            # By organization and id: people of another organization are not found.
            people = Person.objects.select_related("role").filter(organization_id=self.organization_id)
            person = people.filter(pk=self.person_id).first()
            if person is None:
                raise Refusal(RefusalReason.NOT_FOUND)
            if person.pk == work.actor.person_id:
                raise Refusal(RefusalReason.OWN_FACTORS)
            if person.role is not None:
                refuse_more_than_own(work.actor, person.role.held())
            _remove_all(work, person)
            person.factors_reset_at, person.factors_reset_by = work.now, work.actor.name
            person.save(update_fields=["factors_reset_at", "factors_reset_by"])
            end_sessions(person.pk)
            return person


def _remove_all(work: UnitOfWork, person: Person) -> None:
    had = enrolled_factors(person.pk)
    for model in (Passkey, AuthenticatorApp, RecoveryCode):
        model.objects.filter(person=person).delete()
    work.record(
        target=person.email,
        changes={
            "passkeys": [len(had.passkeys), 0],
            "authenticator_app": [had.has_app, False],
            "recovery_codes": [had.codes_left, 0],
        },
    )


@contextmanager
def _own(actor: Actor, action: str, now: datetime | None) -> Iterator[UnitOfWork]:
    """Open the transaction of a change of the actor's own factors.

    Raises:
        AccessLost: session_ended, also before the sign-in is complete: then a password alone has been proven.
    """
    with unit_of_work(actor, actor.organization, permission=Privilege.SELF, action=action, now=now) as work:
        if work.actor.session is None:
            raise AccessLost(Refusal(RefusalReason.SESSION_ENDED, session_end=SessionEnd.GONE))
        yield work


def _own_passkey(work: UnitOfWork, public_id: UUID) -> Passkey:
    passkey = Passkey.objects.filter(person__email=work.actor.name, public_id=public_id).first()
    if passkey is None:
        raise Refusal(RefusalReason.NOT_FOUND)
    return passkey


def _keep_a_factor(work: UnitOfWork) -> None:
    """Refuse to leave a person without a factor who must have one; otherwise the recovery codes go with the last one.

    The organization's row is locked, so of two removals at the same time the second sees the first.

    Raises:
        Refusal: last_factor; the transaction around it rolls back.
    """
    person = Person.objects.get(email=work.actor.name)
    if has_second_factor(person.pk):
        return
    if must_have_second_factor(person):
        raise Refusal(RefusalReason.LAST_FACTOR)
    RecoveryCode.objects.filter(person=person).delete()
