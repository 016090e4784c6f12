"""Sign-ins with more than a password: the second factor after it, a passkey instead of it, and the first enrolment.

Guesses at second factors are slowed down per person and kind of factor. Six digits are guessed by trying, and only
after a correct password. So the delay grows up to an hour, which leaves 24 guesses a day. It locks nobody out: a person
whose app's codes are delayed signs in with a passkey or a recovery code. Those cannot be guessed. They are counted
separately, for each address alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.db import transaction

from watchword.control.base.actor import Actor, Interface, Privilege
from watchword.control.base.audit_log import append
from watchword.control.base.refusals import AccessLost, Refusal, RefusalReason
from watchword.control.base.unit_of_work import UnitOfWork, time_of, unit_of_work
from watchword.control.identity.factor_rules import Factor
from watchword.control.identity.factors import authenticator_app, passkeys, recovery_codes
from watchword.control.identity.factors.queries import has_second_factor
from watchword.control.identity.session_commands import record_wrong
from watchword.control.identity.sign_in_commands import (
    SignedIn,
    complete_sign_in,
    end_unaccepted,
    refused_sign_in,
)
from watchword.control.identity.throttle import admit_attempt, factor_key, note_success

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from datetime import datetime

    from watchword.control.identity.models import Person
    from watchword.control.identity.pending_sign_ins import PendingSignIn


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeyResponse:
    """What an authenticator sent.

    Attributes:
        response: JSON from the browser, untrusted.
        sealed: the ceremony's cookie, untrusted.
    """

    response: str = field(repr=False)
    sealed: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInWithPasskey:
    """Sign in with a passkey alone. It is two factors at once, because it verifies its user."""

    passkey: PasskeyResponse
    address: str | None = None

    def run(self, *, now: datetime | None = None) -> SignedIn:
        """Return the sign-in of the person whose passkey it is.

        Raises:
            Refusal: ceremony_expired, passkey_refused, single_sign_on_required.
        """
        assertion = passkeys.verify_assertion(self.passkey.response, self.passkey.sealed)
        person = assertion.person
        try:
            with _signing_in(person, self.address, now) as work:
                passkeys.note_use(assertion, work.now)
                return complete_sign_in(work, person, {Factor.PASSKEY})
        except AccessLost:
            # Deactivated meanwhile.
            raise Refusal(RefusalReason.PASSKEY_REFUSED) from None
        except Refusal as refusal:
            # Replayed, of a copied authenticator, or not what the organization wants: the owner's log should say it.
            with transaction.atomic(durable=True):
                append(refused_sign_in(person, self.address, time_of(now), refusal.code, Factor.PASSKEY))
            raise


@dataclass(frozen=True, slots=True, kw_only=True)
class TypedFactor:
    """What a person sent as the second factor; the first that is there counts: passkey, recovery code, code."""

    code: str = field(default="", repr=False)
    recovery_code: str = field(default="", repr=False)
    passkey: PasskeyResponse | None = None

    @property
    def factor(self) -> Factor | None:
        """None if nothing was sent."""
        if self.passkey is not None:
            return Factor.PASSKEY
        if self.recovery_code.strip():
            return Factor.RECOVERY_CODE
        return Factor.AUTHENTICATOR_APP if self.code.strip() else None

    def use(self, person: Person, now: datetime) -> None:
        """Spend the factor within the caller's transaction.

        Raises:
            Refusal: second_factor_wrong, ceremony_expired, passkey_refused.
        """
        if self.passkey is not None:
            assertion = passkeys.verify_assertion(self.passkey.response, self.passkey.sealed, person_id=person.pk)
            passkeys.note_use(assertion, now)
        elif self.recovery_code.strip():
            if not recovery_codes.use_code(person.pk, self.recovery_code, now):
                raise _wrong("This recovery code is wrong, or it was used before.")
        elif not authenticator_app.use_code(person.pk, self.code, now):
            raise _wrong("This code is wrong, or it was used before. Wait for the app's next code.")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProveSecondFactor:
    """Complete a pending sign-in with a second factor."""

    pending: PendingSignIn
    typed: TypedFactor
    address: str | None = None

    def run(self, *, now: datetime | None = None) -> SignedIn:
        """Return the complete sign-in.

        Raises:
            Refusal: sign_in_expired, too_many_requests, second_factor_wrong, ceremony_expired, passkey_refused,
                single_sign_on_required.
        """
        person = self.pending.person(time_of(now))
        factor = self.typed.factor
        if factor is None:
            raise _wrong("Enter the code that your authenticator app shows.")
        throttle_key = factor_key(factor, person.pk, self.address)
        admit_attempt(throttle_key, time_of(now))
        try:
            with _signing_in(person, self.address, now) as work:
                self.typed.use(person, work.now)
                note_success(throttle_key)
                return complete_sign_in(work, self.pending.person(work.now), self.pending.factors | {factor})
        except AccessLost:
            raise Refusal(RefusalReason.SIGN_IN_EXPIRED) from None
        except Refusal as refusal:
            if refusal.reason is RefusalReason.SINGLE_SIGN_ON_REQUIRED:
                event = refused_sign_in(person, self.address, time_of(now), refusal.code, factor)
                end_unaccepted(throttle_key, event)
            else:
                actor = person.actor(interface=Interface.PORTAL, address=self.address)
                record_wrong_factor(actor, factor, person, action="signed_in", now=time_of(now))
            raise


@dataclass(frozen=True, slots=True, kw_only=True)
class CompleteEnrolment:
    """Complete a pending sign-in with the factor that the person has just enrolled, which proved it."""

    pending: PendingSignIn
    factor: Factor
    address: str | None = None

    def run(self, *, now: datetime | None = None) -> SignedIn:
        """Return the complete sign-in.

        Raises:
            Refusal: sign_in_expired, single_sign_on_required.
        """
        try:
            with _signing_in(self.pending.person(time_of(now)), self.address, now) as work:
                person = self.pending.person(work.now)
                if not has_second_factor(person.pk):
                    # Another person has reset it since: it proves nothing any more.
                    raise Refusal(RefusalReason.SIGN_IN_EXPIRED)
                return complete_sign_in(work, person, self.pending.factors | {self.factor})
        except AccessLost:
            raise Refusal(RefusalReason.SIGN_IN_EXPIRED) from None


def record_wrong_factor(actor: Actor, factor: Factor, person: Person, *, action: str, now: datetime) -> None:
    """End an attempt that failed, and record what was tried; never what was typed."""
    throttle_key = factor_key(factor, person.pk, actor.address)
    record_wrong(actor, action, throttle_key, now, {"factor": [None, factor.value]})


def _signing_in(person: Person, address: str | None, now: datetime | None) -> AbstractContextManager[UnitOfWork]:
    actor = person.actor(interface=Interface.PORTAL, address=address)
    return unit_of_work(actor, person.organization_id, permission=Privilege.SELF, action="signed_in", now=now)


def _wrong(sentence: str) -> Refusal:
    return Refusal(RefusalReason.SECOND_FACTOR_WRONG, sentence=sentence)
