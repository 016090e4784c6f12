"""What clients of an organization need to call the API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.conf import settings
from django.views.decorators.http import require_safe

from watchword.control.web.calling.client_examples import API_URL, RESOURCE, ClientValues, client_examples
from watchword.control.web.calling.refusal_advice import refusals
from watchword.control.web.servers.page import ServersPage
from watchword.control.web.shell.page_responses import guarded_by, show
from watchword.core.named_organization import scope_of

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from watchword.control.base.actor import Actor

EXAMPLE_ROLE: Final = "reader"


@dataclass(frozen=True)
class CallingPage(ServersPage):
    """The tab "Call the API" beside the list of authorization servers."""

    template: ClassVar[str] = "calling/calling.html"
    content: ClassVar[str] = "calling/calling_content.html"
    route: ClassVar[str] = "servers:calling"
    entry: ClassVar[str] = ServersPage.route

    def context(self) -> dict[str, Any]:
        organization = self.organization_id
        given, locked = settings.WATCHWORD, not self.standing.may_change
        base = given.documentation_url
        api_url = given.api_url_of(organization)
        server = next((row for row in self.servers if row.enabled), None)
        role = None if server is None else server.required_role
        scope = None
        if given.cloud_name is not None and (role is not None or given.api_routing == "token"):
            scope = scope_of(given.cloud_name, organization, role or EXAMPLE_ROLE)
        values = ClientValues(
            api_url=api_url or API_URL.replace("acme", organization),
            scope=scope,
            audience=None if server is None else server.audience,
        )
        replaced = ["scope"] if role is None or scope is None else []
        if values.resource == RESOURCE:
            replaced.append("resource")
        return super().context() | {
            "crumb": "Call the API",
            # Where the banner says why tokens are refused, no line above it says the same.
            "locked": locked,
            "banners": self.banners(tokens_shown=not locked),
            "document_route": self.route,
            "tokens_document": f"{base}/tokens.md" if base else None,
            "api_url": api_url,
            "scope": scope,
            "scope_begin": None if scope is None or role is not None else scope.removesuffix(EXAMPLE_ROLE),
            "replaced": " and ".join(replaced),
            "server": server,
            "tabs": client_examples(values),
            "refusals": refusals(given.api_routing),
        }


@require_safe
@guarded_by(CallingPage)
def calling(request: HttpRequest, actor: Actor, page: CallingPage) -> HttpResponse:  # noqa: ARG001 - the guard's signature.
    """The page."""
    return show(request, page)
