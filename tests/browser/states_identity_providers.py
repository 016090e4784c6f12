"""The dialog of single sign-on, filled in for the identity providers that docs/single-sign-on.md shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.urls import reverse

from browser.studio import State
from kit import sample_portal
from watchword.control.base.actor import Permission, command_line
from watchword.control.identity.role_commands import CreateRole
from watchword.control.identity.single_sign_on.domain_commands import AssignEmailDomain

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from watchword.control.identity.models import Person

_ROLE: Final = "Portal administrator"


@dataclass(frozen=True)
class _Provider:
    """What an administrator copies from the provider; none of it is real."""

    name: str
    issuer: str
    client_id: str
    claim: str
    value: str

    def fill_in(self, page: Page) -> None:
        page.get_by_role("button", name="Set Up Single Sign-On").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Issuer", exact=True).fill(self.issuer)
        dialog.get_by_label("Client ID").fill(self.client_id)
        dialog.get_by_label("Client secret").fill("from the provider's page")
        dialog.get_by_label("Role claim").fill(self.claim)
        dialog.get_by_label("Value 1,").fill(self.value)
        dialog.get_by_label("Role for value 1").select_option(_ROLE)


PROVIDERS: Final = (
    _Provider(
        name="Okta",
        issuer="https://acme.okta.com",
        client_id="0oa1ab2cd3EF4gh5i697",
        claim="groups",
        value="portal-admins",
    ),
    _Provider(
        name="Entra ID",
        issuer="https://login.microsoftonline.com/6f0d1d3e-8c51-4a53-9d0e-2d5a1f7c9b42/v2.0",
        client_id="b1a7f3c2-4d5e-4f60-8a9b-0c1d2e3f4a5b",
        claim="roles",
        value="portal-admin",
    ),
    _Provider(
        name="Keycloak",
        issuer="https://login.acme.example/realms/acme",
        client_id="watchword",
        claim="groups",
        value="portal-admins",
    ),
)


def _acme() -> Person:
    sample_portal.acme()
    alice = sample_portal.person("Alice", *Permission)
    CreateRole(organization_id=sample_portal.ACME, name=_ROLE, permissions=frozenset(Permission)).run(command_line())
    AssignEmailDomain(organization_id=sample_portal.ACME, domain="acme.example").run(command_line())
    return alice


def _settings() -> str:
    return reverse("sign_in_settings:settings", args=[sample_portal.ACME])


STATES: Final = tuple(
    State(
        f"single-sign-on-{provider.name.lower().replace(' ', '-')}",
        _acme,
        provider.fill_in,
        path=_settings,
        settings={"public_origin": "https://portal.provider.example"},
        sentence=f"Single sign-on through {provider.name}: what is entered in the portal.",
    )
    for provider in PROVIDERS
)
