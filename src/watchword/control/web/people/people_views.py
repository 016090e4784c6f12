"""The Administrators page's requests translated into commands, and their results into answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from watchword.control.base.refusals import Refusal
from watchword.control.identity.factors.commands import ResetFactors
from watchword.control.identity.people_commands import (
    ChangeRole,
    DeactivateAdministrator,
    InviteAdministrator,
    ReactivateAdministrator,
    RenameAdministrator,
    SignOutAdministrator,
)
from watchword.control.identity.safeguards import refuse_more_than_own
from watchword.control.identity.sign_in_link_commands import CreateSignInLink
from watchword.control.identity.single_sign_on.queries import policy_of
from watchword.control.web.people import forms
from watchword.control.web.people.people_page import AdministratorsPage, Line, Narrowing
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
    from watchword.control.web.people.forms import PersonForm

_INVITE: Final = "people/administrators/invite.html"
_CHANGE: Final = "people/administrators/change.html"

_guarded: Final = guarded_by(AdministratorsPage)


@require_safe
@_guarded
def administrators(request: HttpRequest, actor: Actor, page: AdministratorsPage) -> HttpResponse:  # noqa: ARG001 - the guard's signature.
    """The list of administrators, narrowed by what the address asks for."""
    return show(request, page.narrowed(Narrowing.asked_for(request.GET.dict())))


@_guarded
@asks_for_proof
def invite(request: HttpRequest, actor: Actor, page: AdministratorsPage) -> HttpResponse:
    """GET opens the dialog, POST makes the administrator and shows the link, this once."""
    context: dict[str, Any] = {
        "template": _INVITE,
        "save_url": reverse("people:invite", args=[page.organization_id]),
        "choices": page.choices(),
    }
    if request.method != "POST":
        return show_dialog(request, page, _INVITE, context | {"form": forms.PersonForm()})
    form = forms.received_person(request.POST)
    now = timezone.now()
    command = InviteAdministrator(
        organization_id=page.organization_id,
        email=form.typed("email"),
        name=form.typed("name"),
        role=form.typed("role"),
    )
    try:
        invitation = command.run(actor, now=now)
    except Refusal as refusal:
        return _refused(request, page, context, form, refusal)
    after = page.reopened(actor)
    return link_shown(request, after, after.line(invitation.person.pk), invitation.secret, now)


@_guarded
@asks_for_proof
def sign_in_link(request: HttpRequest, actor: Actor, page: AdministratorsPage, person: int) -> HttpResponse:
    """GET asks, POST makes the link and shows it, this once."""
    line = page.line(person)
    if request.method == "POST":
        now = timezone.now()
        secret = CreateSignInLink(email=line.person.email).run(actor, now=now)
        after = page.reopened(actor)
        return link_shown(request, after, after.line(person), secret, now)
    return _ask(request, page, line, action="sign-in-link", sentences=about_new_link(line.person))


@_guarded
@asks_for_proof
def change_role(request: HttpRequest, actor: Actor, page: AdministratorsPage, person: int) -> HttpResponse:
    """GET opens the dialog, POST gives the role."""
    line = page.line(person)
    context = _change_context(page, line, "change-role", "Change Role") | {"field": "role"}
    if request.method != "POST":
        refuse_more_than_own(actor, line.person.permissions)
        form = forms.PersonForm(initial={"role": line.person.role})
        return show_dialog(request, page, _CHANGE, context | {"form": form})
    form = forms.received_person(request.POST)
    command = ChangeRole(organization_id=page.organization_id, person_id=person, role=form.typed("role"))
    try:
        after = command.run(actor)
    except Refusal as refusal:
        return _refused(request, page, context, form, refusal)
    return done(request, page, Notice(f"{line.person.called} now has the role {after.role}."))


@_guarded
def rename(request: HttpRequest, actor: Actor, page: AdministratorsPage, person: int) -> HttpResponse:
    """GET opens the dialog, POST saves the name."""
    line = page.line(person)
    context = _change_context(page, line, "rename", "Edit Name") | {"field": "name"}
    if request.method != "POST":
        refuse_more_than_own(actor, line.person.permissions)
        return show_dialog(
            request, page, _CHANGE, context | {"form": forms.PersonForm(initial={"name": line.person.name})}
        )
    form = forms.received_person(request.POST)
    command = RenameAdministrator(organization_id=page.organization_id, person_id=person, name=form.typed("name"))
    try:
        command.run(actor)
    except Refusal as refusal:
        return _refused(request, page, context, form, refusal)
    return done(request, page, Notice(f"Saved the name of {line.person.email}."))


@_guarded
@asks_for_proof
def sign_out(request: HttpRequest, actor: Actor, page: AdministratorsPage, person: int) -> HttpResponse:
    """GET asks, POST ends all sessions of the administrator."""
    line = page.line(person)
    if request.method == "POST":
        SignOutAdministrator(organization_id=page.organization_id, person_id=person).run(actor)
        return done(request, page, Notice(f"All sessions of {line.person.called} have ended."))
    sentences = ["All sessions end at once. The account stays active: the person can sign in again."]
    return _ask(request, page, line, action="sign-out", sentences=sentences, dangerous=True)


@_guarded
@asks_for_proof
def reset_factors(request: HttpRequest, actor: Actor, page: AdministratorsPage, person: int) -> HttpResponse:
    """GET asks, POST removes all second factors of the administrator."""
    line = page.line(person)
    if request.method == "POST":
        ResetFactors(person_id=person, organization_id=page.organization_id).run(actor)
        return done(request, page, Notice(reset_done(line.person)))
    policy = policy_of(page.organization_id)
    required = policy.second_factor_required or policy.emergency_person_id == person
    sentences = about_reset(line.person, required=required)
    return _ask(request, page, line, action="reset-factors", sentences=sentences, dangerous=True)


@_guarded
@asks_for_proof
def deactivate(request: HttpRequest, actor: Actor, page: AdministratorsPage, person: int) -> HttpResponse:
    """GET asks, POST deactivates."""
    line = page.line(person)
    sentences = [
        f"{line.person.called} is signed out everywhere at once and can no longer sign in; unused sign-in links end.",
        "Role and history are kept. You can reactivate the account at any time.",
        *about_created_keys(line.person, page.organization_id, page.frame.now),
    ]
    if request.method != "POST":
        return _ask(request, page, line, action="deactivate", sentences=sentences, dangerous=True)
    try:
        DeactivateAdministrator(organization_id=page.organization_id, person_id=person).run(actor)
    except Refusal as refusal:
        return _ask(request, page, line, action="deactivate", sentences=sentences, dangerous=True, refusal=refusal)
    return done(request, page, Notice(f"{line.person.called} is deactivated and signed out."))


@_guarded
@asks_for_proof
def reactivate(request: HttpRequest, actor: Actor, page: AdministratorsPage, person: int) -> HttpResponse:
    """GET asks, POST reactivates."""
    line = page.line(person)
    if request.method == "POST":
        ReactivateAdministrator(organization_id=page.organization_id, person_id=person).run(actor)
        return done(request, page, Notice(f"{line.person.called} can sign in again."))
    sentences = [
        f"{line.person.called} can sign in again with the role {line.person.role} and the earlier password.",
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
    page: AdministratorsPage,
    line: Line,
    *,
    action: str,
    sentences: list[str],
    dangerous: bool = False,
    refusal: Refusal | None = None,
) -> HttpResponse:
    if refusal is None:
        refuse_more_than_own(page.frame.actor, line.person.permissions)
    title, label = _TITLES[action]
    return confirm(
        request,
        page,
        title=title.format(line.person.called),
        sentences=sentences,
        url=reverse(f"people:{action}", args=[page.organization_id, line.person.id]),
        label=label,
        dangerous=dangerous,
        refusal=refusal,
    )


def _change_context(page: AdministratorsPage, line: Line, action: str, title: str) -> dict[str, Any]:
    return {
        "template": _CHANGE,
        "title": title,
        "line": line,
        "save_url": reverse(f"people:{action}", args=[page.organization_id, line.person.id]),
        "choices": page.choices(),
    }


def _refused(
    request: HttpRequest, page: AdministratorsPage, context: dict[str, Any], form: PersonForm, refusal: Refusal
) -> HttpResponse:
    """The dialog again with everything typed, and each sentence where it belongs."""
    form.refuse(refusal.field_errors)
    context = context | {"form": form, "again": True, "refusal": refusal.above_fields}
    return show_dialog(request, page, context["template"], context, status=refusal.status)
