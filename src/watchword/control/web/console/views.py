"""The list of organizations, and taking in a new one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.urls import reverse
from django.views.decorators.http import require_safe

from watchword.control.base.refusals import Refusal
from watchword.control.identity.onboarding_commands import (
    CreateOrganizationWithAdministrator,
    FirstAdministrator,
    InitialSubscription,
)
from watchword.control.web.console.forms import CreateForm, required
from watchword.control.web.console.pages import OrganizationPage, OrganizationsPage
from watchword.control.web.people.person_dialogs import link_address
from watchword.control.web.shell.notices import Notice
from watchword.control.web.shell.page_responses import done, done_with, guarded_by, show, show_dialog
from watchword.control.web.shell.proof_responses import asks_for_proof

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from watchword.control.base.actor import Actor

_CREATE: Final = "console/dialogs/create.html"
_guarded: Final = guarded_by(OrganizationsPage)


@require_safe
@_guarded
def organizations(request: HttpRequest, actor: Actor, page: OrganizationsPage) -> HttpResponse:  # noqa: ARG001 - the guard's signature.
    """The organizations that fit what the address asks for."""
    return show(request, page.searched(request.GET.dict()))


@_guarded
@asks_for_proof
def create(request: HttpRequest, actor: Actor, page: OrganizationsPage) -> HttpResponse:
    """GET opens the dialog, POST creates and shows the first administrator's link, once."""
    if request.method != "POST":
        return show_dialog(request, page, _CREATE, _dialog(CreateForm()))
    form = CreateForm.received(request.POST)
    try:
        made = _command(form).run(actor)
    except Refusal as refusal:
        form.refuse(refusal.field_errors or {"organization_id": refusal.sentence})
        context = _dialog(form) | {"refusal": refusal.sentence, "again": True}
        return show_dialog(request, page, _CREATE, context, status=refusal.status)
    notice = Notice(f"Created {made.organization.name}.")
    if made.link_secret is None:
        return done(request, page, notice)
    context = {
        "title": f"Created {made.organization.name}",
        "what": f"One-time link for {form.text('administrator_email')}",
        # Stored nowhere else: anyone who has it can become that administrator.
        "secret": link_address(made.link_secret),
        "label": "the one-time link",
        "expires_at": made.link_expires_at,
        "next_steps": (
            "Send it through a channel you trust: the first person to open it chooses the password.",
            "It works once and cannot be shown again. Creating a new link makes this one stop working.",
        ),
        "onward_url": reverse(OrganizationPage.route, args=[made.organization.pk]),
        "onward_label": f"Open {made.organization.name}",
    }
    return done_with(request, page.reopened(actor), "shell/secret.html", context)


def _dialog(form: CreateForm) -> dict[str, Any]:
    return {"form": form, "save_url": reverse("console:create-organization")}


def _command(form: CreateForm) -> CreateOrganizationWithAdministrator:
    """What the dialog asks for.

    Raises:
        Refusal: fields_invalid, for what cannot be read.
    """
    faults: dict[str, str] = {}
    starts_at, expires_at = form.moment("starts_at", faults), form.moment("expires_at", faults)
    threshold = form.number("api_call_threshold", faults)
    begun = form.text("starts_at") or form.text("api_call_threshold")
    if begun and expires_at is None:
        faults.setdefault("expires_at", "Enter when the API subscription ends, or leave all three fields blank.")
    if form.text("administrator_name") and not form.text("administrator_email"):
        faults["administrator_email"] = "Enter the administrator's e-mail address, or leave the name blank as well."
    required(faults)
    return CreateOrganizationWithAdministrator(
        organization_id=form.text("organization_id"),
        name=form.text("name"),
        subscription=None if expires_at is None else InitialSubscription(
            starts_at=starts_at, expires_at=expires_at, api_call_threshold=threshold
        ),
        administrator=_first(form),
    )  # fmt: skip


def _first(form: CreateForm) -> FirstAdministrator | None:
    email = form.text("administrator_email")
    return FirstAdministrator(email=email, name=form.text("administrator_name")) if email else None
