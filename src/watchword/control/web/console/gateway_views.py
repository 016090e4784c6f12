"""The texts for gateways, to read, copy and download."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from watchword.control.base.refusals import Refusal, RefusalReason
from watchword.control.web.console.gateways_page import GatewaysPage, file_of
from watchword.control.web.shell.page_responses import guarded_by, show

if TYPE_CHECKING:
    from django.http import HttpRequest

    from watchword.control.base.actor import Actor

_guarded: Final = guarded_by(GatewaysPage)


@require_safe
@_guarded
def gateways(request: HttpRequest, actor: Actor, page: GatewaysPage) -> HttpResponse:  # noqa: ARG001 - the guard's signature.
    """All gateways, in tabs."""
    return show(request, page)


@require_safe
@_guarded
def gateway_file(
    request: HttpRequest,  # noqa: ARG001 - the guard's signature.
    actor: Actor,  # noqa: ARG001
    page: GatewaysPage,  # noqa: ARG001
    gateway: str,
    number: int,
) -> HttpResponse:
    """One text, as a file."""
    found = file_of(gateway, number)
    if found is None:
        raise Refusal(RefusalReason.NOT_FOUND)
    name, text = found
    response = HttpResponse(text, content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
