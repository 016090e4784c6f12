"""The buttons that fill the Add and Edit dialogs in from an authorization server's metadata, and take it back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.views.decorators.http import require_POST

from watchword.control.base.refusals import Refusal
from watchword.control.servers.validate import find_metadata
from watchword.control.web.servers import dialog as registration_dialog
from watchword.control.web.servers import forms
from watchword.control.web.servers.page import check_may_change, guarded, stored_server
from watchword.control.web.shell.page_responses import show_dialog

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpRequest, HttpResponse

    from watchword.control.base.actor import Actor
    from watchword.control.servers.queries import ServerDetail
    from watchword.control.web.servers.forms import RegistrationForm
    from watchword.control.web.servers.page import ServersPage


@require_POST
@guarded
def find(request: HttpRequest, actor: Actor, page: ServersPage, server: UUID | None = None) -> HttpResponse:
    """The button "Find from issuer". Everything else that was typed stays."""
    detail = None if server is None else stored_server(page, server)
    check_may_change(actor, page)
    form = forms.received(request.POST)
    fields = form.typed()
    try:
        metadata = find_metadata(
            actor,
            page.organization_id,
            fields.issuer,
            verify_certificate=fields.verify_certificate,
            ca_bundle=fields.authority,
        )
    except Refusal as refusal:
        context = registration_dialog.again(page, form, detail)
        form.refuse(refusal.field_errors or {"issuer": refusal.sentence})
        return show_dialog(request, page, registration_dialog.TEMPLATE, context, status=refusal.status)
    values = {"jwks_location": metadata.jwks_location, "issuer": metadata.issuer}
    return _to_validate(request, page, forms.filled(request.POST, values), detail)


@require_POST
@guarded
def fill(request: HttpRequest, actor: Actor, page: ServersPage, server: UUID | None = None) -> HttpResponse:
    """Put what Validate has found and shown into the fields, or what stood there before back. Nothing is saved."""
    detail = None if server is None else stored_server(page, server)
    check_may_change(actor, page)
    offered = {name: request.POST.get(f"offered_{name}", "") for name in forms.FILLED}
    match request.POST.get("fill"):
        case "metadata" if all(offered.values()):
            form = forms.filled(request.POST, offered)
        case "before":
            form = forms.restored(request.POST)
        case _:
            form = forms.received(request.POST)
    return _to_validate(request, page, form, detail)


def _to_validate(
    request: HttpRequest, page: ServersPage, form: RegistrationForm, detail: ServerDetail | None
) -> HttpResponse:
    """The dialog with Validate as the next thing to do."""
    restored = request.POST.get("fill") == "before"
    context = registration_dialog.again(page, form, detail) | {"to_validate": True, "restored": restored}
    return show_dialog(request, page, registration_dialog.TEMPLATE, context)
