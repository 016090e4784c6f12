"""What the answers of Administrators and Role Management share: a change may take the page from whoever made it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from django.shortcuts import redirect
from django.urls import reverse
from django_htmx.http import HttpResponseClientRedirect

from watchword.control.access.actor import Interface
from watchword.control.access.address import client_address
from watchword.control.access.backend import PasswordBackend
from watchword.control.portal import notices
from watchword.control.portal.screens import done, is_partial
from watchword.control.refusals import Refusal

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from watchword.control.access.actor import Actor
    from watchword.control.portal.notices import Notice
    from watchword.control.portal.screens import Screen


class Opening(Protocol):
    def __call__(self, actor: Actor, organization: str) -> Screen: ...


def saved(request: HttpRequest, opening: Opening, organization_id: str, notice: Notice) -> HttpResponse:
    """The page as it is after a change, or the start page where the change has closed it to whoever made it."""
    # The rights as they are now: a request keeps the person as the session found it.
    person = None if request.user.pk is None else PasswordBackend().get_user(request.user.pk)
    if person is not None:
        request.user = person
        try:
            actor = person.actor(interface=Interface.PORTAL, address=client_address(request))
            return done(request, opening(actor, organization_id), notice)
        except Refusal:
            notices.leave(request, notice)
    start = reverse("access:start")
    return HttpResponseClientRedirect(start) if is_partial(request) else redirect(start)
