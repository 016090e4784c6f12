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
    return enrol.run(_proven(actor, now), now=now)


def add_app(
    actor: Actor, person: Person, *, pending: Person | None = None, now: datetime | None = None
) -> tuple[str, list[str]]:
    """Enrol an app with the code before the present one, which stays unused; returns secret and recovery codes."""
    secret = new_secret()
    at = timezone.now() if now is None else now
    enrol = EnrolAuthenticatorApp(
        sealed_secret=seal_setup(secret, person),
        code=code_of(secret, at, steps=-1),
        user_agent=FIREFOX,
        pending=pending,
    )
    return secret, enrol.run(_proven(actor, now), now=at)


def code_of(secret: str, now: datetime, *, steps: int = 0) -> str:
    """What the app shows, `steps` periods later."""
    return code_at(secret, step_at(now + steps * timedelta(seconds=PERIOD)))


def _proven(actor: Actor, now: datetime | None) -> Actor:
    """The actor, who has just proven who acts; without a session nothing can be noted."""
    return actor if actor.session is None or now is None else people.proven(actor, now)
