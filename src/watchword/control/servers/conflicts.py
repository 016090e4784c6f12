"""Finding servers, and the refusals of conflicting changes by two people."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from django.db import IntegrityError

from watchword.control.base.refusals import Refusal, RefusalReason, changed_meanwhile, name_taken
from watchword.control.servers.models import AuthorizationServer
from watchword.control.servers.rules import SLOTS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from django.db.models import QuerySet


@contextmanager
def explained_conflicts(
    organization_id: str, *, name: str | None = None, server_id: UUID | None = None
) -> Iterator[None]:
    """Turn a violated constraint of the database into a refusal that an administrator understands.

    The organization's lock makes such a conflict nearly impossible. The refusal follows from the present rows and not
    from the error's text, which differs between databases.
    """
    try:
        yield
    except IntegrityError as error:
        refusal = _conflict(organization_id, name, server_id)
        if refusal is None:
            raise
        raise refusal from error


def _conflict(organization_id: str, name: str | None, server_id: UUID | None) -> Refusal | None:
    others = other_servers(organization_id, server_id)
    if name is not None and others.filter(name__iexact=name).exists():
        return name_taken(name)
    if others.count() >= len(SLOTS):
        return Refusal(RefusalReason.SLOTS_USED_UP)
    enabled = others.filter(enabled=True).first()
    return None if enabled is None else stale(enabled)


def stale(server: AuthorizationServer) -> Refusal:
    return changed_meanwhile(server.updated_by, server.updated_at)


def refuse_taken_name(organization_id: str, name: str, *, server_id: UUID | None = None) -> None:
    if other_servers(organization_id, server_id).filter(name__iexact=name).exists():
        raise name_taken(name)


def other_servers(organization_id: str, server_id: UUID | None) -> QuerySet[AuthorizationServer]:
    """Return the organization's servers except this one; all of them for None."""
    servers = AuthorizationServer.objects.filter(organization_id=organization_id)
    return servers if server_id is None else servers.exclude(pk=server_id)


def find_server(organization_id: str, server_id: UUID, expected_version: int | None = None) -> AuthorizationServer:
    # By organization and id: servers of another organization are not found.
    server = AuthorizationServer.objects.filter(organization_id=organization_id, pk=server_id).first()
    if server is None:
        raise Refusal(RefusalReason.NOT_FOUND)
    if expected_version is not None and server.version != expected_version:
        raise stale(server)
    return server


def free_slot(organization_id: str) -> int:
    used = set(
        AuthorizationServer.objects.filter(organization_id=organization_id).values_list("slot", flat=True)
    )  # fmt: skip
    free = [slot for slot in SLOTS if slot not in used]
    if not free:
        raise Refusal(RefusalReason.SLOTS_USED_UP)
    return free[0]


def registrations(organization_id: str) -> QuerySet[AuthorizationServer]:
    """Return the organization's servers with their key sets as they are stored, the oldest first."""
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
