"""Passkeys: what a browser needs for a ceremony, and what its response is worth."""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q

from watchword.control.base.refusals import Refusal, RefusalReason
from watchword.control.identity import ceremonies
from watchword.control.identity.factor_models import Passkey
from watchword.control.identity.factor_rules import CEREMONY_LIFETIME, Factor
from watchword.control.identity.factors import rules, webauthn
from watchword.control.identity.factors.cose_keys import ALGORITHMS
from watchword.control.identity.factors.enrolment import enrolment
from watchword.control.identity.factors.webauthn import RelyingParty, ResponseRefused
from watchword.control.identity.models import Person
from watchword.control.identity.throttle import parsed_address
from watchword.core import base64url

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from watchword.control.base.actor import Actor
    from watchword.control.identity.ceremonies import Ceremony
    from watchword.control.identity.factors.webauthn import NewCredential, UnverifiedAssertion

_REGISTRATION: Final = "passkey registration"
_ASSERTION: Final = "passkey assertion"
_CHALLENGE_BYTES: Final = 32
_DEFAULT_PORTS: Final = {"https": 443, "http": 80}
_ANYONE: Final = ""
"""The person of a ceremony that begins before the portal knows who signs in."""


def relying_party() -> RelyingParty | None:
    """Return what passkeys are bound to; None where there can be none, because the portal's host is an IP address."""
    parts = urlsplit(settings.WATCHWORD.public_origin)
    host = parts.hostname or ""
    if parsed_address(host) is not None:
        return None
    # Browsers leave the port out where it is the default one.
    port = "" if parts.port in {None, _DEFAULT_PORTS[parts.scheme]} else f":{parts.port}"
    return RelyingParty(host, f"{parts.scheme}://{host}{port}")


def registration_options(person: Person) -> tuple[dict[str, Any], str]:
    """Begin to enrol a passkey.

    Returns:
        The JSON of `PublicKeyCredential.parseCreationOptionsFromJSON`, and the value of the ceremony's cookie.

    Raises:
        Refusal: not_found, where there can be no passkeys.
    """
    party, challenge = _party(), _new_challenge()
    own = list(Passkey.objects.filter(person=person).order_by("pk"))
    handle = own[0].user_handle if own else uuid.uuid4()
    options = {
        "rp": {"id": party.id, "name": settings.WATCHWORD.product_name},
        "user": {
            "id": base64url.encode(handle.bytes),
            "name": person.email,
            "displayName": person.name or person.email,
        },
        "challenge": challenge,
        "pubKeyCredParams": [{"type": "public-key", "alg": algorithm} for algorithm in ALGORITHMS],
        "timeout": _milliseconds(),
        "excludeCredentials": _descriptors(own),
        "authenticatorSelection": {
            "residentKey": "required",
            "requireResidentKey": True,
            "userVerification": "required",
        },
        "attestation": "none",
    }
    values = {"person": str(person.pk), "challenge": challenge, "user_handle": str(handle)}
    return options, ceremonies.begun(_REGISTRATION, values)


def assertion_options(person_id: int | None) -> tuple[dict[str, Any], str]:
    """Begin to use a passkey.

    Args:
        person_id: whose; None before the portal knows who signs in. Then the authenticator offers those that it has.

    Returns:
        The JSON of `PublicKeyCredential.parseRequestOptionsFromJSON`, and the value of the ceremony's cookie.

    Raises:
        Refusal: not_found, where there can be no passkeys.
    """
    party, challenge = _party(), _new_challenge()
    own = [] if person_id is None else list(Passkey.objects.filter(person_id=person_id).order_by("pk"))
    options = {
        "challenge": challenge,
        "timeout": _milliseconds(),
        "rpId": party.id,
        "allowCredentials": _descriptors(own),
        "userVerification": "required",
    }
    return options, ceremonies.begun(_ASSERTION, {"person": _whose(person_id), "challenge": challenge})


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolPasskey:
    """Add a passkey to the actor's own account.

    Attributes:
        name: by which the person knows the authenticator. It gets a number if another passkey has it.
        response: the JSON of `PublicKeyCredential.toJSON()`.
        sealed: the ceremony's cookie.
        user_agent: of the browser, for the audit log and the person's own page.
        pending: see `enrolment`.
    """

    name: str
    response: str = field(repr=False)
    sealed: str = field(repr=False)
    user_agent: str = ""
    pending: Person | None = None

    def run(self, actor: Actor, *, now: datetime | None = None) -> list[str]:
        """Return the recovery codes, if the person had none; they cannot be shown again.

        Raises:
            Refusal: fields_invalid, ceremony_expired, passkey_refused, passkeys_used_up, second_factor_exists.
        """
        faults = rules.check_passkey_name(self.name)
        if faults:
            raise Refusal(RefusalReason.FIELDS_INVALID, field_errors=faults)
        if self.response == "":
            # The form was sent before the page's script was loaded, so no ceremony has begun.
            raise Refusal(RefusalReason.PASSKEY_REFUSED)
        ceremony = ceremonies.opened(_REGISTRATION, self.sealed)
        credential = _registered(self.response, ceremony)
        with enrolment(actor, pending=self.pending, user_agent=self.user_agent, now=now) as enrolling:
            work, person = enrolling.work, enrolling.person
            handle = uuid.UUID(ceremony.values["user_handle"])
            own = list(Passkey.objects.filter(person=person))
            # Another handle: the first passkey was enrolled in another tab meanwhile.
            if ceremony.values["person"] != str(person.pk) or any(one.user_handle != handle for one in own):
                raise Refusal(RefusalReason.CEREMONY_EXPIRED)
            if len(own) >= rules.PASSKEYS_MAX:
                raise Refusal(RefusalReason.PASSKEYS_USED_UP, most=rules.PASSKEYS_MAX)
            # Not refused: the authenticator has made its part already, and would keep it for nothing.
            name = rules.free_name(self.name, [one.name for one in own])
            ceremonies.spend(ceremony, work.now)
            _store(
                Passkey(
                    person=person,
                    user_handle=handle,
                    name=name,
                    credential_id=credential.credential_id,
                    public_key=credential.public_key,
                    sign_count=credential.sign_count,
                    created_at=work.now,
                    added_from=enrolling.added_from,
                )
            )
            return enrolling.finish(Factor.PASSKEY, name=name)


