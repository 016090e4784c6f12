"""Completing a sign-in by single sign-on, and recording the ones that fail."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from django.db import transaction

from watchword.control.base.actor import Actor, Interface, Privilege
from watchword.control.base.audit_log import REFUSED, Entry, append
from watchword.control.base.refusals import Refusal
from watchword.control.base.unit_of_work import time_of, unit_of_work
from watchword.control.identity.ceremonies import spend
from watchword.control.identity.factor_rules import Factor
from watchword.control.identity.proof_commands import note_proof, ways_to_prove
from watchword.control.identity.sign_in_commands import UNKNOWN, complete_sign_in
from watchword.control.identity.single_sign_on.failures import SignInFailed, SignInFailure
from watchword.control.identity.single_sign_on.people import linked_person, person_of
from watchword.control.identity.single_sign_on.providers import provider_of, provider_of_operators
from watchword.control.identity.throttle import admit_attempt, note_failure, provider_key, refuse_blocked

if TYPE_CHECKING:
    from datetime import datetime

    from watchword.control.identity.ceremonies import Ceremony
    from watchword.control.identity.models import Person
    from watchword.control.identity.sign_in_commands import SignedIn
    from watchword.control.identity.single_sign_on.ceremony import ProviderResponse
    from watchword.control.identity.single_sign_on.providers import Provider

_SINGLE_SIGN_ON: Final = frozenset({Factor.SINGLE_SIGN_ON})
_REFERENCE_BYTES: Final = 4


def refuse_frequent_failures(address: str | None, now: datetime) -> None:
    """Refuse an address at which sign-ins through providers fail too often, before anything is sent to a provider.

    Raises:
        Refusal: too_many_requests.
    """
    refuse_blocked(provider_key(address), now)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInBySingleSignOn:
    """Sign in the person whom a provider's verified response names: found, linked or created in one transaction."""

    response: ProviderResponse
    address: str | None

    def run(self, *, now: datetime | None = None) -> SignedIn:
        """Return the sign-in.

        Raises:
            SignInFailed: the person may not sign in, or the ceremony was completed before.
        """
        provider = self.response.provider
        # No person acts yet. The worker's interface is the only one without a person, and the lock needs an actor.
        nobody = Actor(name="single sign-on", interface=Interface.WORKER, address=self.address)
        with unit_of_work(
            nobody, provider.organization_id, permission=Privilege.WORKER, action="signed_in", now=now
        ) as work:
            work.skip_publishing()
            work.actor = replace(work.actor, interface=Interface.PORTAL)
            _check_unchanged(provider)
            _spend_once(self.response.ceremony, work.now)
            person = person_of(work, provider, self.response.claims)
            work.actor = person.actor(interface=Interface.PORTAL, address=self.address)
            return complete_sign_in(work, person, _SINGLE_SIGN_ON)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmBySingleSignOn:
    """Note the proof of a person who has just signed in at the provider again."""

    response: ProviderResponse

    def run(self, actor: Actor, *, now: datetime | None = None) -> None:
        """Note it in the actor's session. The caller then renews the session's key.

        Raises:
            SignInFailed: another person signed in at the provider, or the ceremony was completed before.
            AccessLost: session_ended.
        """
        response, session = self.response, actor.session
        if session is None or response.confirms != actor.person_id:
            raise SignInFailed(SignInFailure.OTHER_PERSON)
        with unit_of_work(
            actor, actor.organization, permission=Privilege.SELF, action="identity_confirmed", now=now
        ) as work:
            _check_unchanged(response.provider)
            _spend_once(response.ceremony, work.now)
            person = linked_person(response.provider, response.claims.subject)
            if person is None or person.pk != work.actor.person_id:
                raise SignInFailed(SignInFailure.OTHER_PERSON)
            if Factor.SINGLE_SIGN_ON not in ways_to_prove(person):
                # A second factor was enrolled meanwhile, which the provider does not replace.
                raise SignInFailed(SignInFailure.UNKNOWN)
            note_proof(session, Factor.SINGLE_SIGN_ON, work.now)
            work.record(target=person.email, changes={"factors": [None, Factor.SINGLE_SIGN_ON.value]})


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordFailure:
    """Record a sign-in that failed, so that the organization can find it by the reference on the person's page.

    Attributes:
        provider: None if it is not known; then nothing is recorded.
        person: who confirms their identity; None for a sign-in.
    """

    failed: SignInFailed
    provider: Provider | None
    address: str | None
    person: Person | None = None

    def run(self, *, now: datetime | None = None) -> str | None:
        """Return the reference; None if nothing was recorded: without a provider, or if the address fails too often."""
        if self.provider is None:
            # Nor counted: any page could make a browser load the callback, and so delay the sign-ins of its office.
            return None
        at = time_of(now)
        key = provider_key(self.address)
        try:
            # Failures are bounded: without that, any visitor could fill an organization's audit log.
            admit_attempt(key, at)
        except Refusal:
            return None
        reference = secrets.token_hex(_REFERENCE_BYTES)
        with transaction.atomic(durable=True):
            note_failure(key, at)
            append(self._entry(self.provider, reference, at))
        return reference

    def _entry(self, provider: Provider, reference: str, at: datetime) -> Entry:
        who = self.failed.email or (UNKNOWN if self.person is None else self.person.email)
        return Entry(
            at=at,
            organization=provider.organization_id,
            actor=who,
            interface=Interface.PORTAL.value,
            address=self.address,
            action="signed_in" if self.person is None else "identity_confirmed",
            target=who,
            result=REFUSED,
            changes={
                "reason": [None, self.failed.detail],
                "factors": [None, Factor.SINGLE_SIGN_ON.value],
                "reference": [None, reference],
            },
        )


def _check_unchanged(provider: Provider) -> None:
    """Read the configuration again under the lock: it may have been disabled while the provider responded."""
    organization = provider.organization_id
    if (provider_of_operators() if organization is None else provider_of(organization)) != provider:
        raise SignInFailed(SignInFailure.UNKNOWN)


def _spend_once(ceremony: Ceremony, now: datetime) -> None:
    try:
        spend(ceremony, now)
    except Refusal:
        raise SignInFailed(SignInFailure.EXPIRED) from None
