"""What is done to a server from its row: enable, disable, delete, fetch its keys now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import HttpResponseStopPolling

from watchword.control.base.refusals import Refusal, RefusalReason
from watchword.control.servers.commands import DeleteServer, DisableServer, EnableServer, RequestRefresh
from watchword.control.servers.rules import FetchState
from watchword.control.web.activity.presentation import spoken_use
from watchword.control.web.servers.page import check_may_change, guarded, stored_server
from watchword.control.web.shell.notices import Notice
from watchword.control.web.shell.page_responses import done, is_partial, show_dialog
from watchword.control.web.shell.proof_responses import asks_for_proof

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpRequest, HttpResponse

    from watchword.control.activity.usage_queries import InUse
    from watchword.control.base.actor import Actor
    from watchword.control.servers.queries import ServerRow
    from watchword.control.web.servers.page import ServersPage

_CONFIRM: Final = "shell/confirm.html"

_CONFIRMED: Final = "confirmed"
_ACCEPT: Final = "Accept these tokens"


@guarded
@asks_for_proof
def enable(request: HttpRequest, actor: Actor, page: ServersPage, server: UUID) -> HttpResponse:
    """GET asks, because another server may be disabled or tokens of others accepted by it; POST enables."""
    if request.method != "POST":
        return _ask_to_enable(request, actor, page, _row(page, server))
    name = stored_server(page, server).name
    command = EnableServer(
        organization_id=page.organization_id, server_id=server, confirmed=request.POST.get(_CONFIRMED) == "on"
    )
    try:
        outcome = command.run(actor)
    except Refusal as refusal:
        row = _row(page, server)
        if refusal.reason is not RefusalReason.TOKENS_OF_OTHERS or not row.must_confirm:
            raise
        return _ask_to_enable(request, actor, page, row, refusal)
    displaced = "" if outcome.disabled is None else f" {outcome.disabled} is now disabled."
    return done(request, page, Notice(f"{name} is enabled.{displaced}"))


def _ask_to_enable(
    request: HttpRequest, actor: Actor, page: ServersPage, row: ServerRow, refusal: Refusal | None = None
) -> HttpResponse:
    other = page.enabled_besides(row.id)
    sentences = [f"Tokens issued by {row.name} will be verified and accepted."]
    if other is not None:
        sentences.append(
            f"Only one server can be enabled at a time: {other} is disabled at the same time, and API requests with "
            f"tokens issued by {other} are rejected from then on."
        )
    if row.acceptance is not None and refusal is None:
        sentences.append(row.acceptance.sentence)
    acknowledge = {"name": _CONFIRMED, "label": _ACCEPT} if row.must_confirm else None
    return _ask(
        request, actor, page, row, action="enable", sentences=sentences, acknowledge=acknowledge, refusal=refusal
    )


@guarded
@asks_for_proof
def disable(request: HttpRequest, actor: Actor, page: ServersPage, server: UUID) -> HttpResponse:
    """GET asks, POST disables."""
    if request.method == "POST":
        name = stored_server(page, server).name
        DisableServer(organization_id=page.organization_id, server_id=server).run(actor)
        return done(request, page, Notice(f"{name} is disabled."))
    row = _row(page, server)
    sentences = [
        f"API requests with tokens issued by {row.name} will be rejected within seconds, until a server is enabled."
    ]
    return _ask(request, actor, page, row, action="disable", sentences=sentences)


@guarded
@asks_for_proof
def delete(request: HttpRequest, actor: Actor, page: ServersPage, server: UUID) -> HttpResponse:
    """GET asks, POST deletes."""
    if request.method == "POST":
        name = stored_server(page, server).name
        DeleteServer(organization_id=page.organization_id, server_id=server).run(actor)
        return done(request, page, Notice(f"Deleted {name}."))
    row = _row(page, server)
    return _ask(request, actor, page, row, action="delete", sentences=_about_deletion(row, page.use_of(row.id)))


@require_POST
@guarded
def refresh(request: HttpRequest, actor: Actor, page: ServersPage, server: UUID) -> HttpResponse:
    """Have the keys fetched now."""
    name = stored_server(page, server).name
    RequestRefresh(organization_id=page.organization_id, server_id=server).run(actor)
    return done(request, page, Notice(f"The keys of {name} are being fetched now."))


@require_safe
@guarded
def fetch(request: HttpRequest, actor: Actor, page: ServersPage, server: UUID) -> HttpResponse:  # noqa: ARG001 - the guard's.
    """The row as it is now, asked for by the page while a requested fetch is under way; at its end with a notice."""
    try:
        row = _row(page, server)
    except Refusal:
        if is_partial(request):
            # Deleted while its row was asking: there is nothing to say, and nothing more to ask.
            return HttpResponseStopPolling()
        raise
    if not is_partial(request):
        return redirect(page.home)
    told = () if row.fetch == FetchState.UNDER_WAY.value else (_outcome(row),)
    context = page.context() | {"server": row, "in_use": page.use_of(row.id), "notices": told, "out_of_band": True}
    return render(request, "servers/fetched.html", context)


def _outcome(row: ServerRow) -> Notice:
    if row.fetch == FetchState.FRESH.value:
        return Notice(f"The keys of {row.name} were fetched.")
    if row.problem is not None:
        return Notice(f"The keys of {row.name} could not be fetched. {row.problem}", warning=True)
    return Notice(f"The keys of {row.name} have not been fetched yet. Check that the worker is running.", warning=True)


def _ask(
    request: HttpRequest,
    actor: Actor,
    page: ServersPage,
    row: ServerRow,
    *,
    action: str,
    sentences: list[str],
    acknowledge: dict[str, str] | None = None,
    refusal: Refusal | None = None,
) -> HttpResponse:
    check_may_change(actor, page)
    context: dict[str, Any] = {
        "title": f"{action.capitalize()} authorization server {row.name}?",
        "sentences": sentences,
        "confirm_url": reverse(f"servers:{action}", args=[page.organization_id, row.id]),
        # The specification's word for the deletion; elsewhere the verb says more.
        "confirm_label": "OK" if action == "delete" else action.capitalize(),
        "dangerous": action != "enable" or acknowledge is not None,
        "acknowledge": acknowledge,
    }
    if refusal is None:
        return show_dialog(request, page, _CONFIRM, context)
    return show_dialog(
        request, page, _CONFIRM, context | {"refusal": refusal.sentence, "again": True}, status=refusal.status
    )


def _about_deletion(row: ServerRow, in_use: InUse | None) -> list[str]:
    consequence = (
        "It is enabled. Client applications using it will lose access immediately."
        if row.enabled
        else "It is disabled, so no API request depends on it now."
    )
    used = "No requests used its tokens in the last 24 hours." if in_use is None else spoken_use(in_use)
    keys = {0: "", 1: "signing key and "}.get(len(row.keys), f"{len(row.keys)} signing keys and ")
    return [consequence, used, f"Its {keys}key history will also be deleted."]


def _row(page: ServersPage, server: UUID) -> ServerRow:
    for row in page.servers:
        if row.id == server:
            return row
    raise Refusal(RefusalReason.NOT_FOUND)
