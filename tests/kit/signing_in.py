"""Sign-ins through the forms: with the password, and with a code of the authenticator app for people who need one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.utils import timezone

from kit.people import PASSWORD
from watchword.control.identity.factor_rules import Factor
from watchword.control.identity.factors.totp import code_at, step_at
from watchword.control.identity.models import AuthenticatorApp, PersonKind
from watchword.control.identity.pending_sign_ins import PendingSignIn
from watchword.control.identity.sealing import seal
from watchword.control.identity.session_store import SessionStore

if TYPE_CHECKING:
    from django.test import Client

    from watchword.control.identity.models import Person

SECRET: Final = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
SECOND_FACTOR: Final = "/sign-in/second-factor"


def give_app(person: Person) -> Person:
    """Give the person an authenticator app with SECRET, as if it had been enrolled long ago."""
    sealed = seal(f"authenticator app.{person.pk}", SECRET)
    AuthenticatorApp.objects.get_or_create(
        person=person, defaults={"sealed_secret": sealed, "created_at": person.created_at}
    )
    return person


def pending_session_of(person: Person) -> str:
    """The session key of a browser whose password was accepted."""
    session = SessionStore()
    pending = PendingSignIn.of(person, frozenset({Factor.PASSWORD}), timezone.now())
    session["pending"] = pending.content() | {"onward": "", "unsent": ""}
    session.create()
    return str(session.session_key)


def next_code(person: Person) -> str:
    """A code that the portal accepts for at least 30 seconds, also the second time within them."""
    last_step = AuthenticatorApp.objects.get(person=person).last_step
    return code_at(SECRET, max(step_at(timezone.now()), last_step + 1))


def sign_in(client: Client, person: Person, *, password: str = PASSWORD, **more: str) -> Any:
    """The response that ends the sign-in. An operator gets an app first, without which no one is signed in."""
    if person.kind == PersonKind.OPERATOR:
        give_app(person)
    answer = client.post("/sign-in", {"email": person.email, "password": password, **more})
    if answer.headers.get("Location") == SECOND_FACTOR:
        answer = client.post(SECOND_FACTOR, {"code": next_code(person)})
    return answer
