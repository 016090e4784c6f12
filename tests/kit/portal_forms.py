"""Every form of portal and operator console: the route of its dialog, and its place in the address."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from django.test import Client

from kit import enrolled, registrations, sample_portal
from kit.api_access import api_role
from kit.signing_in import give_app
from watchword.control.base.actor import Permission
from watchword.control.identity.models import Person

# Bob is an administrator of Acme.
Row = tuple[str, Callable[[Person], dict[str, object]]]


def of_acme(_bob: Person) -> dict[str, object]:
    return {"organization": "acme"}


def of_bob(bob: Person) -> dict[str, object]:
    return {"organization": "acme", "person": bob.pk}


def of_his_role(bob: Person) -> dict[str, object]:
    return {"organization": "acme", "role": bob.role_id}


def of_an_api_role(_bob: Person) -> dict[str, object]:
    return {"organization": "acme", "api_role": api_role().pk}


def of_a_server(_bob: Person) -> dict[str, object]:
    server = registrations.add(actor=registrations.administrator("alice", "acme", Permission.API_KEY_MANAGEMENT))
    return {"organization": "acme", "server": server.pk}


def of_a_passkey(_bob: Person) -> dict[str, object]:
    # With an app as well, because the test cannot sign in with this passkey.
    alice = give_app(Person.objects.get(email="alice@acme.example"))
    return {"passkey": enrolled.passkey(alice).public_id}


def nothing(_bob: Person) -> dict[str, object]:
    return {}


FORMS: Final[tuple[Row, ...]] = (
    ("people:invite", of_acme),
    ("people:change-role", of_bob),
    ("people:rename", of_bob),
    ("people:create-role", of_acme),
    ("people:edit-role", of_his_role),
    ("api_access:create-role", of_acme),
    ("api_access:edit-role", of_an_api_role),
    ("api_access:create-key", of_acme),
    ("people:change-password", nothing),
    ("people:set-up-app", nothing),
    ("people:add-passkey", nothing),
    ("people:rename-passkey", of_a_passkey),
    ("sign_in_settings:configure", of_acme),
    ("sign_in_settings:only", of_acme),
    ("servers:add", of_acme),
    ("servers:edit", of_a_server),
    ("console:create-organization", nothing),
    ("console:suspend", of_acme),
    ("console:set-subscription", of_acme),
    ("console:renew", of_acme),
    ("console:threshold", of_acme),
    ("console:create-verifier", nothing),
    ("console:create-api-key", nothing),
    ("console:invite-operator", nothing),
    ("console:assign-domain", of_acme),
)
ROUTES: Final = [route for route, _ in FORMS]


def browser_of(person: Person, *, strict: bool = False) -> Client:
    client = Client(enforce_csrf_checks=strict)
    client.cookies["watchword_session"] = sample_portal.session_of(person)
    return client
