"""What all requests of the Authorization Servers page share: who is let in, and what is asked before a window opens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from watchword.control.base.actor import Permission
from watchword.control.base.refusals import Refusal, RefusalReason
from watchword.control.base.unit_of_work import check_permission
from watchword.control.organizations.queries import check_entitlement
from watchword.control.servers import queries
from watchword.control.web.servers.page import ROUTE, Page
from watchword.control.web.shell.page_responses import done, screened

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpRequest, HttpResponse

    from watchword.control.base.actor import Actor
    from watchword.control.servers.queries import ServerDetail
    from watchword.control.web.shell.notices import Notice

guarded: Final = screened(Page.of, route=ROUTE)
"""Let in who is signed in and may look at the page; call `view(request, actor, page, …)`."""


def check_may_change(actor: Actor, page: Page) -> None:
    """Refuse to open a window whose command would be refused anyway.

    Raises:
        Refusal: permission_missing, subscription_inactive, organization_suspended.
    """
    check_permission(actor, page.organization_id, Permission.API_KEY_MANAGEMENT)
    check_entitlement(page.organization_id, page.frame.now)


def stored_server(page: Page, server: UUID) -> ServerDetail:
    """The server that an address names.

    Raises:
        Refusal: not_found.
    """
    detail = queries.server_of(page.organization_id, server)
    if detail is None:
        raise Refusal(RefusalReason.NOT_FOUND)
    return detail


def saved(request: HttpRequest, actor: Actor, page: Page, notice: Notice) -> HttpResponse:
    """The page as it is after a change, with a notice about it."""
    return done(request, Page.of(actor, page.organization_id), notice)
