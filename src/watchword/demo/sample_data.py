"""What the demo's database holds: Acme and Globex, each with an administrator and a validated registration, Initech,
whose subscription has expired, and Bob the operator with an authenticator app. Acme has single sign-on.

Everything goes through the product's own commands, as if people had clicked it. Import only after Django is set up.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import TYPE_CHECKING

from django.utils import timezone

from watchword.control.base.actor import ApiCategory, Interface, command_line
from watchword.control.identity.api_key_commands import CreateApiKey
from watchword.control.identity.api_role_commands import CreateApiRole
from watchword.control.identity.api_rules import ApiLevel
from watchword.control.identity.factor_rules import PROOF_LIFETIME
from watchword.control.identity.factors.authenticator_app import EnrolAuthenticatorApp, seal_setup
from watchword.control.identity.factors.totp import code_at, step_at
from watchword.control.identity.models import Person, Session
from watchword.control.identity.operator_commands import CreateOperator
from watchword.control.identity.people_commands import CreateAdministrator
from watchword.control.identity.role_commands import FULL_ROLE
from watchword.control.identity.sign_in_link_commands import CreateSignInLink, RedeemSignInLink
from watchword.control.identity.single_sign_on.configuration_commands import (
    ConfigureSingleSignOn,
    SetSingleSignOnEnabled,
)
from watchword.control.identity.single_sign_on.domain_commands import AssignEmailDomain
from watchword.control.organizations.commands import CreateOrganization, SetSubscription
from watchword.control.servers.commands import AddServer
from watchword.control.servers.rules import ServerFields
from watchword.control.servers.validate import validate
from watchword.demo.management_steps import API_ROLE
from watchword.demo.openid_provider import GROUP
from watchword.demo.walkthrough import People, SignIn

if TYPE_CHECKING:
    from watchword.demo.issuing import DemoClient

ACME = "acme"
GLOBEX = "globex"
INITECH = "initech"
SERVER_NAME = "DemoServer"
AUDIENCE = "https://api.example"
YEAR = timedelta(days=365)


class RegistrationFailed(Exception):
    """The demo's own authorization server was not accepted; the message holds the failed step's sentence."""


def create_people() -> People:
    """Make Acme, Globex and Initech, whose subscription has expired, an administrator for each, and Bob the operator.

    All passwords are random.
    """
    actor = command_line()
    now = timezone.now()
    for organization, name, expires_at in (
        (ACME, "Acme", now + YEAR),
        (GLOBEX, "Globex", now + YEAR),
        (INITECH, "Initech", now - timedelta(days=1)),
    ):
        CreateOrganization(organization_id=organization, name=name).run(actor)
        SetSubscription(organization_id=organization, starts_at=expires_at - YEAR, expires_at=expires_at).run(actor)
    people = People(
        acme=_sign_in("alice@acme.example"),
        globex=_sign_in("charlie@globex.example"),
        initech=_sign_in("charlie@initech.example"),
        operator=_sign_in("bob@watchword.example"),
    )
    for organization, person, name in (
        (ACME, people.acme, "Alice"),
        (GLOBEX, people.globex, "Charlie"),
        (INITECH, people.initech, "Charlie"),
    ):
        CreateAdministrator(organization_id=organization, email=person.email, name=name).run(actor)
    CreateOperator(email=people.operator.email, name="Bob").run(actor)
    for person in (people.acme, people.globex, people.initech, people.operator):
        link = CreateSignInLink(email=person.email).run(actor)
        RedeemSignInLink(secret=link, password=person.password, interface=Interface.COMMAND_LINE).run(now=now)
    return people


def enrol_operator_app(operator: SignIn, secret: str) -> None:
    """Give the operator the authenticator app whose codes the demo gives out."""
    person = Person.objects.get(email=operator.email)
    # Earlier, because the portal accepts the code of each time step once: the first printed code must be another one.
    earlier = timezone.now() - timedelta(minutes=5)
    EnrolAuthenticatorApp(
        sealed_secret=seal_setup(secret, person), code=code_at(secret, step_at(earlier)), pending=person
    ).run(person.actor(interface=Interface.COMMAND_LINE, address=None), now=earlier)


def set_up_single_sign_on(administrator: SignIn, issuer: str, client: DemoClient) -> None:
    """Assign Acme its e-mail domain, as an operator does, and let its people sign in at `issuer`, as Alice does."""
    AssignEmailDomain(organization_id=ACME, domain=administrator.email.partition("@")[2]).run(command_line())
    actor = Person.objects.get(email=administrator.email).actor(interface=Interface.COMMAND_LINE, address=None)
    configured = ConfigureSingleSignOn(
        organization_id=ACME,
        issuer=issuer,
        client_id=client.id,
        client_secret=client.secret,
        role_claim="groups",
        role_values=((GROUP, FULL_ROLE),),
        default_role="",
        expected_version=0,
    ).run(actor)
    SetSingleSignOnEnabled(organization_id=ACME, enabled=True, expected_version=configured.version).run(actor)


def end_proof(person: SignIn) -> None:
    """Let the proof in the person's sessions be as old as if a quarter of an hour had passed."""
    Session.objects.filter(person__email=person.email).update(proven_at=timezone.now() - PROOF_LIFETIME)


def register_server(organization: str, administrator: SignIn, issuer: str, client_id: str) -> None:
    """Validate and save the demo authorization server, as the organization's administrator would in the portal.

    Raises:
        RegistrationFailed: the validation did not succeed.
    """
    person = Person.objects.get(email=administrator.email)
    actor = person.actor(interface=Interface.COMMAND_LINE, address=None)
    location = f"{issuer}/jwks"
    findings, receipt = validate(actor, organization, location, verify_certificate=True)
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
    AddServer(organization_id=organization, fields=fields, receipt=receipt).run(actor)


def create_api_key(organization: str) -> str:
    """Make an API role with all rights and an API key of it; returns the key."""
    actor = command_line()
    rights = dict.fromkeys(ApiCategory.values, ApiLevel.FULL.value)
    CreateApiRole(organization_id=organization, name=API_ROLE, rights=rights).run(actor)
    return CreateApiKey(organization_id=organization, api_role=API_ROLE, name="demo").run(actor).secret


def _sign_in(email: str) -> SignIn:
    return SignIn(email=email, password=secrets.token_urlsafe(12))
