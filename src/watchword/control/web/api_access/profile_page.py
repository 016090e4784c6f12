"""What an organization's people need to configure clients and their authorization server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.conf import settings
from django.views.decorators.http import require_safe

from watchword.control.base.actor import Privilege
from watchword.control.identity.api_queries import list_api_roles
from watchword.control.web.shell.page import OrganizationPage
from watchword.control.web.shell.page_responses import guarded_by, show
from watchword.core.named_organization import scope_of

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from watchword.control.base.actor import Actor, Required


@dataclass(frozen=True, slots=True)
class Recipe:
    """Where a product writes the scope that names an API role.

    Attributes: `claim` is where the scope then stands in tokens; `sentence` says where to enter it.
    """

    product: str
    claim: str
    sentence: str


RECIPES: Final = (
    Recipe("Okta", "scp", "On the custom authorization server, add a scope of this name; the client requests it."),
    Recipe(
        "Entra ID",
        "roles",
        "On the API's app registration, create an app role for applications with this value; "
        "give the client this permission with admin consent.",
    ),
    Recipe(
        "PingFederate",
        "scp",
        "Add a scope of this name and allow the client to request it. In the access token manager, set Scope Claim "
        "Name to scp or scope.",
    ),
    Recipe(
        "Keycloak",
        "scope",
        "Create a client scope of this name with Include in token scope on; add it to the client as a default scope.",
    ),
    Recipe(
        "Auth0",
        "scope",
        "On the API, add a permission of this name; authorize the machine-to-machine application for it.",
    ),
    Recipe(
        "Cognito",
        "scope",
        "Its own scopes contain a slash, so a pre token generation trigger must add this one to the access token.",
    ),
)


@dataclass(frozen=True)
class CompanyProfilePage(OrganizationPage):
    """The organization's names and addresses, for all of its people."""

    template: ClassVar[str] = "api_access/profile/page.html"
    content: ClassVar[str] = "api_access/profile/content.html"
    route: ClassVar[str] = "api_access:company-profile"
    permission: ClassVar[Required] = Privilege.SELF

    def context(self) -> dict[str, Any]:
        given, organization = settings.WATCHWORD, self.organization_id
        cloud_name = given.cloud_name
        roles = [role.name for role in list_api_roles(organization, self.frame.now)]
        scopes = [] if cloud_name is None else [(role, scope_of(cloud_name, organization, role)) for role in roles]
        return super().context() | {
            "cloud_name": cloud_name,
            "api_url": given.api_url_of(organization),
            "management_api_url": given.management_api_url,
            "reference_url": f"{given.public_origin}/api/docs",
            "verifier_urls": [f"http://{each}/verify/plain/{organization}" for each in given.gateway_verifiers],
            "has_roles": bool(roles),
            "scopes": scopes,
            "recipes": RECIPES,
        }


@require_safe
@guarded_by(CompanyProfilePage)
def company_profile(request: HttpRequest, actor: Actor, page: CompanyProfilePage) -> HttpResponse:  # noqa: ARG001 - the guard's signature.
    """The page."""
    return show(request, page)
