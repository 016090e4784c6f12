"""The page Sign-In Settings, and whether a second factor is required."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.urls import reverse
from django.views.decorators.http import require_safe

from watchword.control.base.refusals import Refusal, RefusalReason
from watchword.control.identity.rules import listed
from watchword.control.identity.single_sign_on.policy_commands import RequireSecondFactor, refuse_operators
from watchword.control.web.shell.notices import Notice
from watchword.control.web.shell.page_responses import done, guarded_by, show, show_dialog
from watchword.control.web.shell.proof_responses import asks_for_proof
from watchword.control.web.sign_in_settings.forms import version_in
from watchword.control.web.sign_in_settings.page import SignInSettingsPage

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from watchword.control.base.actor import Actor

CONFIRM: Final = "sign_in_settings/confirm.html"

guarded: Final = guarded_by(SignInSettingsPage)


@require_safe
@guarded
def settings(request: HttpRequest, actor: Actor, page: SignInSettingsPage) -> HttpResponse:  # noqa: ARG001 - the guard's signature.
    """How the organization's people sign in."""
    return show(request, page)


@guarded
@asks_for_proof
def second_factor(request: HttpRequest, actor: Actor, page: SignInSettingsPage) -> HttpResponse:
    """GET says who must enrol and what ends, POST changes whether a second factor is required."""
    required = not page.policy.second_factor_required
    if request.method != "POST":
        refuse_operators(actor)
        return show_dialog(request, page, CONFIRM, _second_factor(page, required=required))
    command = RequireSecondFactor(
        organization_id=page.organization_id,
        required=request.POST.get("required") == "on",
        expected_version=version_in(request.POST.get("version", "")),
    )
    try:
        command.run(actor)
    except Refusal as refusal:
        return again(request, page, CONFIRM, _second_factor(page, required=required), refusal)
    return done(request, page, Notice(f"A second factor is {'now' if command.required else 'no longer'} required."))


def again(
    request: HttpRequest, page: SignInSettingsPage, template: str, context: dict[str, Any], refusal: Refusal
) -> HttpResponse:
    """The dialog with the refusal's sentence on it. What the actor may not do at all is answered by the guard."""
    if refusal.reason in {RefusalReason.PERMISSION_MISSING, RefusalReason.NOT_FOUND}:
        raise refusal
    refused = {"refusal": refusal.above_fields, "again": True}
    return show_dialog(request, page, template, context | refused, status=refusal.status)


def confirmation(page: SignInSettingsPage, route: str, version: int, **shown: Any) -> dict[str, Any]:
    """What `CONFIRM` needs: `title`, `sentences`, `confirm_label`, perhaps `dangerous` and `hidden`."""
    url = reverse(f"sign_in_settings:{route}", args=[page.organization_id])
    return shown | {"version": version, "confirm_url": url}


def _second_factor(page: SignInSettingsPage, *, required: bool) -> dict[str, Any]:
    version = page.policy.version
    if not required:
        return confirmation(
            page,
            "second-factor",
            version,
            title="Stop requiring a second factor?",
            sentences=[
                "Administrators without a second factor can then sign in with a password alone.",
                "Administrators who have one are still asked for it.",
            ],
            confirm_label="Stop Requiring",
            dangerous=True,
            hidden={"required": "off"},
        )
    return confirmation(
        page,
        "second-factor",
        version,
        title="Require a second factor?",
        sentences=[_who_must_enrol(page), _what_ends(page.weak_sessions())],
        confirm_label="Require Second Factor",
        hidden={"required": "on"},
    )


def _who_must_enrol(page: SignInSettingsPage) -> str:
    people = [person.name or person.email for person in page.without_second_factor]
    if not people:
        return "All active administrators have a second factor."
    verb = "has" if len(people) == 1 else "have"
    return f"{listed(people)} {verb} none and must add one at the next sign-in."


def _what_ends(count: int) -> str:
    if count == 0:
        return "No session ends: all of them began with a second factor or by single sign-on."
    sessions = "1 session that began" if count == 1 else f"{count} sessions that began"
    return f"{sessions} without a second factor {'ends' if count == 1 else 'end'} at once."
