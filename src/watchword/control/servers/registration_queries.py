"""Reading registrations as they are stored, for the management API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchword.control.base.refusals import Refusal, RefusalReason
from watchword.control.servers.models import AuthorizationServer

if TYPE_CHECKING:
    from uuid import UUID

    from django.db.models import QuerySet


def registrations(organization_id: str) -> QuerySet[AuthorizationServer]:
    """Return the organization's servers with their key sets, the oldest first."""
    servers = AuthorizationServer.objects.filter(organization_id=organization_id)
    return servers.select_related("key_set").order_by("created_at", "slot")


def registration(organization_id: str, server_id: UUID) -> AuthorizationServer:
    """Return one server.

    Raises:
        Refusal: not_found, also for another organization's server.
    """
    server = registrations(organization_id).filter(pk=server_id).first()
    if server is None:
        raise Refusal(RefusalReason.NOT_FOUND)
    return server
