"""The e-mail domains of an organization, which decide whom its single sign-on may create and find."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.urls import reverse

from watchword.control.base.refusals import Refusal, RefusalReason
from watchword.control.identity.single_sign_on.domain_commands import AssignEmailDomain, RemoveEmailDomain
from watchword.control.web.console.forms import DomainForm
from watchword.control.web.console.organization_views import guarded
from watchword.control.web.shell.notices import Notice
from watchword.control.web.shell.page_responses import confirm, done, show_dialog
from watchword.control.web.shell.proof_responses import asks_for_proof

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from watchword.control.base.actor import Actor
    from watchword.control.web.console.pages import OrganizationPage

_ASSIGN: Final = "console/dialogs/domain.html"


@guarded
@asks_for_proof
def assign(request: HttpRequest, actor: Actor, page: OrganizationPage) -> HttpResponse:
    """GET opens the dialog, POST assigns a domain."""
    form = DomainForm() if request.method != "POST" else DomainForm.received(request.POST)
    context = {
        "form": form,
        "title": "Assign E-mail Domain",
        "save_label": "Assign",
        "save_url": reverse("console:assign-domain", args=[page.organization.pk]),
        "organization": page.organization,
    }
    if request.method != "POST":
        return show_dialog(request, page, _ASSIGN, context)
    try:
        assigned = AssignEmailDomain(organization_id=page.organization.pk, domain=form.text("domain")).run(actor)
    except Refusal as refusal:
        if not refusal.field_errors:
            raise
        form.refuse(refusal.field_errors)
        return show_dialog(
            request, page, _ASSIGN, context | {"refusal": refusal.above_fields, "again": True}, status=refusal.status
        )
    return done(request, page, Notice(f"{assigned.domain} is assigned to {page.organization.name}."))


@guarded
@asks_for_proof
def remove(request: HttpRequest, actor: Actor, page: OrganizationPage, domain: str) -> HttpResponse:
    """GET says what stops, POST removes the domain."""
    if request.method == "POST":
        RemoveEmailDomain(organization_id=page.organization.pk, domain=domain).run(actor)
        return done(request, page, Notice(f"{domain} is no longer assigned to {page.organization.name}."))
    if domain not in {assigned.domain for assigned in page.email_domains}:
        raise Refusal(RefusalReason.NOT_FOUND)
    return confirm(
        request,
        page,
        title=f"Remove the e-mail domain {domain}?",
        sentences=[
            f"People of {page.organization.name} with an address in {domain} can no longer sign in by single sign-on.",
            "Their sessions that began so end at once.",
            "Their accounts stay. Sign-in with a password still works where the organization allows it.",
        ],
        url=reverse("console:remove-domain", args=[page.organization.pk, domain]),
        label="Remove",
        dangerous=True,
    )
