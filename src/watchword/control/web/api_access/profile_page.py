"""What an organization's people need to configure clients and their authorization server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from django.conf import settings
from django.views.decorators.http import require_safe

from watchword.control.base.actor import Privilege
from watchword.control.identity.api_queries import list_api_roles
from watchword.control.web.api_access.scope_recipes import RECIPES
from watchword.control.web.shell.page import OrganizationPage
from watchword.control.web.shell.page_responses import guarded_by, show
from watchword.core.named_organization import scope_of

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from watchword.control.base.actor import Actor, Required


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
