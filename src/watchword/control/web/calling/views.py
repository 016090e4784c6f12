"""The page that tells an organization's developers how to call the API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.views.decorators.http import require_safe

from watchword.control.web.calling.page import CallingPage
from watchword.control.web.shell.page_responses import guarded_by, show

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from watchword.control.base.actor import Actor


@require_safe
@guarded_by(CallingPage)
def calling(request: HttpRequest, actor: Actor, page: CallingPage) -> HttpResponse:  # noqa: ARG001 - the guard's signature.
    """The page."""
    return show(request, page)
