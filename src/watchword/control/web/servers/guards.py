"""What all requests of the Authorization Servers page share: who may open it, and the checks before a dialog opens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from watchword.control.base.actor import Permission
from watchword.control.base.refusals import Refusal, RefusalReason
from watchword.control.base.unit_of_work import check_permission
from watchword.control.organizations.queries import check_entitlement
from watchword.control.servers import queries
from watchword.control.web.servers.page import ServersPage
from watchword.control.web.shell.page_responses import guarded_by

if TYPE_CHECKING:
    from uuid import UUID

    from watchword.control.base.actor import Actor
    from watchword.control.servers.queries import ServerDetail

guarded: Final = guarded_by(ServersPage)
"""Let in who is signed in and may look at the page; call `view(request, actor, page, …)`."""


def check_may_change(actor: Actor, page: ServersPage) -> None:
    """Refuse to open a dialog whose command would be refused anyway.

    Raises:
        Refusal: permission_missing, subscription_inactive, organization_suspended.
    """
    check_permission(actor, page.organization_id, Permission.API_KEY_MANAGEMENT)
    check_entitlement(page.organization_id, page.frame.now)


def stored_server(page: ServersPage, server: UUID) -> ServerDetail:
    """The server that an address names.

    Raises:
        Refusal: not_found.
    """
    detail = queries.server_of(page.organization_id, server)
    if detail is None:
        raise Refusal(RefusalReason.NOT_FOUND)
    return detail
