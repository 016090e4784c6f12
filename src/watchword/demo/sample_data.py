"""What the demo's database holds: Acme with a subscription, Alice, Bob the operator, and a validated registration.

Everything goes through the product's own commands, as if people had clicked it. Import only after Django is set up.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from django.utils import timezone

from watchword.control.access.actor import Interface, command_line
from watchword.control.access.commands import CreateSignInLink, RedeemSignInLink
from watchword.control.access.models import Person
from watchword.control.access.operator_commands import CreateOperator
from watchword.control.access.people_commands import CreateAdministrator
from watchword.control.organizations.commands import CreateOrganization, SetSubscription
from watchword.control.servers.commands import AddServer
from watchword.control.servers.rules import ServerFields
from watchword.control.servers.validate import validate
from watchword.demo.walkthrough import SignIn

if TYPE_CHECKING:
    from watchword.control.access.actor import Actor

ORGANIZATION = "acme"
ALICE = "alice@acme.example"
BOB = "bob@watchword.example"
SERVER_NAME = "DemoServer"
AUDIENCE = "https://api.acme.example"
SUBSCRIPTION = timedelta(days=365)
EXPIRED_ORGANIZATION = "initech"
CHARLIE = "charlie@initech.example"


@dataclass(frozen=True, slots=True)
class SampleData:
    administrator: SignIn
    operator: SignIn
    administrator_of_expired: SignIn


class RegistrationFailed(Exception):
    """The demo's own authorization server was not accepted; the message holds the failed step's sentence."""


def create_people() -> SampleData:
    """Make Acme, its subscription, Alice and Bob, and Initech, which has expired, with Charlie; random passwords."""
    actor = command_line()
    now = timezone.now()
    CreateOrganization(organization_id=ORGANIZATION, name="Acme").run(actor)
    SetSubscription(organization_id=ORGANIZATION, starts_at=now, expires_at=now + SUBSCRIPTION).run(actor)
    alice = SignIn(email=ALICE, password=secrets.token_urlsafe(12))
    bob = SignIn(email=BOB, password=secrets.token_urlsafe(12))
    CreateAdministrator(organization_id=ORGANIZATION, email=alice.email, name="Alice").run(actor)
    CreateOperator(email=bob.email, name="Bob").run(actor)
    CreateOrganization(organization_id=EXPIRED_ORGANIZATION, name="Initech").run(actor)
    SetSubscription(
        organization_id=EXPIRED_ORGANIZATION, starts_at=now - SUBSCRIPTION, expires_at=now - timedelta(days=1)
    ).run(actor)
    charlie = SignIn(email=CHARLIE, password=secrets.token_urlsafe(12))
    CreateAdministrator(organization_id=EXPIRED_ORGANIZATION, email=charlie.email, name="Charlie").run(actor)
    for person in (alice, bob, charlie):
        link = CreateSignInLink(email=person.email).run(actor)
        RedeemSignInLink(secret=link, password=person.password, interface=Interface.COMMAND_LINE).run(now=now)
    return SampleData(administrator=alice, operator=bob, administrator_of_expired=charlie)


def register_server(issuer: str, client_id: str) -> None:
    """Validate and save the demo authorization server, as Alice would in the portal.

    Raises:
        RegistrationFailed: the validation did not succeed.
    """
    alice = _alice()
    location = f"{issuer}/jwks"
    findings, receipt = validate(alice, ORGANIZATION, location, verify_certificate=True)
    if receipt is None:
        sentences = [step.sentence for step in findings.steps if step.fix is not None]
        raise RegistrationFailed(" ".join(sentences) or "The validation did not succeed.")
    fields = ServerFields(
        enabled=True,
        name=SERVER_NAME,
        description="The authorization server of this demo, on this machine.",
        jwks_location=location,
        verify_certificate=True,
        audience=AUDIENCE,
        issuer=issuer,
        client_id=client_id,
    )
    AddServer(organization_id=ORGANIZATION, fields=fields, receipt=receipt).run(alice)


def _alice() -> Actor:
    return Person.objects.get(email=ALICE).actor(interface=Interface.COMMAND_LINE, address=None)
