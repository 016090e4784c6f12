"""The page that tells an organization's developers how to call the API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.views.decorators.http import require_safe

from watchword.control.portal.screens import screened, show
from watchword.control.servers.calling_page import CALLING, CallingPage

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from watchword.control.access.actor import Actor


@require_safe
@screened(CallingPage.of, route=CALLING)
def calling(request: HttpRequest, actor: Actor, page: CallingPage) -> HttpResponse:  # noqa: ARG001 - the guard's signature.
    """The page."""
    return show(request, page)
