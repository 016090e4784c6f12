"""Authenticator apps: shown, confirmed with a first code, used."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from django.conf import settings

from watchword.control.base.refusals import Refusal, RefusalReason
from watchword.control.identity.factor_rules import Factor
from watchword.control.identity.factors import totp
from watchword.control.identity.factors.enrolment import enrolment
from watchword.control.identity.factors.rules import SETUP_LIFETIME
from watchword.control.identity.factors.totp import new_secret
from watchword.control.identity.models import AuthenticatorApp
from watchword.control.identity.sealing import seal, unseal

if TYPE_CHECKING:
    from datetime import datetime

    from watchword.control.base.actor import Actor
    from watchword.control.identity.models import Person

__all__ = [
    "EnrolAuthenticatorApp",
    "new_secret",
    "seal_setup",
    "secret_of_setup",
    "setup_uri",
    "use_code",
]

_SETUP: Final = "authenticator app setup"
_STORED: Final = "authenticator app"


def setup_uri(secret: str, person: Person) -> str:
    """Return what the QR code says.

    The issuer names the host, because some apps replace an entry of the same issuer and account, which would be that of
    another portal.
    """
    host = urlsplit(settings.WATCHWORD.public_origin).hostname
    return totp.setup_uri(secret, issuer=f"{settings.WATCHWORD.product_name} {host}", account=person.email)


def seal_setup(secret: str, person: Person) -> str:
    """Return what the form carries until the app is confirmed: the secret, which opens for this person only."""
    return seal(f"{_SETUP}.{person.pk}", secret)


def secret_of_setup(sealed: str, person_id: int) -> str:
    """Return the secret that the person's form carries, to show it again.

    Raises:
        Refusal: ceremony_expired.
    """
    secret = unseal(f"{_SETUP}.{person_id}", sealed, max_age=SETUP_LIFETIME)
    if secret is None:
        raise Refusal(RefusalReason.CEREMONY_EXPIRED)
    return secret


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolAuthenticatorApp:
    """Add an authenticator app to the actor's own account. It replaces an earlier one, such as that of an old phone.

    Attributes:
        sealed_secret: of `seal_setup`.
        code: that the app shows, so that a mistake shows now and not at the next sign-in.
        user_agent: of the browser, for the audit log and the person's own page.
        pending: see `enrolment`.
    """

    sealed_secret: str = field(repr=False)
    code: str = field(repr=False)
    user_agent: str = ""
    pending: Person | None = None

    def run(self, actor: Actor, *, now: datetime | None = None) -> list[str]:
        """Return the recovery codes, if the person had none; they cannot be shown again.

        Raises:
            Refusal: ceremony_expired, fields_invalid, second_factor_exists.
        """
        with enrolment(actor, pending=self.pending, user_agent=self.user_agent, now=now) as enrolling:
            work, person = enrolling.work, enrolling.person
            secret = secret_of_setup(self.sealed_secret, person.pk)
            step = totp.matching_step(secret, self.code, work.now)
            if step is None:
                fault = {"code": "This is not the app's present code. Check the clock of the device, and try again."}
                raise Refusal(RefusalReason.FIELDS_INVALID, field_errors=fault)
            if AuthenticatorApp.objects.filter(person=person).delete()[0]:
                changes = {"factor": [Factor.AUTHENTICATOR_APP.value, None]}
                work.record(target=person.email, action="factor_removed", changes=changes)
            AuthenticatorApp.objects.create(
                person=person,
                sealed_secret=seal(_stored_for(person.pk), secret),
                last_step=step,
                created_at=work.now,
                added_from=enrolling.added_from,
            )
            return enrolling.finish(Factor.AUTHENTICATOR_APP)


def use_code(person_id: int, typed: str, now: datetime) -> bool:
    """Use a code within the caller's transaction. Of two attempts with one code, also at two portals, one succeeds."""
    app = AuthenticatorApp.objects.filter(person_id=person_id).first()
    secret = None if app is None else unseal(_stored_for(person_id), app.sealed_secret)
    step = None if secret is None else totp.matching_step(secret, typed, now)
    if app is None or step is None:
        return False
    # The secret too: the app may have been replaced since it was read.
    unused = AuthenticatorApp.objects.filter(pk=person_id, sealed_secret=app.sealed_secret, last_step__lt=step)
    return unused.update(last_step=step, last_used_at=now) == 1


def _stored_for(person_id: int) -> str:
    # The person in the key's purpose: a row that is moved to another person opens nothing.
    return f"{_STORED}.{person_id}"