@dataclass(frozen=True, slots=True)
class VerifiedAssertion:
    """A person has proven with a passkey who they are. `note_use` must still accept it.

    Attributes:
        passkey: which one, with its person, the person's role and organization.
        sign_count: that the authenticator sent.
        ceremony: not spent yet.
    """

    passkey: Passkey
    sign_count: int
    ceremony: Ceremony

    @property
    def person(self) -> Person:
        return self.passkey.person


def verify_assertion(response: str, sealed: str, *, person_id: int | None = None) -> VerifiedAssertion:
    """Verify a browser's response, without writing anything.

    Args:
        response: the JSON of `PublicKeyCredential.toJSON()`.
        sealed: the ceremony's cookie.
        person_id: who must prove it; None at a sign-in by passkey alone, where the passkey says who.

    Raises:
        Refusal: ceremony_expired, passkey_refused.
    """
    ceremony = ceremonies.opened(_ASSERTION, sealed)
    if ceremony.values["person"] != _whose(person_id):
        raise Refusal(RefusalReason.PASSKEY_REFUSED)
    try:
        read = webauthn.read_assertion(response)
        passkey = _passkey_of(read, person_id)
        counter = webauthn.verify_assertion(
            read,
            _party(),
            challenge=ceremony.values["challenge"],
            user_handle=passkey.user_handle.bytes,
            public_key=bytes(passkey.public_key),
        )
    except ResponseRefused:
        raise Refusal(RefusalReason.PASSKEY_REFUSED) from None
    return VerifiedAssertion(passkey, counter, ceremony)


def note_use(assertion: VerifiedAssertion, now: datetime) -> None:
    """Accept the assertion within the caller's transaction, once.

    Raises:
        Refusal: ceremony_expired if it was accepted before; passkey_refused if the passkey was removed meanwhile, or
            if its counter was set back, because then it is a copy.
    """
    ceremonies.spend(assertion.ceremony, now)
    # Authenticators that do not count always send 0 (section 6.1.1).
    ahead = Q(sign_count__lt=assertion.sign_count) | Q(sign_count=0)
    # No column of another table: with a join the condition becomes a subquery, which PostgreSQL does not evaluate again
    # after it has waited for another transaction's UPDATE.
    same = Passkey.objects.filter(ahead, pk=assertion.passkey.pk)
    used = same.update(sign_count=assertion.sign_count, last_used_at=now)
    if used != 1 or not Person.objects.filter(pk=assertion.person.pk, is_active=True).exists():
        raise Refusal(RefusalReason.PASSKEY_REFUSED)


def _registered(response: str, ceremony: Ceremony) -> NewCredential:
    try:
        return webauthn.verify_registration(response, _party(), ceremony.values["challenge"])
    except ResponseRefused:
        raise Refusal(RefusalReason.PASSKEY_REFUSED) from None


def _store(passkey: Passkey) -> None:
    try:
        with transaction.atomic():
            passkey.save(force_insert=True)
    except IntegrityError:
        # An authenticator makes another credential each time, unless it is broken or lies.
        raise Refusal(RefusalReason.PASSKEY_REFUSED) from None


def _passkey_of(read: UnverifiedAssertion, person_id: int | None) -> Passkey:
    # Without a known person the handle must say who it is, as for every credential that the authenticator offers.
    if person_id is None and read.user_handle is None:
        raise ResponseRefused
    known = Passkey.objects.select_related("person__role", "person__organization").filter(person__is_active=True)
    passkey = known.filter(credential_id=read.credential_id).first()
    if passkey is None or person_id not in {None, passkey.person_id}:
        raise ResponseRefused
    return passkey


def _party() -> RelyingParty:
    party = relying_party()
    if party is None:
        raise Refusal(RefusalReason.NOT_FOUND)
    return party


def _new_challenge() -> str:
    return base64url.encode(secrets.token_bytes(_CHALLENGE_BYTES))


def _descriptors(passkeys: Iterable[Passkey]) -> list[dict[str, str]]:
    return [{"type": "public-key", "id": passkey.credential_id} for passkey in passkeys]


def _milliseconds() -> int:
    return int(CEREMONY_LIFETIME.total_seconds() * 1000)


def _whose(person_id: int | None) -> str:
    return _ANYONE if person_id is None else str(person_id)
