"""What the answers of Administrators and Role Management share: a change may take the page from whoever made it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from django.shortcuts import redirect
from django.urls import reverse
from django_htmx.http import HttpResponseClientRedirect

from watchword.control.base.refusals import Refusal
from watchword.control.web.shell import notices
from watchword.control.web.shell.page_responses import done, is_partial
from watchword.control.web.shell.signed_in import actor_of, reread_person

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from watchword.control.base.actor import Actor
    from watchword.control.web.shell.notices import Notice
    from watchword.control.web.shell.page_responses import Screen


class Opening(Protocol):
    def __call__(self, actor: Actor, organization: str) -> Screen: ...


def saved(request: HttpRequest, opening: Opening, organization_id: str, notice: Notice) -> HttpResponse:
    """The page as it is after a change, or the start page where the change has closed it to whoever made it."""
    if reread_person(request) is not None:
        try:
            return done(request, opening(actor_of(request), organization_id), notice)
        except Refusal:
            notices.leave(request, notice)
    start = reverse("access:start")
    return HttpResponseClientRedirect(start) if is_partial(request) else redirect(start)
