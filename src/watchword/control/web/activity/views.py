"""The Activity page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.views.decorators.http import require_safe

from watchword.control.web.activity.page import ActivityPage
from watchword.control.web.shell.page_responses import guarded_by, show

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from watchword.control.base.actor import Actor

_guarded: Final = guarded_by(ActivityPage)


@require_safe
@_guarded
def listing(request: HttpRequest, _actor: Actor, page: ActivityPage) -> HttpResponse:
    """What was called today and in the last days, and why tokens were refused."""
    return show(request, page)
