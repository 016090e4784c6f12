"""The operators of the provider: invite, let in again, sign out, reset the second factor, deactivate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from watchword.control.base.refusals import Refusal
from watchword.control.identity.factors.commands import ResetFactors
from watchword.control.identity.operator_commands import (
    DeactivateOperator,
    InviteOperator,
    ReactivateOperator,
    SignOutOperator,
)
from watchword.control.identity.sign_in_link_commands import CreateSignInLink
from watchword.control.web.console.forms import OperatorForm
from watchword.control.web.console.operators_page import OperatorsPage
from watchword.control.web.people.person_dialogs import (
    about_created_keys,
    about_new_link,
    about_reset,
    link_shown,
    reset_done,
)
from watchword.control.web.shell.notices import Notice
from watchword.control.web.shell.page_responses import confirm, done, guarded_by, show, show_dialog
from watchword.control.web.shell.proof_responses import asks_for_proof

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from watchword.control.base.actor import Actor
    from watchword.control.web.console.operators_page import Line

_INVITE: Final = "console/dialogs/operator.html"

_guarded: Final = guarded_by(OperatorsPage)


@require_safe
@_guarded
def operators(request: HttpRequest, actor: Actor, page: OperatorsPage) -> HttpResponse:  # noqa: ARG001 - the guard's signature.
    """The list."""
    return show(request, page)


@_guarded
@asks_for_proof
def invite(request: HttpRequest, actor: Actor, page: OperatorsPage) -> HttpResponse:
    """GET opens the dialog, POST makes the operator and shows the link, this once."""
    context: dict[str, Any] = {"save_url": reverse("console:invite-operator")}
    if request.method != "POST":
        return show_dialog(request, page, _INVITE, context | {"form": OperatorForm()})
    form, now = OperatorForm.received(request.POST), timezone.now()
    try:
        invitation = InviteOperator(email=form.text("email"), name=form.text("name")).run(actor, now=now)
    except Refusal as refusal:
        form.refuse(refusal.field_errors)
        context |= {"form": form, "refusal": refusal.above_fields, "again": True}
        return show_dialog(request, page, _INVITE, context, status=refusal.status)
    after = page.reopened(actor)
    return link_shown(request, after, after.line(invitation.person.pk), invitation.secret, now)


@_guarded
@asks_for_proof
def sign_in_link(request: HttpRequest, actor: Actor, page: OperatorsPage, operator: int) -> HttpResponse:
    """GET asks, POST makes the link and shows it, this once."""
    line = page.line(operator)
    if request.method == "POST":
        now = timezone.now()
        secret = CreateSignInLink(email=line.person.email).run(actor, now=now)
        after = page.reopened(actor)
        return link_shown(request, after, after.line(operator), secret, now)
    return _ask(request, page, line, action="sign-in-link", sentences=about_new_link(line.person))


@_guarded
@asks_for_proof
def sign_out(request: HttpRequest, actor: Actor, page: OperatorsPage, operator: int) -> HttpResponse:
    """GET asks, POST ends all sessions of the operator."""
    line = page.line(operator)
    if request.method == "POST":
        SignOutOperator(person_id=operator).run(actor)
        return done(request, page, Notice(f"All sessions of {line.person.called} have ended."))
    sentences = ["All sessions end at once. The account stays active: the person can sign in again."]
    return _ask(request, page, line, action="sign-out", sentences=sentences)


@_guarded
@asks_for_proof
def reset_factors(request: HttpRequest, actor: Actor, page: OperatorsPage, operator: int) -> HttpResponse:
    """GET asks, POST removes all second factors of the operator."""
    line = page.line(operator)
    if request.method == "POST":
        ResetFactors(person_id=operator, organization_id=None).run(actor)
        return done(request, page, Notice(reset_done(line.person)))
    return _ask(request, page, line, action="reset-factors", sentences=about_reset(line.person, required=True))


@_guarded
@asks_for_proof
def deactivate(request: HttpRequest, actor: Actor, page: OperatorsPage, operator: int) -> HttpResponse:
    """GET asks, POST deactivates."""
    line = page.line(operator)
    sentences = [
        f"{line.person.called} is signed out everywhere at once and can no longer sign in. Unused sign-in links end.",
        "The history is kept. You can reactivate the account at any time.",
        *about_created_keys(line.person, None, page.frame.now),
    ]
    if request.method != "POST":
        return _ask(request, page, line, action="deactivate", sentences=sentences)
    try:
        DeactivateOperator(person_id=operator).run(actor)
    except Refusal as refusal:
        return _ask(request, page, line, action="deactivate", sentences=sentences, refusal=refusal)
    return done(request, page, Notice(f"{line.person.called} is deactivated and signed out."))


@_guarded
@asks_for_proof
def reactivate(request: HttpRequest, actor: Actor, page: OperatorsPage, operator: int) -> HttpResponse:
    """GET asks, POST reactivates."""
    line = page.line(operator)
    if request.method == "POST":
        ReactivateOperator(person_id=operator).run(actor)
        return done(request, page, Notice(f"{line.person.called} can sign in again."))
    sentences = [
        f"{line.person.called} can sign in again with the earlier password and reach every organization.",
        "Create a new sign-in link afterwards if someone else may know that password.",
    ]
    return _ask(request, page, line, action="reactivate", sentences=sentences)


_TITLES: Final = {
    "sign-in-link": ("Create a new sign-in link for {}?", "Create Link"),
    "sign-out": ("Sign {} out everywhere?", "Sign Out"),
    "reset-factors": ("Reset the second factor of {}?", "Reset"),
    "deactivate": ("Deactivate {}?", "Deactivate"),
    "reactivate": ("Reactivate {}?", "Reactivate"),
}


def _ask(
    request: HttpRequest,
    page: OperatorsPage,
    line: Line,
    *,
    action: str,
    sentences: list[str],
    refusal: Refusal | None = None,
) -> HttpResponse:
    title, label = _TITLES[action]
    return confirm(
        request,
        page,
        title=title.format(line.person.called),
        sentences=sentences,
        url=reverse(f"console:operator-{action}", args=[line.person.id]),
        label=label,
        dangerous=action in {"deactivate", "sign-out", "reset-factors"},
        refusal=refusal,
    )
