"""One organization: the page, and its suspension."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from watchword.control.base.refusals import Refusal, RefusalReason
from watchword.control.organizations.commands import Reinstate, Suspend
from watchword.control.organizations.models import SuspensionReason
from watchword.control.organizations.queries import terms_of
from watchword.control.organizations.rules import SuspensionNotice, entitlement, suspension_sentence
from watchword.control.web.console.forms import ReinstateForm, SuspendForm
from watchword.control.web.console.pages import OrganizationPage
from watchword.control.web.shell.notices import Notice
from watchword.control.web.shell.page_responses import done, guarded_by, show, show_dialog
from watchword.control.web.shell.proof_responses import asks_for_proof

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from watchword.control.base.actor import Actor
    from watchword.control.web.shell.form_fields import Typed

_SUSPEND: Final = "console/dialogs/suspend.html"
_REINSTATE: Final = "console/dialogs/reinstate.html"

_SHOWN_AGAIN: Final = frozenset({RefusalReason.FIELDS_INVALID, RefusalReason.VERSION_STALE})
"""Refusals that leave the dialog open with what was typed; any other is shown on the page."""

_YET_UNKNOWN: Final = "········"
"""Stands where the reference will stand, which is made with the suspension."""

guarded: Final = guarded_by(OrganizationPage)


@require_safe
@guarded
def organization(request: HttpRequest, actor: Actor, page: OrganizationPage) -> HttpResponse:  # noqa: ARG001 - the guard's signature.
    """All about one organization."""
    return show(request, page)


@guarded
@asks_for_proof
def suspend(request: HttpRequest, actor: Actor, page: OrganizationPage) -> HttpResponse:
    """GET says what stops and shows the banner beforehand, POST suspends."""
    if request.method != "POST":
        if page.live_suspension is not None:
            raise Refusal(RefusalReason.ALREADY_SUSPENDED)
        return show_dialog(request, page, _SUSPEND, _suspension(page, SuspendForm()))
    form = SuspendForm.received(request.POST)
    context = _suspension(page, form)
    try:
        Suspend(
            organization_id=page.organization.pk,
            reason=form.chosen(),
            public_text=form.text("public_text"),
            private_note=form.text("private_note"),
        ).run(actor)
    except Refusal as refusal:
        return again(request, page, _SUSPEND, context, refusal)
    return done(request, page, Notice(f"{page.organization.name} is suspended."))


@require_POST
@guarded
def preview(request: HttpRequest, actor: Actor, page: OrganizationPage) -> HttpResponse:  # noqa: ARG001 - the guard's signature.
    """The banner as the organization would read it, while the operator types."""
    return render(request, "console/dialogs/preview.html", _suspension(page, SuspendForm.received(request.POST)))


@guarded
@asks_for_proof
def reinstate(request: HttpRequest, actor: Actor, page: OrganizationPage) -> HttpResponse:
    """GET says what comes back, POST lifts the suspension that was shown."""
    if page.live_suspension is None:
        raise Refusal(RefusalReason.NOT_SUSPENDED)
    form = ReinstateForm.received(request.POST)
    context = _reinstatement(page, form)
    if request.method != "POST":
        return show_dialog(request, page, _REINSTATE, context)
    try:
        Reinstate(organization_id=page.organization.pk, reference=form.text("reference")).run(actor)
    except Refusal as refusal:
        return again(request, page, _REINSTATE, context, refusal)
    return done(request, page, Notice(f"{page.organization.name} is reinstated."))


def again(
    request: HttpRequest, page: OrganizationPage, template: str, context: dict[str, Any], refusal: Refusal
) -> HttpResponse:
    """The dialog with everything typed and each sentence at its place, around what is stored now."""
    if refusal.reason not in _SHOWN_AGAIN:
        raise refusal
    form: Typed = context["form"]
    form.refuse(refusal.field_errors)
    told = {"refusal": refusal.sentence, "again": True}
    return show_dialog(request, page, template, context | told, status=refusal.status)


def _suspension(page: OrganizationPage, form: SuspendForm) -> dict[str, Any]:
    typed = str(form["reason"].value())
    reason = SuspensionReason(typed).label if typed in SuspensionReason.values else "…"
    notice = SuspensionNotice(
        reason=reason,
        public_text=str(form["public_text"].value() or ""),
        reference=_YET_UNKNOWN,
        started_at=page.frame.now,
    )
    return {
        "form": form,
        "organization": page.organization,
        "reasons": SuspensionReason.choices,
        "banner": suspension_sentence(notice),
        "stops": _what_stops(page),
        "save_url": reverse("console:suspend", args=[page.organization.pk]),
        "preview_url": reverse("console:suspend-preview", args=[page.organization.pk]),
    }


def _what_stops(page: OrganizationPage) -> list[str]:
    name, server = page.organization.name, page.enabled_server
    tokens = f"tokens issued by {server}" if server is not None else "access tokens"
    return [
        f"All API requests of {name} with {tokens} are rejected within 5 seconds, on every verifier.",
        "Its authorization servers appear disabled. Its administrators cannot add, edit, enable or delete any.",
        "Only an operator can reinstate it. Renewing the API subscription does not.",
    ]


def _reinstatement(page: OrganizationPage, form: ReinstateForm) -> dict[str, Any]:
    return {
        "form": form,
        "suspension": page.live_suspension,
        "title": f"Reinstate {page.organization.name}?",
        "sentences": _what_comes_back(page),
        "confirm_url": reverse("console:reinstate", args=[page.organization.pk]),
        "confirm_label": "Reinstate",
    }


def _what_comes_back(page: OrganizationPage) -> list[str]:
    name, server = page.organization.name, page.enabled_server
    beyond = entitlement(subscription=terms_of(page.subscription), suspension=None, now=page.frame.now)
    if not beyond.may_change:
        return [f"The suspension ends, but nothing else changes. {beyond.banner}"]
    changes = f"Administrators of {name} can change its authorization servers again."
    if server is None:
        return [changes, "No authorization server is enabled, so tokens stay rejected until one is."]
    return [f"{server} is enabled as it was before: tokens issued by it are accepted again within 10 seconds.", changes]
