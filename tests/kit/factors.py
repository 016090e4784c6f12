"""People with second factors, enrolled by the commands."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.utils import timezone

from kit import people
from watchword.control.identity.factors.authenticator_app import EnrolAuthenticatorApp, new_secret, seal_setup
from watchword.control.identity.factors.passkeys import EnrolPasskey, registration_options
from watchword.control.identity.factors.totp import PERIOD, code_at, step_at

if TYPE_CHECKING:
    from datetime import datetime

    from kit.authenticator import Authenticator
    from watchword.control.base.actor import Actor
    from watchword.control.identity.models import Person

FIREFOX: Final = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def waiting(person: Person) -> Actor:
    """The person after the password, before the second factor: without a session."""
    return replace(people.acting(person, address="192.0.2.66"), session=None)


def add_passkey(
    actor: Actor,
    person: Person,
    authenticator: Authenticator,
    *,
    name: str = "Laptop",
    pending: Person | None = None,
    now: datetime | None = None,
) -> list[str]:
    """Enrol the authenticator; returns the recovery codes."""
    options, sealed = registration_options(person)
    response = authenticator.create(options)
    enrol = EnrolPasskey(name=name, response=response, sealed=sealed, user_agent=FIREFOX, pending=pending)
    return _enrolled(enrol, actor, now)


def add_app(
    actor: Actor, person: Person, *, pending: Person | None = None, now: datetime | None = None
) -> tuple[str, list[str]]:
    """Enrol an app with a code of five minutes ago; returns its secret and the recovery codes."""
    secret = new_secret()
    at = (timezone.now() if now is None else now) - timedelta(minutes=5)
    enrol = EnrolAuthenticatorApp(
        sealed_secret=seal_setup(secret, person),
        code=code_at(secret, step_at(at)),
        user_agent=FIREFOX,
        pending=pending,
    )
    return secret, _enrolled(enrol, actor, at)


def code_of(secret: str, now: datetime, *, steps: int = 0) -> str:
    """What the app shows, `steps` periods later."""
    return code_at(secret, step_at(now + steps * timedelta(seconds=PERIOD)))


def _enrolled(enrol: EnrolPasskey | EnrolAuthenticatorApp, actor: Actor, at: datetime | None) -> list[str]:
    """Enrol at this time with proof of the same time, and leave the session with proof of now."""
    if actor.session is None or at is None:
        return enrol.run(actor, now=at)
    codes = enrol.run(people.proven(actor, at), now=at)
    people.proven(actor, timezone.now())
    return codes
