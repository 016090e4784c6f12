"""The page's requests translated into commands, and their results into answers. Nothing is decided or written here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.shortcuts import render
from django.views.decorators.http import require_POST, require_safe

from watchword.control.base.refusals import Refusal, RefusalReason
from watchword.control.servers.ca_bundle import with_another
from watchword.control.servers.commands import AddServer, EditServer
from watchword.control.servers.validate import validate
from watchword.control.web.servers import dialog as registration_dialog
from watchword.control.web.servers import forms
from watchword.control.web.servers.page import check_may_change, guarded, stored_server
from watchword.control.web.servers.presentation import shown
from watchword.control.web.shell import unsent
from watchword.control.web.shell.notices import Notice
from watchword.control.web.shell.page_responses import done, is_partial, show, show_dialog
from watchword.control.web.shell.proof_responses import asks_for_proof
from watchword.outbound.ca_bundle import CaBundleRefused

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpRequest, HttpResponse

    from watchword.control.base.actor import Actor
    from watchword.control.servers.commands import Saved
    from watchword.control.servers.queries import ServerDetail
    from watchword.control.web.servers.forms import RegistrationForm
    from watchword.control.web.servers.page import ServersPage


@require_safe
@guarded
def listing(request: HttpRequest, actor: Actor, page: ServersPage) -> HttpResponse:  # noqa: ARG001 - the guard's signature.
    """The list of authorization servers."""
    return show(request, page)


@guarded
@asks_for_proof
def add(request: HttpRequest, actor: Actor, page: ServersPage) -> HttpResponse:
    """GET opens the dialog, POST saves."""
    if request.method != "POST":
        check_may_change(actor, page)
        if page.is_full:
            raise Refusal(RefusalReason.SLOTS_USED_UP)
        form = forms.blank(enabled=page.enabled_besides(None) is None)
        return show_dialog(request, page, registration_dialog.TEMPLATE, registration_dialog.context(page, form, None))
    form = forms.received(request.POST)
    command = AddServer(organization_id=page.organization_id, fields=form.typed(), receipt=form.receipt_text)
    try:
        outcome = command.run(actor)
    except Refusal as refusal:
        return _refused(request, page, form, None, refusal)
    return done(request, page, Notice(_sentence(f"Added {command.fields.name}.", outcome)))


@guarded
@asks_for_proof
def edit(request: HttpRequest, actor: Actor, page: ServersPage, server: UUID) -> HttpResponse:
    """GET opens the dialog with what is stored, POST saves."""
    detail = stored_server(page, server)
    if request.method != "POST":
        check_may_change(actor, page)
        # Text that comes back after a sign-in may name another location, so it has to be validated first.
        may_save = unsent.waiting(request) is None
        context = registration_dialog.context(page, forms.of(detail), detail) | {"may_save": may_save}
        return show_dialog(request, page, registration_dialog.TEMPLATE, context)
    form = forms.received(request.POST)
    command = EditServer(
        organization_id=page.organization_id,
        server_id=server,
        expected_version=form.expected_version,
        fields=form.typed(),
        receipt=form.receipt_text,
    )
    try:
        outcome = command.run(actor)
    except Refusal as refusal:
        return _refused(request, page, form, detail, refusal)
    return done(request, page, Notice(_sentence(f"Saved {command.fields.name}.", outcome)))


@require_POST
@guarded
def validate_location(
    request: HttpRequest, actor: Actor, page: ServersPage, server: UUID | None = None
) -> HttpResponse:
    """The Validate button of both dialogs. Everything typed comes with it and goes back."""
    detail = None if server is None else stored_server(page, server)
    form = forms.received(request.POST)
    fields = form.typed()
    result: dict[str, Any] = {}
    status = 200
    try:
        findings, receipt = validate(
            actor,
            page.organization_id,
            fields.jwks_location,
            verify_certificate=fields.verify_certificate,
            ca_bundle=fields.authority,
        )
    except Refusal as refusal:
        form.refuse(refusal.field_errors)
        result["validation_refusal"] = refusal.field_errors.get("authority", refusal.sentence)
        receipt, status = None, refusal.status
    else:
        result["findings"] = shown(findings, fields.jwks_location)
    kept = detail is not None and registration_dialog.keeps_source(fields, detail)
    result |= {"receipt": receipt, "may_save": receipt is not None or kept}
    context = registration_dialog.context(page, form, detail) | result
    if is_partial(request):
        return render(request, "servers/dialogs/validated.html", page.context() | context, status=status)
    return show_dialog(request, page, registration_dialog.TEMPLATE, context, status=status)


@require_POST
@guarded
def trust(request: HttpRequest, actor: Actor, page: ServersPage, server: UUID | None = None) -> HttpResponse:
    """The button below a presented chain: puts the root into the field, for all to see, and saves nothing."""
    detail = None if server is None else stored_server(page, server)
    check_may_change(actor, page)
    form = forms.received(request.POST)
    try:
        authority = with_another(form.typed().authority, request.POST.get("trust", ""))
    except CaBundleRefused as refused:
        refusal = Refusal(RefusalReason.FIELDS_INVALID, field_errors={"authority": refused.sentence})
        return _refused(request, page, form, detail, refusal)
    form = forms.received(request.POST, authority=authority)
    kept = detail is not None and registration_dialog.keeps_source(form.typed(), detail)
    context = registration_dialog.context(page, form, detail) | {"again": True, "trusted": True, "may_save": kept}
    return show_dialog(request, page, registration_dialog.TEMPLATE, context)


def _refused(
    request: HttpRequest, page: ServersPage, form: RegistrationForm, detail: ServerDetail | None, refusal: Refusal
) -> HttpResponse:
    """The dialog again with everything typed, and each sentence where it belongs."""
    fields = form.typed()
    context = registration_dialog.again(page, form, detail) | {"refusal": refusal.sentence}
    form.refuse(refusal.field_errors)
    if detail is not None and refusal.reason is RefusalReason.VERSION_STALE:
        # Shown what it would overwrite, a second Save is a decision; so it goes by the version just shown.
        context |= {"version": detail.version, "differences": registration_dialog.differences(fields, detail)}
    return show_dialog(request, page, registration_dialog.TEMPLATE, context, status=refusal.status)


def _sentence(done_so_far: str, saved: Saved) -> str:
    return done_so_far if saved.disabled is None else f"{done_so_far} {saved.disabled} is now disabled."
