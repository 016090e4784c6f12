"""The Audit Logs pages and their export."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.core.handlers.asgi import ASGIRequest
from django.http import StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST, require_safe

from watchword.control.audit.chain import head
from watchword.control.audit.commands import RecordExport
from watchword.control.audit.export import FORMS, pieces, pieces_asynchronously
from watchword.control.audit.queries import log_of, matching
from watchword.control.web.audit.page import Log, OrganizationLog, ProviderLog
from watchword.control.web.shell.page_responses import guarded_by, is_partial, show

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse, HttpResponseBase

    from watchword.control.base.actor import Actor


def _listing(request: HttpRequest, _actor: Actor, log: Log) -> HttpResponse:
    log = log.read(request.GET)
    if not is_partial(request):
        return show(request, log)
    # The form asks for the list alone, so that it keeps its focus; what takes a filter away asks for the form too.
    part = "audit/log.html" if request.htmx.target == "log" else log.content  # type: ignore[attr-defined]
    return render(request, part, log.context())


def _export(request: HttpRequest, actor: Actor, log: Log) -> HttpResponseBase:
    """Send what the filters let through, all pages of it, after writing down that it was taken."""
    log = log.read(request.GET)
    form = FORMS.get(request.POST.get("form", ""))
    if form is None or log.filters.faults:
        return render(request, log.template, log.context(), status=422)
    events = matching(log_of(log.whose), log.filters)
    newest = head()
    upto = 0 if newest is None else newest.sequence
    RecordExport(
        organization_id=log.whose,
        form=form.label,
        filtered_by=str(log.filters),
        events=events.filter(sequence__lte=upto).count(),
    ).run(actor, now=log.frame.now)
    text = pieces_asynchronously if isinstance(request, ASGIRequest) else pieces
    response = StreamingHttpResponse(text(events, form, upto), content_type=form.content_type)
    whose = "" if log.whose is None else f"-{log.whose}"
    name = f"audit-log{whose}-{log.frame.now:%Y-%m-%d}.{form.suffix}"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    # The file holds text that clients chose: no browser may show it as one of our pages.
    response["X-Content-Type-Options"] = "nosniff"
    return response


_organization: Final = guarded_by(OrganizationLog)
_provider: Final = guarded_by(ProviderLog)

listing = require_safe(_organization(_listing))
# A stream is no HttpResponse to type checkers; `guarded_by` passes on what a view returns.
export = require_POST(_organization(_export))  # type: ignore[arg-type]
provider_listing = require_safe(_provider(_listing))
provider_export = require_POST(_provider(_export))  # type: ignore[arg-type]
