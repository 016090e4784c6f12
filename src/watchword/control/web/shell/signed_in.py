"""Who sent a request: the address, the session, the person and the actor."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

from django.conf import settings

from watchword.control.base.actor import Interface
from watchword.control.identity.backend import PasswordBackend
from watchword.control.identity.client_address import nearest_untrusted

if TYPE_CHECKING:
    from django.http import HttpRequest

    from watchword.control.base.actor import Actor
    from watchword.control.identity.models import Person
    from watchword.control.identity.session_store import SessionStore


def actor_of(request: HttpRequest) -> Actor:
    """The signed-in person of a portal request. The view must be guarded: without one it raises."""
    person = request.user
    if not person.is_authenticated:
        raise RuntimeError("a view that acts must be guarded")
    actor = person.actor(interface=Interface.PORTAL, address=client_address(request))
    return replace(actor, session=request.session.public_id)  # type: ignore[attr-defined]  # A store of ours.


def reread_person(request: HttpRequest) -> Person | None:
    """Give the request its person as the database has it now; a request keeps the one that the session found.

    A person who was deactivated meanwhile is None, and the request stays as it is.
    """
    person = None if request.user.pk is None else PasswordBackend().get_user(request.user.pk)
    if person is not None:
        request.user = person
    return person


def session_in(request: HttpRequest) -> SessionStore:
    """The request's session, which the settings make one of ours."""
    return cast("SessionStore", request.session)


def client_address(request: HttpRequest) -> str | None:
    """The address of the browser, None where there is none.

    X-Forwarded-For is believed from the proxies that the operator listed only: anyone can write
    anything into it (G-06).
    """
    return nearest_untrusted(
        request.META.get("REMOTE_ADDR", ""),
        request.headers.get("X-Forwarded-For", ""),
        settings.WATCHWORD.trusted_proxies,
    )
